"""Log impedance and facies of every voxel, from the bodies that hold it.

For each voxel the bodies are asked from the youngest to the oldest. A base that crosses a voxel
shares it between the two bodies in proportion, so that surfaces reflect without staircases; the
class is that of the body at the voxel's centre.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from seisproc.synthetic.body import Body
from seisproc.synthetic.faults import Undone
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.layers import NODES_PER_SAMPLE, draw_stack
from seisproc.synthetic.ranges import draw
from seisproc.synthetic.structure import Folds

_CUBE = 64
"""Side of the periodic noise cubes that textures are read from."""

_LAG = 2.5
"""Samples over which the contrast of a body's base fades out upwards."""

_MOST_ADVANCE = 0.75
"""Largest share of its thickness that a layer may gain where a clinoform is steepest."""

_NUMBERS = 20
"""Of a fill's row: values, scales, direction, places in the cubes, clinoform, and its stack."""


class Painted(NamedTuple):
    """A volume of rock. All are (inline, crossline, sample).

    ``log_impedance``: float32, relative to the background. ``facies``: uint8 class codes.
    ``horizon``: float32, depth in samples at deposition, the same all along a layer; it breaks
    where layers do.
    """

    log_impedance: NDArray[np.float32]
    facies: NDArray[np.uint8]
    horizon: NDArray[np.float32]


def paint(
    undone: Undone,
    folds: Folds,
    bodies: tuple[Body, ...],
    lattice: Lattice,
    streams: dict[str, np.random.Generator],
) -> Painted:
    """Evaluate log impedance, class and layers on the deformed grid.

    Parameters
    ----------
    undone : Undone
        Position of each voxel before faulting.
    folds : Folds
        Maps from there to the depth of deposition.
    bodies : tuple of Body
        Oldest first.
    lattice : Lattice
        Grid of all maps.
    streams : dict
        Uses ``layers``, ``texture`` and ``clinoforms``.

    Returns
    -------
    Painted
        What each voxel holds.
    """
    layers_rng, texture_rng = streams["layers"], streams["texture"]
    samples = _stack_length(undone.sample.shape[2])
    stacks: dict[int, NDArray[np.float32]] = {}
    numbers = np.zeros((len(bodies), _NUMBERS), np.float32)
    drawn: dict[int, NDArray[np.float32]] = {}
    for row, body in zip(numbers, bodies, strict=True):
        if body.stack not in stacks:
            stacks[body.stack] = draw_stack(
                layers_rng, samples, draw(layers_rng, body.fill.thickness)
            )
            drawn[body.stack] = _draw_numbers(body, texture_rng, streams["clinoforms"], lattice)
        row[:] = drawn[body.stack]
        row[-1] = list(stacks).index(body.stack)
    rough, smooth = (_noise_cube(texture_rng, width) for width in (1.1, 2.5))
    impedance = np.empty(undone.sample.shape, np.float32)
    facies = np.empty(undone.sample.shape, np.uint8)
    horizon = np.empty(undone.sample.shape, np.float32)
    _paint(
        undone.inline,
        undone.crossline,
        undone.sample,
        folds.shift,
        folds.stretch,
        folds.onset,
        np.stack([np.minimum(body.floor, 1e6) for body in bodies]).astype(np.float32),
        np.stack([body.datum for body in bodies]).astype(np.float32),
        np.array([body.code for body in bodies], np.uint8),
        numbers,
        np.stack(list(stacks.values())),
        rough,
        smooth,
        lattice.margin,
        impedance,
        facies,
        horizon,
    )
    return Painted(impedance, facies, horizon)


def _stack_length(samples: int) -> int:
    """Long enough that no layer stack repeats within the volume."""
    return 4 * samples


def _draw_numbers(
    body: Body, rng: np.random.Generator, clinoforms: np.random.Generator, lattice: Lattice
) -> NDArray[np.float32]:
    """Draw a fill's values and where in the noise cubes it reads; a row for the kernel."""
    fill = body.fill
    row = np.zeros(_NUMBERS, np.float32)
    row[:6] = [
        draw(rng, value)
        for value in (fill.level, fill.lag, fill.layers, fill.warp, fill.rough, fill.patchy)
    ]
    row[6:8] = 1.0 / np.asarray(fill.warp_size)
    row[8:10] = 1.0 / np.asarray(fill.rough_size)
    row[10:12] = np.cos(body.turn), np.sin(body.turn)
    row[12:15] = rng.uniform(0.0, _CUBE, size=3)
    height, length = draw(clinoforms, fill.clinoform), draw(clinoforms, fill.clinoform_length)
    advance, place = draw(clinoforms, fill.prograde), float(clinoforms.uniform(0.0, 0.7))
    if height > 0:
        middle = place * lattice.bins[0] * row[10] + place * lattice.bins[1] * row[11]
        # Layers on the slope would be infinitely thick at an advance of 1.
        speed = _MOST_ADVANCE * advance * 4.0 * length / height
        row[15:19] = height, 1.0 / length, middle, speed
    return row


def _noise_cube(rng: np.random.Generator, width: float) -> NDArray[np.float32]:
    """Periodic Gaussian noise of unit deviation, float32 (_CUBE,) * 3, sigma in nodes."""
    white = rng.standard_normal((_CUBE, _CUBE, _CUBE), dtype=np.float32)
    cube = gaussian_filter(white, width, mode="wrap", truncate=3.0)
    return np.ascontiguousarray(cube / cube.std(), dtype=np.float32)


@njit(cache=True, error_model="numpy")
def _read(cube: NDArray[np.float32], x: float, y: float, z: float) -> float:
    """Trilinear value of a periodic cube."""
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    u, v, w = np.float32(x - i), np.float32(y - j), np.float32(z - k)
    i, j, k = i & (_CUBE - 1), j & (_CUBE - 1), k & (_CUBE - 1)
    e, m, n = (i + 1) & (_CUBE - 1), (j + 1) & (_CUBE - 1), (k + 1) & (_CUBE - 1)
    one = np.float32(1.0)
    near = (cube[i, j, k] * (one - w) + cube[i, j, n] * w) * (one - v) + (
        cube[i, m, k] * (one - w) + cube[i, m, n] * w
    ) * v
    far = (cube[e, j, k] * (one - w) + cube[e, j, n] * w) * (one - v) + (
        cube[e, m, k] * (one - w) + cube[e, m, n] * w
    ) * v
    return near * (one - u) + far * u


@njit(cache=True, error_model="numpy")
def _integral(stack: NDArray[np.float32], depth: float) -> float:
    """Integral of a stack down to a depth in samples; periodic."""
    at = depth * NODES_PER_SAMPLE
    node = int(np.floor(at))
    part = np.float32(at - node)
    node %= stack.size
    after = node + 1 if node + 1 < stack.size else 0
    return stack[node] * (np.float32(1.0) - part) + stack[after] * part


@njit(cache=True, error_model="numpy")
def _paint(
    inline: NDArray[np.float32],
    crossline: NDArray[np.float32],
    sample: NDArray[np.float32],
    shift: NDArray[np.float32],
    stretch: NDArray[np.float32],
    onset: float,
    floors: NDArray[np.float32],
    datums: NDArray[np.float32],
    codes: NDArray[np.uint8],
    numbers: NDArray[np.float32],
    stacks: NDArray[np.float32],
    rough: NDArray[np.float32],
    smooth: NDArray[np.float32],
    margin: int,
    impedance: NDArray[np.float32],
    facies: NDArray[np.uint8],
    horizon: NDArray[np.float32],
) -> None:
    """Fill ``impedance``, ``facies`` and ``horizon`` voxel by voxel; see :func:`paint`."""
    count, rows, columns = floors.shape
    for i in range(inline.shape[0]):
        for j in range(inline.shape[1]):
            for k in range(inline.shape[2]):
                x, y = inline[i, j, k], crossline[i, j, k]
                u = min(max(x + margin, 0.0), rows - 1.001)
                v = min(max(y + margin, 0.0), columns - 1.001)
                p, q = int(u), int(v)
                u -= p
                v -= q
                a, b, c, d = (1 - u) * (1 - v), (1 - u) * v, u * (1 - v), u * v
                size = (
                    stretch[p, q] * a
                    + stretch[p, q + 1] * b
                    + stretch[p + 1, q] * c
                    + stretch[p + 1, q + 1] * d
                )
                z = (
                    shift[p, q] * a
                    + shift[p, q + 1] * b
                    + shift[p + 1, q] * c
                    + shift[p + 1, q + 1] * d
                    + size * min(sample[i, j, k], onset)
                )
                if sample[i, j, k] > onset:
                    z += sample[i, j, k] - onset
                    size = 1.0
                left = 1.0
                total = 0.0
                named = False
                for body in range(count - 1, -1, -1):
                    floor = (
                        floors[body, p, q] * a
                        + floors[body, p, q + 1] * b
                        + floors[body, p + 1, q] * c
                        + floors[body, p + 1, q + 1] * d
                    )
                    over = (floor - z) / size
                    if over <= -0.5:
                        continue
                    share = left * min(over + 0.5, 1.0)
                    datum = (
                        datums[body, p, q] * a
                        + datums[body, p, q + 1] * b
                        + datums[body, p + 1, q] * c
                        + datums[body, p + 1, q + 1] * d
                    )
                    depth, thinning = _layer(numbers[body], x, y, z - datum)
                    if over > 0.0 and not named:
                        facies[i, j, k] = codes[body]
                        horizon[i, j, k] = depth
                        named = True
                    span = size * thinning
                    total += share * _fill(
                        numbers[body], stacks, rough, smooth, x, y, depth, span, floor - z
                    )
                    left -= share
                    if left <= 0.0:
                        break
                impedance[i, j, k] = total


@njit(cache=True, error_model="numpy")
def _layer(numbers: NDArray[np.float32], x: float, y: float, depth: float) -> tuple[float, float]:
    """Depth of a layer before clinoforms bent it, and how much this grows with ``depth``.

    A clinoform is a sigmoid, ``h / (1 + exp((x0 - x) / s))``, which moves forward from each layer
    to the next younger one, so that layers are thick on its slope and thin before and behind it.
    """
    if numbers[15] <= 0.0:
        return depth, 1.0
    along = numbers[10] * x + numbers[11] * y
    ahead = (along - numbers[17] + numbers[18] * depth) * numbers[16]
    sigmoid = 1.0 / (1.0 + np.exp(-ahead))
    thinning = 1.0 - numbers[15] * sigmoid * (1.0 - sigmoid) * numbers[16] * numbers[18]
    return depth - numbers[15] * sigmoid, thinning


@njit(cache=True, error_model="numpy")
def _fill(
    numbers: NDArray[np.float32],
    stacks: NDArray[np.float32],
    rough: NDArray[np.float32],
    smooth: NDArray[np.float32],
    x: float,
    y: float,
    depth: float,
    size: float,
    over: float,
) -> float:
    """Log impedance of one body at a place; ``depth`` below its datum, ``over`` above its base."""
    value = numbers[0] + numbers[1] * np.exp(-max(over, 0.0) / _LAG)
    along = numbers[10] * x + numbers[11] * y
    aside = numbers[10] * y - numbers[11] * x
    if numbers[2] > 0.0:
        s = depth
        gain = 1.0
        if numbers[3] > 0.0 or numbers[5] > 0.0:
            # The smooth cube's features are about 2.5 nodes wide.
            e, f, g = 2.5 * along * numbers[6], 2.5 * aside * numbers[6], 2.5 * depth * numbers[7]
            s += numbers[3] * _read(smooth, e + numbers[12], f + numbers[13], g + numbers[14])
            patches = _read(smooth, f + numbers[14], e + numbers[12], g + numbers[13])
            gain = max(1.0 + numbers[5] * patches, 0.0)
        stack = stacks[int(numbers[-1])]
        layers = _integral(stack, s + 0.5 * size) - _integral(stack, s - 0.5 * size)
        value += numbers[2] * gain * layers / size
    if numbers[4] > 0.0:
        e, f, g = 1.1 * along * numbers[8], 1.1 * aside * numbers[8], 1.1 * depth * numbers[9]
        value += numbers[4] * _read(rough, e + numbers[13], f + numbers[14], g + numbers[12])
    return value
