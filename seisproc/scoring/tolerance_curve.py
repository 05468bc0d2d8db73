"""Fault scores within a distance at every threshold, from one small histogram.

At a threshold, a predicted voxel hits if a true one lies within t voxels, and a true one is found
if any voxel within t is predicted: if the largest value within t reaches the threshold. So two
histograms of values hold the precision and recall at every threshold, and those of sections add up.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import CODES, NONE
from seisproc.scoring.calibration import threshold_code
from seisproc.scoring.metrics import Counts
from seisproc.scoring.tolerance import (
    REACH,
    TOLERANCES,
    ToleranceCounts,
    squared_distance,
    tolerance_scores,
)


@dataclass(frozen=True, eq=False)
class ToleranceHistogram:
    """Counts by packed value, which add up over sections.

    Attributes
    ----------
    hits : int64 (tolerances, 255)
        Voxels with a true one within each tolerance, by their value.
    predicted : int64 (255,)
        All voxels, by their value.
    found : int64 (tolerances, 255)
        True voxels, by the largest value within each tolerance of them.
    """

    hits: Counts
    predicted: Counts
    found: Counts

    def __add__(self, other: ToleranceHistogram) -> ToleranceHistogram:
        return ToleranceHistogram(
            self.hits + other.hits, self.predicted + other.predicted, self.found + other.found
        )

    def at(self, threshold: float) -> ToleranceCounts:
        """Count what ``value >= threshold`` marks."""
        code = threshold_code(threshold)
        return ToleranceCounts(
            self.hits[:, code:].sum(axis=1), int(self.predicted[code:].sum()),
            self.found[:, code:].sum(axis=1), int(self.found[0].sum()),
        )


def tolerance_histogram(
    truth: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    axes: tuple[int, ...] = (0, 1),
    mask: NDArray[np.bool_] | None = None,
) -> ToleranceHistogram:
    """Count one section or box for every threshold at once.

    Parameters
    ----------
    truth : uint8
        1 = fault, 0 = none, 255 = not interpreted.
    codes : uint8, same shape
        Packed fault probability; 255 = none, which marks nothing.
    axes : tuple of int
        Axes along which distance counts.
    mask : bool, over the leading axes, optional
        Where to count. What lies beside may match; a box needs a halo of REACH voxels.

    Examples
    --------
    >>> truth = np.array([[0, 1, 0, 0]], np.uint8)
    >>> counts = tolerance_histogram(truth, np.array([[0, 0, 200, 100]], np.uint8))
    >>> counts.at(0.7).hits.tolist()[:2], counts.at(0.7).found.tolist()[:2]
    ([0, 1], [0, 1])
    """
    predicted = (truth != NONE) & (codes != NONE)
    fault = truth == 1
    # What is not predicted counts as code 0, which no threshold marks: see best_within.
    values = np.where(predicted, codes, np.uint8(0))
    distance = squared_distance(fault, axes)
    if mask is not None:
        inside = mask.reshape(mask.shape + (1,) * (truth.ndim - mask.ndim))
        predicted, fault = predicted & inside, fault & inside
    distance, seen = distance[predicted], values[predicted]
    bins = CODES + 1
    hits = [np.bincount(seen[distance <= t * t], minlength=bins) for t in TOLERANCES]
    found = [np.bincount(largest, minlength=bins) for largest in _near(values, fault, axes)]
    return ToleranceHistogram(np.stack(hits), np.bincount(seen, minlength=bins), np.stack(found))


def _near(
    values: NDArray[np.uint8], where: NDArray[np.bool_], axes: tuple[int, ...]
) -> list[NDArray[np.uint8]]:
    """Largest value within each tolerance of the true voxels of ``where``: uint8 (voxel,) each.

    True voxels are few, so their surroundings are gathered, from near to far.
    """
    padded = np.pad(values, [(REACH, REACH) if a in axes else (0, 0) for a in range(values.ndim)])
    flat = padded.ravel()
    places = np.nonzero(where)
    centre = np.ravel_multi_index(
        tuple(p + REACH if a in axes else p for a, p in enumerate(places)), padded.shape
    )
    steps = np.array(list(itertools.product(range(-REACH, REACH + 1), repeat=len(axes))))
    squared = (steps ** 2).sum(axis=1)
    strides = np.array(padded.strides)[list(axes)]  # of bytes, so of voxels
    largest = np.zeros(len(centre), np.uint8)
    found, done = [], np.zeros(len(steps), bool)
    for tolerance in TOLERANCES:
        now = (squared <= tolerance * tolerance) & ~done
        for offset in steps[now] @ strides:
            np.maximum(largest, flat[centre + offset], out=largest)
        done |= now
        found.append(largest.copy())
    return found


def best_within(counts: ToleranceHistogram, tolerance: int) -> tuple[float, float]:
    """Threshold in (0, 1] with the best F1 within a tolerance, and that F1.

    Chosen on the sections that are scored it is an upper bound, which published figures often are;
    chosen on others it is a threshold.

    Parameters
    ----------
    counts : ToleranceHistogram
    tolerance : int
        Voxels, 0 to 5.

    Returns
    -------
    threshold, f1 : float
        0.5 and NaN without a true voxel.
    """
    place = TOLERANCES.index(tolerance)
    true = counts.found[place].sum()
    if not true:
        return 0.5, math.nan
    hits, marked, found = (
        np.cumsum(h[::-1])[::-1].astype(float)
        for h in (counts.hits[place], counts.predicted, counts.found[place])
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = hits / marked, found / true
        f1 = 2 * precision * recall / (precision + recall)
    # Code 0 would mark everything; that is a floor, no prediction.
    code = 1 + int(np.argmax(np.nan_to_num(f1[1:])))
    threshold = code / CODES
    return threshold, tolerance_scores(counts.at(threshold)).f1[place]
