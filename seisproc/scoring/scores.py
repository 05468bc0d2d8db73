"""How good an interpretation is, beside what costs nothing: values, ready for JSON and reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.scoring.calibration import Reliability, auroc, reliability
from seisproc.scoring.fault_scores import FaultScores, fault_scores
from seisproc.scoring.metrics import FaciesScores, facies_scores, plain
from seisproc.scoring.shape import ShapeScores, shape_scores

FACIES_FLOORS = ("depth prior", "nearest trace")
FAULT_FLOORS = ("coherence", "everything")


@dataclass(frozen=True)
class Rescaled:
    """Calibration after temperature scaling.

    Attributes
    ----------
    temperature : float
        Fitted on what is not scored; above 1, the probabilities were too sure. The mean, where
        sections were held out in turn.
    calibration : Reliability
        Of the scored part, with probabilities at that temperature.
    """

    temperature: float
    calibration: Reliability

    def figures(self) -> dict[str, Any]:
        """Figures by name, JSON-able."""
        return {"ece_rescaled": plain(self.calibration.ece), "temperature": plain(self.temperature)}


@dataclass(frozen=True)
class FaciesResult:
    """A facies volume's scores, its calibration and its floors.

    ``calibration`` is that of the most probable class, None if no probabilities are stored;
    ``uncertainty_auroc`` says how well the uncertainty finds the errors, NaN without it. ``shape``
    and ``shape_floors`` are None and empty where no whole section was scored.
    """

    model: FaciesScores
    calibration: Reliability | None
    uncertainty_auroc: float
    floors: Mapping[str, FaciesScores] = field(default_factory=dict)
    rescaled: Rescaled | None = None
    shape: ShapeScores | None = None
    shape_floors: Mapping[str, ShapeScores] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form: figures, class table, confusion matrix, calibration bins, floors."""
        model = plain(self.model)
        classes = {entry.pop("name"): entry for entry in model["classes"]}
        if self.shape is not None:
            for entry, pieces, true in zip(classes.values(), self.shape.pieces,
                                           self.shape.true_pieces, strict=True):
                entry |= {"pieces": pieces, "pieces_of_labels": true}
        return {
            **_facies_figures(self.model, self.shape),
            "ece": plain(self.calibration.ece if self.calibration else math.nan),
            **(self.rescaled.figures() if self.rescaled else {}),
            "uncertainty_auroc": plain(self.uncertainty_auroc),
            "confusion": model["confusion"],
            "classes": classes,
            **_bins(self.calibration, self.rescaled),
            "floors": {
                name: {**_facies_figures(scores, self.shape_floors.get(name)),
                       "class_iou": plain([entry.iou for entry in scores.classes])}
                for name, scores in self.floors.items()
            },
        }


def _facies_figures(scores: FaciesScores, shape: ShapeScores | None) -> dict[str, Any]:
    names = ("pixel_accuracy", "mean_class_accuracy", "mean_iou", "mean_f1",
             "frequency_weighted_iou")
    figures = {name: plain(getattr(scores, name)) for name in names}
    return figures | (shape.figures() if shape else {})


def _bins(calibration: Reliability | None, rescaled: Rescaled | None) -> dict[str, Any]:
    return {
        **({"calibration": plain(calibration)} if calibration else {}),
        **({"calibration_rescaled": plain(rescaled.calibration)} if rescaled else {}),
    }


@dataclass(frozen=True)
class FaultResult:
    """A fault volume's scores, its calibration (None without probabilities) and its floors."""

    model: FaultScores
    calibration: Reliability | None
    uncertainty_auroc: float
    floors: Mapping[str, FaultScores] = field(default_factory=dict)
    rescaled: Rescaled | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form: figures, calibration bins, floors."""
        return {
            **self.model.figures(),
            "ece": plain(self.calibration.ece if self.calibration else math.nan),
            **(self.rescaled.figures() if self.rescaled else {}),
            "uncertainty_auroc": plain(self.uncertainty_auroc),
            **_bins(self.calibration, self.rescaled),
            "floors": {name: scores.figures() for name, scores in self.floors.items()},
        }


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


def facies_result(
    tally: Mapping[str, Any],
    names: Sequence[str],
    *,
    allowed: NDArray[np.bool_] | None = None,
    temperature: float = 1.0,
) -> FaciesResult:
    """Scores from sums by name, as evaluations of stores and of sections collect them.

    Parameters
    ----------
    tally : mapping
        ``facies model`` and, where they were counted, ``facies calibration``, ``facies rescaled``,
        ``facies uncertainty``, and ``facies <floor>``; the same with `` shape`` for shapes.
    names : sequence of str
        Of the classes, in code order.
    allowed : bool (class above, class below), optional
        Which class may lie under which; by default what the scored labels show.
    temperature : float
        Of ``facies rescaled``.
    """
    uncertainty = tally.get("facies uncertainty")
    shapes = {name: shape_scores(tally[f"facies {name} shape"], allowed)
              for name in ("model", *FACIES_FLOORS) if f"facies {name} shape" in tally}
    return FaciesResult(
        facies_scores(tally["facies model"], names),
        _reliability(tally.get("facies calibration")),
        auroc(uncertainty) if uncertainty is not None else math.nan,
        {name: facies_scores(tally[f"facies {name}"], names)
         for name in FACIES_FLOORS if f"facies {name}" in tally},
        _rescaled(tally.get("facies rescaled"), temperature),
        shapes.pop("model", None),
        shapes,
    )


def fault_result(
    tally: Mapping[str, Any], thresholds: Mapping[str, float], *, temperature: float = 1.0
) -> FaultResult:
    """Scores from sums by name, as evaluations of stores and of sections collect them.

    Parameters
    ----------
    tally : mapping
        Of ``model`` and each floor: ``fault <name>`` (the histogram) and ``fault <name> within``;
        and, where they were counted, the same with ``marks``, ``curve``, ``thinned`` and
        ``thinned best``; ``fault uncertainty``, ``fault rescaled``.
    thresholds : mapping
        By the same names.
    temperature : float
        Of ``fault rescaled``.
    """

    def scores(name: str) -> FaultScores:
        key = f"fault {name}"
        return fault_scores(
            tally.get(key), tally[f"{key} within"], thresholds[name],
            marks=tally.get(f"{key} marks"), curve=tally.get(f"{key} curve"),
            thinned=tally.get(f"{key} thinned"), thinned_best=tally.get(f"{key} thinned best"),
        )

    uncertainty = tally.get("fault uncertainty")
    return FaultResult(
        scores("model"),
        _reliability(tally.get("fault model")),
        auroc(uncertainty) if uncertainty is not None else math.nan,
        {name: scores(name) for name in FAULT_FLOORS if f"fault {name} within" in tally},
        _rescaled(tally.get("fault rescaled"), temperature),
    )


def _reliability(histogram: Any) -> Reliability | None:
    return None if histogram is None else reliability(np.asarray(histogram))


def _rescaled(histogram: Any, temperature: float) -> Rescaled | None:
    return None if histogram is None else Rescaled(temperature, reliability(np.asarray(histogram)))
