"""Fault scores within a distance at every threshold, from one small histogram.

At a threshold, a predicted voxel hits if a true one lies within t voxels, and a true one is found
if any voxel within t is predicted: if the largest value within t reaches the threshold. So two
histograms of values hold the precision and recall at every threshold, and those of sections add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from seisproc.schema import CODES, NONE
from seisproc.scoring.calibration import threshold_code
from seisproc.scoring.metrics import Counts
from seisproc.scoring.tolerance import (
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
    mask: NDArray[np.bool_] | None = None,
) -> ToleranceHistogram:
    """Count one section for every threshold at once.

    Parameters
    ----------
    truth : uint8 (trace, sample)
        1 = fault, 0 = none, 255 = not interpreted.
    codes : uint8 (trace, sample)
        Packed fault probability; 255 = none, which marks nothing.
    mask : bool (trace,), optional
        Traces that are counted. What lies beside them may match.

    Examples
    --------
    >>> truth = np.array([[0, 1, 0, 0]], np.uint8)
    >>> counts = tolerance_histogram(truth, np.array([[0, 0, 200, 100]], np.uint8))
    >>> counts.at(0.7).hits.tolist()[:2], counts.at(0.7).found.tolist()[:2]
    ([0, 1], [0, 1])
    """
    interpreted = truth != NONE
    fault = truth == 1
    # 0 marks nothing: thresholds begin at code 1, see best_within.
    values = np.where(interpreted & (codes != NONE), codes, np.uint8(0))
    counted = interpreted & (codes != NONE)
    if mask is not None:
        counted &= mask[:, None]
        fault = fault & mask[:, None]
    distance = squared_distance(truth == 1, (0, 1))[counted]
    seen = values[counted]
    hits = [np.bincount(seen[distance <= t * t], minlength=CODES + 1) for t in TOLERANCES]
    found = [np.bincount(_largest_within(values, t)[fault], minlength=CODES + 1)
             for t in TOLERANCES]
    return ToleranceHistogram(
        np.stack(hits), np.bincount(seen, minlength=CODES + 1), np.stack(found)
    )


def _largest_within(values: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Largest value within a Euclidean distance: columns of a disc, one filter each."""
    largest = values.copy()
    for step in range(radius + 1):
        half = math.isqrt(radius * radius - step * step)
        column = maximum_filter1d(values, 2 * half + 1, axis=1, mode="nearest")
        for here, there in ((slice(step, None), slice(None, len(values) - step)),
                            (slice(None, len(values) - step), slice(step, None))):
            if step < len(values):
                np.maximum(largest[here], column[there], out=largest[here])
    return largest


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
