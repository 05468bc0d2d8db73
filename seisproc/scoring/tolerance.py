"""Fault scores within a distance, from counts.

A pick is a line drawn by hand; a prediction two voxels beside it is right. At tolerance t,
precision is the share of predicted fault voxels with a true one within t voxels, recall the share
of true ones with a predicted one within t. Distances are Euclidean, within vertical sections
(``axes=(1, 2)`` for inline sections) or in the volume (``axes=(0, 1, 2)``), as the labels were
made.

Only voxels inside the mask are counted, but they may be matched by voxels outside it: a fault that
leaves the test block is not a false alarm at its edge. What is not interpreted, or not predicted,
matches nothing and is not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE
from seisproc.scoring.metrics import Counts

TOLERANCES = (0, 1, 2, 3, 4, 5)
"""Voxels."""

REACH = max(TOLERANCES)
"""Halo in voxels within which counts of a box are exact."""

_FAR = 200
"""Stands for any squared distance over REACH ** 2; plus REACH ** 2 it still fits in uint8."""


def squared_distance(mask: NDArray[np.bool_], axes: tuple[int, ...]) -> NDArray[np.uint8]:
    """Squared Euclidean distance in voxels to the nearest true voxel, exact up to REACH.

    Anything farther gets some larger value. Separable minimum of parabolas (Felzenszwalb and
    Huttenlocher 2012, doi 10.4086/toc.2012.v008a019), cut off: 11 shifts an axis in uint8 instead
    of a full transform, ten times as fast.

    Parameters
    ----------
    mask : bool, any shape
    axes : tuple of int
        Axes along which distance counts; along the others every slice is for itself.

    Examples
    --------
    >>> squared_distance(np.array([[True, False, False], [False, False, False]]), (0, 1)).tolist()
    [[0, 1, 4], [1, 2, 5]]
    """
    distance = np.where(mask, np.uint8(0), np.uint8(_FAR))
    for axis in axes:
        source = np.moveaxis(distance, axis, 0)
        nearest = source.copy()
        for step in range(1, min(REACH, len(source) - 1) + 1):
            cost = np.uint8(step * step)
            np.minimum(nearest[step:], source[:-step] + cost, out=nearest[step:])
            np.minimum(nearest[:-step], source[step:] + cost, out=nearest[:-step])
        np.minimum(nearest, _FAR, out=nearest)
        distance = np.moveaxis(nearest, 0, axis)
    return distance


@dataclass(frozen=True, eq=False)
class ToleranceCounts:
    """Counts that add up over boxes.

    Attributes
    ----------
    hits : int64 (tolerances,)
        Predicted fault voxels with a true one within each tolerance.
    predicted : int
        Predicted fault voxels.
    found : int64 (tolerances,)
        True fault voxels with a predicted one within each tolerance.
    true : int
        True fault voxels.
    """

    hits: Counts
    predicted: int
    found: Counts
    true: int

    def __add__(self, other: ToleranceCounts) -> ToleranceCounts:
        return ToleranceCounts(
            self.hits + other.hits, self.predicted + other.predicted,
            self.found + other.found, self.true + other.true,
        )

    @classmethod
    def zero(cls) -> ToleranceCounts:
        """Return the counts of nothing."""
        return cls(np.zeros(len(TOLERANCES), np.int64), 0, np.zeros(len(TOLERANCES), np.int64), 0)


def tolerance_counts(
    truth: NDArray[np.uint8],
    marked: NDArray[np.bool_],
    axes: tuple[int, ...] = (0, 1, 2),
    mask: NDArray[np.bool_] | None = None,
) -> ToleranceCounts:
    """Count matches between true and predicted fault voxels.

    Parameters
    ----------
    truth : uint8
        1 = fault, 0 = none, 255 = not interpreted.
    marked : bool, same shape
        Predicted fault voxels.
    axes : tuple of int
        Axes along which distance counts.
    mask : bool, over the leading axes, optional
        Where to count. Give a box a halo of REACH voxels outside its mask to count as in the
        whole volume.

    Examples
    --------
    >>> truth = np.zeros((1, 8), np.uint8)
    >>> truth[0, 2] = 1
    >>> counts = tolerance_counts(truth, np.eye(1, 8, 4, dtype=bool), axes=(1,))
    >>> counts.hits.tolist(), counts.found.tolist()
    ([0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1])
    """
    interpreted = truth != NONE
    fault = truth == 1
    marked = marked & interpreted
    to_fault, to_marked = squared_distance(fault, axes), squared_distance(marked, axes)
    if mask is not None:
        fault, marked = fault[mask], marked[mask]
        to_fault, to_marked = to_fault[mask], to_marked[mask]
    return ToleranceCounts(
        _within(to_fault[marked]), int(marked.sum()), _within(to_marked[fault]), int(fault.sum())
    )


def _within(squared: NDArray[np.uint8]) -> Counts:
    """Count the squared distances that are within each tolerance."""
    histogram = np.bincount(squared, minlength=256).cumsum()
    return histogram[[t * t for t in TOLERANCES]].astype(np.int64)


@dataclass(frozen=True)
class ToleranceScores:
    """Precision, recall and F1 at tolerances of 0 to 5 voxels. NaN where nothing is marked."""

    tolerance: tuple[int, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]


def tolerance_scores(counts: ToleranceCounts) -> ToleranceScores:
    """Scores from counts."""
    precision = counts.hits / counts.predicted if counts.predicted else counts.hits * math.nan
    recall = counts.found / counts.true if counts.true else counts.found * math.nan
    with np.errstate(invalid="ignore"):
        f1 = np.where(precision + recall > 0, 2 * precision * recall / (precision + recall),
                      precision + recall)
    return ToleranceScores(
        TOLERANCES, tuple(precision.tolist()), tuple(recall.tolist()), tuple(f1.tolist())
    )
