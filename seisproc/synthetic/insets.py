"""Bodies that are set into a sheet: lenses, domes, channels and canyons, with their levees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seisproc.synthetic.body import Body, layering
from seisproc.synthetic.channels import meander_offset, trough
from seisproc.synthetic.column import Unit
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.lattice import Lattice
from seisproc.synthetic.ranges import draw

_WIDEST = 0.7
"""A canyon or channel takes at most this fraction of the lateral extent."""

_DEEPEST = {"channel": 0.13, "canyon": 0.50}
"""And at most this fraction of the vertical extent."""

_LEVEE_REACH = {"channel": 1.2, "canyon": 0.45}
"""Levees thin out over this many widths."""

_BELOW = {"lens": 0.7, "dome": 0.0}
_ABOVE = {"lens": 0.3, "dome": 1.0}
"""Share of its thickness by which an inset cuts down from its surface, and rises above it."""


def lens(
    unit: Unit,
    surface: NDArray[np.float64],
    config: SyntheticConfig,
    lattice: Lattice,
    rng: np.random.Generator,
    stack: int,
) -> tuple[list[Body], NDArray[np.float64]]:
    """Set in a lens, with an erosive grooved base and a hummocky top, or a dome, on a level base.

    Returns
    -------
    list of Body
        The lens.
    ndarray
        float64 (x, y), the surface above it.
    """
    fill, lateral = unit.fills[0], float(np.mean(config.shape[:2]))
    thickness = draw(rng, unit.thick) * config.shape[2]
    share, grain = draw(rng, unit.size), draw(rng, unit.grain)
    outline = lattice.undulation(rng, 0.22 * lateral) + 0.15 * lattice.undulation(rng, 4.0)
    edge = float(np.quantile(outline[lattice.inside], 1.0 - share))
    dome = np.clip((outline - edge) / (outline[lattice.inside].max() - edge), 0.0, 1.2) ** 0.5
    body = thickness * dome * np.clip(1.0 + 0.25 * lattice.undulation(rng, 8.0), 0.3, None)
    grooves = 0.12 * thickness * np.clip(lattice.undulation(rng, (12.0, 2.5)), -1.0, 2.0)
    below = _BELOW[unit.shape]
    floor = surface + np.clip(below * body + (dome * grooves if below else 0.0), 0.0, None)
    hummocks = dome * grain * lattice.undulation(rng, 2.5)
    cover = np.minimum(surface - _ABOVE[unit.shape] * body - hummocks, floor)
    datum = layering(fill, surface, lattice, rng)
    return [Body(unit.code, floor, datum, fill, stack, float(rng.uniform(0.0, np.pi)))], cover


def channel(
    unit: Unit,
    surface: NDArray[np.float64],
    config: SyntheticConfig,
    lattice: Lattice,
    rng: np.random.Generator,
    stack: int,
    levee: float,
) -> tuple[list[Body], NDArray[np.float64]]:
    """Cut a meandering channel, fill it, and let it spill over: the arguments of :func:`canyon`."""
    width, depth = _cross_section(unit, config, rng)
    offset = meander_offset(
        lattice, rng, wavelength=float(rng.uniform(5.0, 9.0)) * width, bend_degrees=(25.0, 70.0)
    )
    shape = trough(offset, width / 2, float(rng.uniform(1.4, 2.6)))
    along = np.clip(1.0 + 0.15 * lattice.undulation(rng, 10.0), 0.5, 1.5)
    floor = surface + depth * along * shape
    fill = unit.fills[0]
    datum = layering(fill, floor, lattice, rng)
    body = Body(unit.code, floor, datum, fill, stack, float(rng.uniform(0.0, np.pi)))
    return _with_levees([body], surface, _overbank(offset, width, levee * depth, unit.shape))


def canyon(
    unit: Unit,
    surface: NDArray[np.float64],
    config: SyntheticConfig,
    lattice: Lattice,
    rng: np.random.Generator,
    stack: int,
    levee: float,
) -> tuple[list[Body], NDArray[np.float64]]:
    """Cut a canyon and fill it in stages, each cut by a channel that has moved sideways.

    Parameters
    ----------
    unit : Unit
        What it is like.
    surface : ndarray
        float64 (x, y), the surface that it cuts, samples.
    config : SyntheticConfig
        Scales of the volume.
    lattice : Lattice
        Grid of all maps.
    rng : numpy.random.Generator
        The column's own stream.
    stack : int
        Number of the first of its stacks of layers.
    levee : float
        Height of its levees over its depth.

    Returns
    -------
    list of Body
        Levees and stages, oldest first.
    ndarray
        float64 (x, y), the surface above them.
    """
    width, depth = _cross_section(unit, config, rng)
    offset = meander_offset(
        lattice, rng, wavelength=float(rng.uniform(3.0, 5.0)) * width, bend_degrees=(10.0, 35.0)
    )
    shape = trough(offset, width / 2, float(rng.uniform(2.2, 4.0)))
    rugged = 0.06 * depth * lattice.undulation(rng, 4.0) * np.minimum(4.0 * shape, 1.0)
    canyon = surface + np.clip(depth * shape + rugged, 0.0, None)
    stages = int(rng.integers(3, 6))
    bodies: list[Body] = []
    place = 0.0
    for stage in range(stages):
        fill = unit.fills[stage % len(unit.fills)]
        floor = canyon
        if stage:
            place = float(np.clip(place + rng.normal(0.0, 0.18), -0.3, 0.3))
            filled = depth * (1.0 - stage / stages) * float(rng.uniform(0.75, 0.95))
            cut = depth * float(rng.uniform(0.15, 0.32))
            narrow = trough(offset - place * width, width * float(rng.uniform(0.15, 0.28)), 2.0)
            bumps = 0.03 * depth * lattice.undulation(rng, 6.0)
            floor = np.minimum(surface + np.clip(filled + cut * narrow + bumps, 0, None), canyon)
        datum = layering(fill, floor, lattice, rng)
        turn = float(rng.uniform(0.0, np.pi))
        bodies.append(Body(unit.code, floor, datum, fill, stack + stage, turn))
    return _with_levees(bodies, surface, _overbank(offset, width, levee * depth, unit.shape))


def _overbank(
    offset: NDArray[np.float64], width: float, height: float, shape: str
) -> NDArray[np.float64]:
    """Thickness of what spills over, float64 (x, y): crests at the banks, thinning outwards.

    Nothing thinner than a sample is laid down, so that levees end in an edge.
    """
    away = np.abs(offset) - width / 2
    outside = np.clip(1.0 - away / (_LEVEE_REACH[shape] * width), 0.0, 1.0) ** 2
    inside = (1.0 + np.minimum(away, 0.0) / (width / 2)) ** 2
    thickness = height * np.where(away > 0, outside, inside)
    return np.where((away > 0) & (thickness < 1.0), 0.0, thickness)


def _with_levees(
    bodies: list[Body], surface: NDArray[np.float64], overbank: NDArray[np.float64]
) -> tuple[list[Body], NDArray[np.float64]]:
    """Put levees of the youngest fill beside what was cut; their layers thin with them."""
    if overbank.max() < 1.0:
        return bodies, surface
    cover = surface - overbank
    cut = bodies[0].floor > surface
    levees = replace(bodies[-1], floor=surface, datum=cover)
    inside = [replace(body, floor=np.where(cut, body.floor, cover)) for body in bodies]
    return [levees, *inside], cover


def _cross_section(
    unit: Unit, config: SyntheticConfig, rng: np.random.Generator
) -> tuple[float, float]:
    """Draw width in bins and depth in samples, within what the volume can hold."""
    width_m, aspect = draw(rng, unit.width_m), draw(rng, unit.aspect)
    width = min(width_m / config.bin_m, _WIDEST * float(np.mean(config.shape[:2])))
    depth = width * config.bin_m / aspect / config.metres_per_sample
    return max(width, 4.0), min(depth, _DEEPEST[unit.shape] * config.shape[2])
