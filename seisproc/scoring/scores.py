"""How good an interpretation is, beside what costs nothing: values, ready for JSON and reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seisproc.scoring.calibration import (
    Reliability,
    auroc,
    average_precision,
    counts_at,
    reliability,
)
from seisproc.scoring.metrics import Counts, FaciesScores, facies_scores, plain
from seisproc.scoring.tolerance import (
    TOLERANCES,
    ToleranceCounts,
    ToleranceScores,
    tolerance_scores,
)


@dataclass(frozen=True)
class FaultScores:
    """Scores of a fault volume.

    Attributes
    ----------
    threshold : float
        Probability from which a voxel is marked, chosen without a look at the scored part.
    precision, recall, f1, iou : float
        Voxel by voxel at the threshold.
    average_precision, auroc : float
        Over all thresholds.
    within : ToleranceScores
        Precision, recall and F1 within 0 to 5 voxels.
    marked, true : int
        Voxels.
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


def fault_scores(histogram: Counts, distances: ToleranceCounts, threshold: float) -> FaultScores:
    """Scores from a histogram of (fault, packed probability) and the counts within distances."""
    (_, false_alarm), (missed, hit) = counts_at(histogram, threshold).tolist()
    marked, true = hit + false_alarm, hit + missed
    return FaultScores(
        threshold=threshold,
        precision=hit / marked if marked else math.nan,
        recall=hit / true if true else math.nan,
        f1=2 * hit / (marked + true) if marked + true else math.nan,
        iou=hit / (marked + missed) if marked + missed else math.nan,
        average_precision=average_precision(histogram),
        auroc=auroc(histogram),
        within=tolerance_scores(distances),
        marked=marked,
        true=true,
    )


@dataclass(frozen=True)
class FaciesResult:
    """A facies volume's scores, its calibration and its floors.

    ``calibration`` is that of the most probable class, None if no probabilities are stored;
    ``uncertainty_auroc`` says how well the uncertainty finds the errors, NaN without it.
    """

    model: FaciesScores
    calibration: Reliability | None
    uncertainty_auroc: float
    floors: Mapping[str, FaciesScores] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form: figures, class table, confusion matrix, calibration bins, floors."""
        model = plain(self.model)
        ece = self.calibration.ece if self.calibration else math.nan
        return {
            **_facies_figures(self.model),
            "ece": plain(ece),
            "uncertainty_auroc": plain(self.uncertainty_auroc),
            "confusion": model["confusion"],
            "classes": {entry.pop("name"): entry for entry in model["classes"]},
            **({"calibration": plain(self.calibration)} if self.calibration else {}),
            "floors": {name: _facies_figures(scores) for name, scores in self.floors.items()},
        }


def _facies_figures(scores: FaciesScores) -> dict[str, Any]:
    names = ("pixel_accuracy", "mean_class_accuracy", "mean_iou", "mean_f1",
             "frequency_weighted_iou")
    return {name: plain(getattr(scores, name)) for name in names}


@dataclass(frozen=True)
class FaultResult:
    """A fault volume's scores, its calibration and its floors."""

    model: FaultScores
    calibration: Reliability
    uncertainty_auroc: float
    floors: Mapping[str, FaultScores] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form: figures, calibration bins, floors."""
        return {
            **_fault_figures(self.model),
            "ece": plain(self.calibration.ece),
            "uncertainty_auroc": plain(self.uncertainty_auroc),
            "calibration": plain(self.calibration),
            "floors": {name: _fault_figures(scores) for name, scores in self.floors.items()},
        }


def _fault_figures(scores: FaultScores) -> dict[str, Any]:
    names = ("f1", "precision", "recall", "iou", "average_precision", "auroc", "threshold",
             "marked", "true")
    figures = {name: plain(getattr(scores, name)) for name in names}
    for position, tolerance in enumerate(TOLERANCES[1:], 1):
        figures[f"f1_within_{tolerance}"] = plain(scores.within.f1[position])
    figures[f"precision_within_{TOLERANCES[-1]}"] = plain(scores.within.precision[-1])
    figures[f"recall_within_{TOLERANCES[-1]}"] = plain(scores.within.recall[-1])
    return figures


@dataclass(frozen=True)
class Scores:
    """Scores of one interpretation on one part of one survey.

    Attributes
    ----------
    store_url, run, labels, part : str
        What was scored, against what, and where: ``train``, ``validation``, ``test`` or ``all``.
    traces : int
        Labelled traces that were scored.
    facies : FaciesResult or None
        None where the run or the labels have no facies.
    fault : FaultResult or None
        None where the run or the labels have no faults.
    """

    store_url: str
    run: str
    labels: str
    part: str
    traces: int
    facies: FaciesResult | None
    fault: FaultResult | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form, as reports and model cards take it: floors beside every figure."""
        return {
            "part": self.part,
            "traces": self.traces,
            **({"facies": self.facies.to_dict()} if self.facies else {}),
            **({"fault": self.fault.to_dict()} if self.fault else {}),
        }


def facies_result(tally: Mapping[str, Any], names: Sequence[str]) -> FaciesResult:
    """Scores from the sums that :mod:`seisproc.scoring.evaluate` collects, by name."""
    calibration = tally.get("facies calibration")
    uncertainty = tally.get("facies uncertainty")
    floors = ("depth prior", "nearest trace")
    return FaciesResult(
        facies_scores(tally["facies model"], names),
        reliability(calibration) if calibration is not None else None,
        auroc(uncertainty) if uncertainty is not None else math.nan,
        {name: facies_scores(tally[f"facies {name}"], names)
         for name in floors if f"facies {name}" in tally},
    )


def fault_result(tally: Mapping[str, Any], thresholds: Mapping[str, float]) -> FaultResult:
    """Scores from the sums that :mod:`seisproc.scoring.evaluate` collects, by name."""

    def scores(name: str) -> FaultScores:
        return fault_scores(tally[f"fault {name}"], tally[f"fault {name} within"],
                            thresholds[name])

    uncertainty: Counts | None = tally.get("fault uncertainty")
    return FaultResult(
        scores("model"),
        reliability(np.asarray(tally["fault model"])),
        auroc(uncertainty) if uncertainty is not None else math.nan,
        {name: scores(name) for name in ("coherence", "everything")},
    )
