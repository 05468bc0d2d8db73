"""Channels seen from above: meandering centre lines and the distance of each bin from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seisproc.synthetic.lattice import Lattice


def meander_offset(
    lattice: Lattice,
    rng: np.random.Generator,
    *,
    wavelength: float,
    bend_degrees: tuple[float, float],
) -> NDArray[np.float64]:
    """Signed distance from a meandering line that crosses the volume.

    The line is the sine-generated curve of Langbein and Leopold (1966, USGS Prof. Paper 422-H),
    ``direction(s) = bend sin(2 pi s / M)``, with bends that differ from one to the next.

    Parameters
    ----------
    lattice : Lattice
        Where to measure.
    rng : numpy.random.Generator
        Draws course, place and bends.
    wavelength : float
        M, the length of a meander along the channel, in bins.
    bend_degrees : tuple of float
        Range of the largest angle between channel and valley.

    Returns
    -------
    ndarray
        float64 (x, y), bins, positive to the left of the flow.
    """
    reach = 2.0 * float(np.hypot(*lattice.shape))
    distance = np.arange(0.0, reach, 0.5)
    knots = np.arange(0.0, reach + wavelength, wavelength)
    bend = np.interp(distance, knots, np.radians(rng.uniform(*bend_degrees, size=knots.size)))
    phase = 2.0 * np.pi * (distance / wavelength + float(rng.random()))
    course = float(rng.uniform(0.0, 2.0 * np.pi))
    direction = course + bend * np.sin(phase)
    line = 0.5 * np.cumsum(np.stack([np.cos(direction), np.sin(direction)], axis=1), axis=0)
    # The middle of the line passes through the volume's inner part.
    passes = [float(rng.uniform(0.25, 0.75)) * n for n in lattice.bins]
    line += np.array(passes) - line[len(line) // 2]

    x, y = lattice.axes
    bins = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    away, nearest = cKDTree(line).query(bins)
    offset = bins - line[nearest]
    side = np.cos(direction)[nearest] * offset[..., 1] - np.sin(direction)[nearest] * offset[..., 0]
    return np.where(side >= 0, away, -away)


def trough(offset: NDArray[np.float64], half_width: float, power: float) -> NDArray[np.float64]:
    """Depth of a channel's cross-section, 1 on its axis and 0 beyond its edges.

    ``power`` 1 is a V, 2 a parabola, more a U with steep walls.

    Examples
    --------
    >>> trough(np.array([0.0, 5.0, 10.0, 20.0]), 10.0, 2.0).tolist()
    [1.0, 0.75, 0.0, 0.0]
    """
    return np.clip(1.0 - np.abs(offset / half_width) ** power, 0.0, None)
