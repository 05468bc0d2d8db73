"""Scoring faults of sections, beside structure-tensor coherence and everything marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import CODES, NONE
from seisproc.scoring.calibration import code_histogram, pack, threshold_code
from seisproc.scoring.metrics import confusion
from seisproc.scoring.scores import FaultResult, fault_result
from seisproc.scoring.section_facies import Tally, add_up
from seisproc.scoring.section_floors import coherence
from seisproc.scoring.section_temperature import held_out_calibration
from seisproc.scoring.sections import PredictedSection, SectionSet, TrueSection
from seisproc.scoring.thinning import thin
from seisproc.scoring.tolerance import REACH, tolerance_counts
from seisproc.scoring.tolerance_curve import ToleranceHistogram, best_within, tolerance_histogram

THRESHOLD = 0.5
"""Of a prediction that comes with probabilities and no marks."""


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A fault prediction of one section: marks and packed values (trace, sample)."""

    name: str
    marks: NDArray[np.bool_]
    codes: NDArray[np.uint8] | None = None
    best: float | None = None


def score_faults(scored: SectionSet) -> FaultResult:
    """Score faults of sections, counted together.

    The prediction is scored as it marks faults itself; at the thresholds that are best for it; and
    both thinned to lines. Coherence is marked at the threshold that is best within 5 voxels on the
    labelled sections; without such, on the scored ones, which favours the floor.

    Parameters
    ----------
    scored : SectionSet
        All with faults. Coherence needs the seismic of all of them.
    """
    attributes = [coherence(section) for section in scored.sections]
    packed = [None if p.probability is None else pack(p.probability.T) for p in scored.predictions]
    curves = {"model": _curve(scored, packed), "coherence": _curve(scored, attributes)}
    tally: Tally = {f"fault {name} curve": curve for name, curve in curves.items()
                    if curve is not None}
    thresholds = {"model": math.nan, "everything": 0.0, "coherence": math.nan}
    best = {name: best_within(curve, REACH)[0] for name, curve in curves.items()
            if curve is not None}
    if "coherence" in best:
        thresholds["coherence"] = _learned(scored.against) or best["coherence"]
    for place, (section, predicted, mask) in enumerate(scored):
        truth, attribute = _truth(section), attributes[place]
        own = _Candidate("model", _own_marks(predicted), packed[place], best.get("model"))
        add_up(tally, _count(own, truth, mask))
        if predicted.uncertainty is not None:
            wrong = (own.marks != (truth == 1)).T
            where = (truth.T != NONE) & mask
            add_up(tally, {"fault uncertainty": code_histogram(
                pack(predicted.uncertainty)[where], wrong[where])})
        if "coherence" in best and attribute is not None:
            marks = _marked(attribute, thresholds["coherence"])
            add_up(tally, _count(_Candidate("coherence", marks, attribute, best["coherence"]),
                                 truth, mask))
        full = np.full(truth.shape, CODES, np.uint8)
        add_up(tally, _count(_Candidate("everything", full > 0, full), truth, mask))
    after, temperature = held_out_calibration(scored)
    if after is not None:
        tally["fault rescaled"] = after
    return fault_result(tally, thresholds, temperature=temperature)


def _truth(section: TrueSection) -> NDArray[np.uint8]:
    assert section.fault is not None
    return section.fault.T


def _own_marks(predicted: PredictedSection) -> NDArray[np.bool_]:
    """Take what the prediction itself calls a fault: bool (trace, sample)."""
    if predicted.fault is not None:
        return predicted.fault.T == 1
    assert predicted.probability is not None
    return _marked(pack(predicted.probability.T), THRESHOLD)


def _marked(codes: NDArray[np.uint8], threshold: float) -> NDArray[np.bool_]:
    return (codes >= threshold_code(threshold)) & (codes != NONE)


def _curve(
    scored: SectionSet, packed: Sequence[NDArray[np.uint8] | None]
) -> ToleranceHistogram | None:
    """Count all thresholds over all sections; None where one has no values."""
    total: ToleranceHistogram | None = None
    for (section, _, mask), codes in zip(scored, packed, strict=True):
        if codes is None:
            return None
        counts = tolerance_histogram(_truth(section), codes, mask=mask)
        total = counts if total is None else total + counts
    return total


def _learned(against: Sequence[TrueSection]) -> float | None:
    """Threshold of coherence that is best on labelled sections, if they have faults and seismic."""
    total: ToleranceHistogram | None = None
    for section in against:
        codes = coherence(section)
        if codes is not None and section.fault is not None:
            counts = tolerance_histogram(section.fault.T, codes)
            total = counts if total is None else total + counts
    return None if total is None else best_within(total, REACH)[0]


def _count(candidate: _Candidate, truth: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Tally:
    """Count one section of one candidate; what marks everything is not thinned."""
    key, marks, codes = f"fault {candidate.name}", candidate.marks, candidate.codes
    tally: Tally = {
        f"{key} marks": confusion(truth, marks.astype(np.uint8), 2, mask),
        f"{key} within": tolerance_counts(truth, marks, (0, 1), mask),
    }
    if codes is not None:
        where = (truth != NONE) & mask[:, None]
        tally[key] = code_histogram(codes[where], truth[where] == 1)
    if candidate.name != "everything":
        tally[f"{key} thinned"] = tolerance_counts(truth, thin(marks), (0, 1), mask)
    if codes is not None and candidate.best is not None:
        lines = thin(_marked(codes, candidate.best))
        tally[f"{key} thinned best"] = tolerance_counts(truth, lines, (0, 1), mask)
    return tally
