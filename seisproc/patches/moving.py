"""Moving the traces of a patch sideways: turns about the vertical by any angle, and elastic warps.

A trace moves as a whole, so that nothing along it is stretched or blurred. Because of that one
interpolation between neighbouring traces serves all depths; ``scipy.ndimage.map_coordinates``,
which knows nothing of it, takes seven times as long or more. Beyond its edges a patch is reflected.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.patches.distort import Label, Seismic, smooth_shift

Places = NDArray[np.float32]
"""Lateral positions to read: float32 (*lateral, axis), in traces."""


def grid(lateral: tuple[int, ...]) -> Places:
    """Places of the traces themselves.

    >>> grid((2,)).tolist()
    [[0.0], [1.0]]
    """
    axes = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in lateral), indexing="ij")
    return np.stack(axes, axis=-1)


def turned(lateral: tuple[int, ...], degrees: float) -> Places:
    """Places to read for a turn about the vertical through the middle of a 3-D patch.

    >>> np.rint(turned((3, 3), 90.0)[0]).astype(int).tolist()
    [[0, 2], [1, 2], [2, 2]]
    """
    if len(lateral) != 2:
        raise ConfigError("Only 3-D patches can be turned", found=f"{len(lateral)} lateral axes")
    middle = np.array([(extent - 1) / 2 for extent in lateral], np.float32)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cosine, -sine], [sine, cosine]], np.float32)
    places = np.asarray((grid(lateral) - middle) @ turn + middle, np.float32)
    return places


def swayed(lateral: tuple[int, ...], share: float, rng: np.random.Generator) -> Places:
    """Smooth sideways shifts to add to places; their standard deviation is a share of each extent.

    Their scale is a sixth of the patch: up to a share of 0.04 no trace overtakes another.
    """
    fields = [smooth_shift(lateral, share * extent, rng) for extent in lateral]
    return np.stack(fields, axis=-1).astype(np.float32)


def move_traces(seismic: Seismic, label: Label, places: Places) -> tuple[Seismic, Label]:
    """Read every trace at another place: cubic (Catmull-Rom) for the seismic, nearest for labels.

    Parameters
    ----------
    seismic : float32 (trace, sample) or (inline, crossline, sample)
    label : uint8, same shape
    places : float32 (*lateral, axis)
        Where to read each trace, in traces.

    Returns
    -------
    float32 and uint8 of the same shape. Places that are whole numbers give those very traces.
    """
    lateral, samples = seismic.shape[:-1], seismic.shape[-1]
    flat = places.reshape(-1, len(lateral))
    base = np.floor(flat).astype(np.int64)
    weights = _weights(flat - base)
    traces = np.ascontiguousarray(seismic).reshape(-1, samples)
    out = np.zeros((len(flat), samples), np.float32)
    for taps in itertools.product(range(4), repeat=len(lateral)):
        weight = np.ones(len(flat), np.float32)
        for axis, tap in enumerate(taps):
            weight = weight * weights[tap, :, axis]
        used = weight != 0
        if used.all():
            out += weight[:, None] * traces[_numbers(base + np.array(taps) - 1, lateral)]
        elif used.any():
            rows = _numbers(base[used] + np.array(taps) - 1, lateral)
            out[used] += weight[used, None] * traces[rows]
    nearest = _numbers(np.floor(flat + 0.5).astype(np.int64), lateral)
    moved = np.ascontiguousarray(label).reshape(-1, samples)[nearest]
    return out.reshape(seismic.shape), moved.reshape(label.shape)


def _weights(t: NDArray[np.floating]) -> Places:
    """Weights of the four neighbours of a place, float32 (4, ...); they sum to one."""
    t = t.astype(np.float32)
    square, cube = t * t, t * t * t
    half = np.float32(0.5)
    return np.stack([
        square - half * (t + cube),
        1 - half * (5 * square - 3 * cube),
        half * (t + 4 * square - 3 * cube),
        half * (cube - square),
    ])


def _numbers(cells: NDArray[np.int64], lateral: tuple[int, ...]) -> NDArray[np.int64]:
    """Trace numbers of cells (n, axis), those outside reflected without repeating the edge."""
    number = np.zeros(len(cells), np.int64)
    for axis, extent in enumerate(lateral):
        period = max(1, 2 * (extent - 1))
        place = cells[:, axis] % period
        number = number * extent + np.where(place >= extent, period - place, place)
    return number
