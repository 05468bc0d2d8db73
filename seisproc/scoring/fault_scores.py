"""Scores of a fault prediction, from counts: at its own threshold, at the best, and thinned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from seisproc.scoring.calibration import auroc, average_precision, counts_at
from seisproc.scoring.metrics import Counts, plain
from seisproc.scoring.tolerance import (
    REACH,
    TOLERANCES,
    ToleranceCounts,
    ToleranceScores,
    tolerance_scores,
)
from seisproc.scoring.tolerance_curve import ToleranceHistogram, best_within


@dataclass(frozen=True)
class BestScores:
    """The best that a threshold can do, chosen on the scored part: an upper bound.

    Attributes
    ----------
    threshold : float
        With the best F1 within 5 voxels.
    f1 : tuple of float
        Best F1 within 0 to 5 voxels, each at its own threshold.
    """

    threshold: float
    f1: tuple[float, ...]


def best_scores(curve: ToleranceHistogram) -> BestScores:
    """Best scores from the counts of all thresholds."""
    return BestScores(
        best_within(curve, REACH)[0], tuple(best_within(curve, t)[1] for t in TOLERANCES)
    )


@dataclass(frozen=True)
class FaultScores:
    """Scores of a fault volume.

    Attributes
    ----------
    threshold : float
        Probability from which a voxel is marked, chosen without a look at the scored part; NaN
        where the prediction came with its own marks.
    precision, recall, f1, iou : float
        Voxel by voxel at the threshold.
    average_precision, auroc : float
        Over all thresholds; NaN without probabilities.
    within : ToleranceScores
        Precision, recall and F1 within 0 to 5 voxels.
    marked, true : int
        Voxels.
    best : BestScores or None
        At the best thresholds.
    thinned, thinned_best : ToleranceScores or None
        Within vertical sections, of the marks thinned to lines of one pixel: those of the
        prediction, and those at ``best.threshold``.
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    iou: float
    average_precision: float
    auroc: float
    within: ToleranceScores
    marked: int
    true: int
    best: BestScores | None = None
    thinned: ToleranceScores | None = None
    thinned_best: ToleranceScores | None = None

    def figures(self) -> dict[str, Any]:
        """Figures by name, JSON-able, one level deep."""
        names = ("f1", "precision", "recall", "iou", "average_precision", "auroc", "threshold",
                 "marked", "true")
        figures = {name: plain(getattr(self, name)) for name in names}
        figures |= {**_within("f1", self.within.f1), "f1": figures["f1"]}
        figures[f"precision_within_{REACH}"] = plain(self.within.precision[-1])
        figures[f"recall_within_{REACH}"] = plain(self.within.recall[-1])
        if self.best is not None:
            figures["best_threshold"] = plain(self.best.threshold)
            figures |= _within("best_f1", self.best.f1)
        if self.thinned is not None:
            figures |= _within("thinned_f1", self.thinned.f1)
        if self.thinned_best is not None:
            figures |= _within("thinned_best_f1", self.thinned_best.f1)
        return figures


def _within(name: str, values: tuple[float, ...]) -> dict[str, Any]:
    """Figures of the tolerances; that of 0 bears the name alone."""
    return {f"{name}_within_{t}" if t else name: plain(value)
            for t, value in zip(TOLERANCES, values, strict=True)}


def fault_scores(
    histogram: Counts | None,
    distances: ToleranceCounts,
    threshold: float,
    *,
    marks: Counts | None = None,
    curve: ToleranceHistogram | None = None,
    thinned: ToleranceCounts | None = None,
    thinned_best: ToleranceCounts | None = None,
) -> FaultScores:
    """Scores from counts.

    Parameters
    ----------
    histogram : int64 (2, 255) or None
        Of (fault, packed probability); None without probabilities.
    distances : ToleranceCounts
        Of what is marked.
    threshold : float
        From which a voxel is marked; NaN where ``marks`` are given instead.
    marks : int64 (2, 2), optional
        Confusion matrix of (fault, marked). By default that of the threshold.
    curve : ToleranceHistogram, optional
        Counts of all thresholds.
    thinned, thinned_best : ToleranceCounts, optional
        Of the thinned marks.

    Raises
    ------
    ValueError
        If there is neither a histogram nor marks.
    """
    if marks is None:
        if histogram is None:
            raise ValueError("a fault score needs a histogram or marks")
        marks = counts_at(histogram, threshold)
    (_, false_alarm), (missed, hit) = marks.tolist()
    marked, true = hit + false_alarm, hit + missed
    return FaultScores(
        threshold=threshold,
        precision=hit / marked if marked else math.nan,
        recall=hit / true if true else math.nan,
        f1=2 * hit / (marked + true) if marked + true else math.nan,
        iou=hit / (marked + missed) if marked + missed else math.nan,
        average_precision=math.nan if histogram is None else average_precision(histogram),
        auroc=math.nan if histogram is None else auroc(histogram),
        within=tolerance_scores(distances),
        marked=marked,
        true=true,
        best=None if curve is None else best_scores(curve),
        thinned=None if thinned is None else tolerance_scores(thinned),
        thinned_best=None if thinned_best is None else tolerance_scores(thinned_best),
    )
