"""Scoring facies of sections, beside a depth prior and the nearest labelled trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE
from seisproc.scoring.calibration import code_histogram, pack
from seisproc.scoring.metrics import confusion
from seisproc.scoring.order import contact_counts, may_lie_under
from seisproc.scoring.scores import FaciesResult, facies_result
from seisproc.scoring.section_floors import LabelledTraces
from seisproc.scoring.section_temperature import held_out_calibration
from seisproc.scoring.sections import PredictedSection, SectionSet, TrueSection
from seisproc.scoring.shape import shape_counts

Tally = dict[str, Any]


def score_facies(scored: SectionSet, names: Mapping[int, str]) -> FaciesResult:
    """Score facies of sections, counted together.

    Parameters
    ----------
    scored : SectionSet
        All with facies. Those of ``against`` give the floors, and the order of the classes.
    names : mapping
        Facies by code; empty: as many classes as occur, named by their codes.

    Raises
    ------
    SeisprocError
        If a code is outside the class set.
    """
    classes = _classes(scored, names)
    labelled = [section for section in scored.against if section.facies is not None]
    known = LabelledTraces(labelled, classes) if labelled else None
    tally = facies_tally(scored, classes, known)
    after, temperature = held_out_calibration(scored)
    if after is not None:
        tally["facies rescaled"] = after
    contacts = np.sum([contact_counts(s.facies.T, classes) for s in labelled
                       if s.facies is not None], axis=0)
    return facies_result(
        tally, [names.get(code, f"class {code}") for code in range(classes)],
        allowed=may_lie_under(contacts) if labelled else None, temperature=temperature,
    )


def facies_tally(scored: SectionSet, classes: int, known: LabelledTraces | None) -> Tally:
    """Count predictions and, where labelled traces are known, the floors; adds up over sets."""
    tally: Tally = {}
    for section, predicted, mask in scored:
        add_up(tally, _model(section, predicted, mask, classes))
        if known is not None:
            for name, floor in (("depth prior", known.depth_prior(section)),
                                ("nearest trace", known.nearest_trace(section))):
                add_up(tally, _count(name, section, floor, mask, classes))
    return tally


def add_up(total: Tally, more: Tally) -> None:
    """Add counts by name to a total, in place."""
    for name, counts in more.items():
        total[name] = total[name] + counts if name in total else counts


def _classes(scored: SectionSet, names: Mapping[int, str]) -> int:
    """Count the codes: those of the class set, or those that occur anywhere."""
    if names:
        return max(names) + 1
    everywhere = [s.facies for s in (*scored.sections, *scored.against)]
    everywhere += [p.facies for p in scored.predictions]
    most = [int(codes[codes != NONE].max(initial=0)) for codes in everywhere if codes is not None]
    return max(most) + 1


def _model(
    section: TrueSection, predicted: PredictedSection, mask: NDArray[np.bool_], classes: int
) -> Tally:
    assert section.facies is not None and predicted.facies is not None
    truth, told = section.facies.T, predicted.facies.T
    tally = _count("model", section, told, mask, classes)
    where = (truth != NONE) & (told != NONE) & mask[:, None]
    confidence = predicted.probability
    if confidence is None and predicted.class_probability is not None:
        own = np.minimum(predicted.facies, len(predicted.class_probability) - 1)
        confidence = np.take_along_axis(
            predicted.class_probability, own[None].astype(np.intp), axis=0
        )[0]
    if confidence is not None:
        tally["facies calibration"] = code_histogram(
            pack(confidence.T)[where], (truth == told)[where]
        )
    if predicted.uncertainty is not None:
        tally["facies uncertainty"] = code_histogram(
            pack(predicted.uncertainty.T)[where], (truth != told)[where]
        )
    return tally


def _count(
    name: str, section: TrueSection, told: NDArray[np.uint8], mask: NDArray[np.bool_], classes: int
) -> Tally:
    assert section.facies is not None
    truth = section.facies.T
    return {
        f"facies {name}": confusion(truth, told, classes, mask),
        f"facies {name} shape": shape_counts(truth, told, classes, mask),
    }
