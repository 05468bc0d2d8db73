"""Local dips, and what a trace has that its neighbours, shifted along the dip, do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from seisproc.scoring.floors import structure_tensor

_STEEPEST = 4.0
"""Samples per trace; beyond it, what looks like dip is a step to the next reflection."""


def local_dips(
    values: NDArray[np.float32],
) -> tuple[dict[int, NDArray[np.float32]], NDArray[np.float32], NDArray[np.float32]]:
    """Lateral axis -> dip in samples per trace; the gradient's power; and the least planarity.

    Along each lateral axis the dip is that of the plane whose normal is the direction of the
    largest gradient, theta = atan2(2 xz, zz - xx) / 2 (Bigun and Granlund 1987), and planarity is
    (l1 - l2) / (l1 + l2) of that plane's eigenvalues: 1 for plane layers, 0 for chaos.
    """
    tensor = structure_tensor(values)
    axes = [axis for axis in range(3) if values.shape[axis] > 1]
    last = len(axes) - 1
    slots = {(0, 1): 3, (0, 2): 4, (1, 2): 5}
    dips = {}
    plane = np.ones(values.shape, np.float32)
    for order, axis in enumerate(axes[:-1]):
        across, along, both = tensor[order], tensor[last], tensor[slots[order, last]]
        angle = 0.5 * np.arctan2(2.0 * both, along - across)
        dips[axis] = np.clip(-np.tan(angle), -_STEEPEST, _STEEPEST).astype(np.float32)
        spread = np.sqrt((along - across) ** 2 + 4.0 * both**2)
        plane = np.minimum(plane, spread / np.maximum(along + across, 1e-30))
    return dips, tensor[:3].sum(axis=0), plane


def steered_residual(
    values: NDArray[np.float32], dips: dict[int, NDArray[np.float32]], there: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Take from each trace the mean of its neighbours, each shifted along the dip.

    Parameters
    ----------
    values : ndarray
        float32 (inline, crossline, sample).
    dips : dict
        Lateral axis -> dip in samples per trace, as :func:`local_dips` gives.
    there : ndarray
        Bool (inline, crossline): where a trace exists.

    Returns
    -------
    residual : ndarray
        float32 of the shape of ``values``: they less the mean of their neighbours; 0 where a
        neighbour is missing.
    kept : ndarray
        Bool (inline, crossline): where none is.
    """
    guess, neighbours = np.zeros_like(values), 0
    kept = binary_erosion(there, iterations=2, border_value=1) if not there.all() else there.copy()
    for axis, dip in dips.items():
        for step in (-1, 1):
            beside = np.roll(values, -step, axis=axis)
            guess += _shifted(beside, step * dip)
            neighbours += 1
        edge: list[Any] = [slice(None), slice(None)]
        for end in (0, -1):
            edge[axis] = end
            kept[tuple(edge)] = False
    if not there.all():
        kept = binary_erosion(kept, iterations=1, border_value=1)
    if not neighbours:
        return np.zeros_like(values), np.zeros_like(kept)
    return np.where(kept[..., None], values - guess / neighbours, 0), kept


def noise_level(
    values: NDArray[np.float32],
    residual: NDArray[np.float32],
    kept: NDArray[np.bool_],
    neighbours: int,
) -> float:
    """Rms noise over rms signal, from how well a trace follows from its neighbours.

    The mean of n neighbours, each shifted along the dip, has the signal and 1/n of the noise's
    power, so that the residual has 1 + 1/n of it, if noise does not resemble the neighbours'.
    """
    if not neighbours or not kept.any():
        return 0.0
    left = float(np.mean(residual[kept].astype(np.float64) ** 2))
    noise = left / (1.0 + 1.0 / neighbours)
    total = float(np.mean(values[kept].astype(np.float64) ** 2))
    return float(np.sqrt(noise / max(total - noise, 0.01 * total))) if total > 0 else 0.0


def _shifted(values: NDArray[np.float32], shift: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values at ``sample + shift``, by the cubic through the four samples around it."""
    at = np.arange(values.shape[2], dtype=np.float32) + shift
    base = np.floor(at).astype(np.int64)
    t = at - base
    weights = (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    )
    total = np.zeros_like(values)
    for offset, weight in enumerate(weights, start=-1):
        where = np.clip(base + offset, 0, values.shape[2] - 1)
        total += weight * np.take_along_axis(values, where, axis=2)
    return total
