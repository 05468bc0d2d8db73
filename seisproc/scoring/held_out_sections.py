"""Scoring sections that were held out in turn: each against the others, all counted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seisproc.scoring.scores import FaciesResult, facies_result
from seisproc.scoring.section_facies import Tally, add_up, facies_tally
from seisproc.scoring.section_floors import LabelledTraces, apart
from seisproc.scoring.sections import PredictedSection, SectionSet, TrueSection


def score_held_out(
    sections: Sequence[TrueSection],
    predictions: Sequence[PredictedSection],
    folds: Sequence[int],
    names: Mapping[int, str],
    *,
    guard: int = 0,
) -> FaciesResult:
    """Score facies of sections, each predicted by a network that had learned from other folds.

    The floors of a section know the sections of the other folds, as its network did; where these
    cross it, its traces are left out. One confusion matrix for all sections.

    Parameters
    ----------
    sections, predictions : sequence
        One prediction for each section.
    folds : sequence of int
        Fold of each section.
    names : mapping
        Facies by code.
    guard : int
        Traces within so many line numbers of another fold's are left out; 0: the crossings.
    """
    classes = max(names) + 1
    tally: Tally = {}
    for fold in sorted(set(folds)):
        held = [n for n, other in enumerate(folds) if other == fold]
        others = [sections[n] for n, other in enumerate(folds) if other != fold]
        masks = [apart(sections[n], others, guard) for n in held]
        scored = SectionSet(
            [sections[n] for n in held], [predictions[n] for n in held], masks, others
        )
        known = LabelledTraces(others, classes) if others else None
        add_up(tally, facies_tally(scored, classes, known))
    everywhere = [names.get(code, f"class {code}") for code in range(classes)]
    return facies_result(tally, everywhere)
