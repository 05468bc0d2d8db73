"""Scoring sections that were held out in turn: each against the others, all counted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seisproc.scoring.scores import FaciesResult, FaultResult, facies_result
from seisproc.scoring.section_facies import Tally, add_up, facies_tally
from seisproc.scoring.section_faults import score_faults
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
    masks = _masks(sections, folds, guard)
    for fold in sorted(set(folds)):
        held = [n for n, other in enumerate(folds) if other == fold]
        others = _others(sections, folds, fold)
        scored = SectionSet(
            [sections[n] for n in held], [predictions[n] for n in held],
            [masks[n] for n in held], others,
        )
        known = LabelledTraces(others, classes) if others else None
        add_up(tally, facies_tally(scored, classes, known))
    everywhere = [names.get(code, f"class {code}") for code in range(classes)]
    return facies_result(tally, everywhere)


def score_held_out_faults(
    sections: Sequence[TrueSection],
    predictions: Sequence[PredictedSection],
    folds: Sequence[int],
    *,
    guard: int = 0,
) -> FaultResult:
    """Score faults of sections, each predicted by a network that had learned from other folds.

    As :func:`score_held_out`; coherence is marked where that is best for it.
    """
    return score_faults(SectionSet(sections, predictions, _masks(sections, folds, guard)))


def _others(
    sections: Sequence[TrueSection], folds: Sequence[int], fold: int
) -> list[TrueSection]:
    return [section for section, other in zip(sections, folds, strict=True) if other != fold]


def _masks(
    sections: Sequence[TrueSection], folds: Sequence[int], guard: int
) -> list[NDArray[np.bool_]]:
    """Traces of each section that no section of another fold crosses."""
    return [apart(section, _others(sections, folds, fold), guard)
            for section, fold in zip(sections, folds, strict=True)]
