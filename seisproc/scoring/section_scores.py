"""Scoring predictions of sections against their interpretation, with the floors.

All sections are counted together: one confusion matrix, one histogram. Floors, thresholds and the
order of the classes are learned from labelled sections that are not scored; traces where those
cross the scored ones are left out, since a network has seen their labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seisproc.errors import ConfigError
from seisproc.scoring.scores import FaciesResult, FaultResult
from seisproc.scoring.section_facies import score_facies
from seisproc.scoring.section_faults import score_faults
from seisproc.scoring.section_floors import apart
from seisproc.scoring.sections import (
    PredictedSection,
    SectionSet,
    TrueSection,
    class_names,
    common_target,
    read_predictions,
    read_true_sections,
)


@dataclass(frozen=True)
class SectionScores:
    """Scores of predictions of sections.

    Attributes
    ----------
    name : str
        Of the model.
    sections, traces, masked : int
        What was scored; traces that were left out beside labelled sections.
    against : int
        Labelled sections that the floors know.
    guard : int
        Traces nearer than this to a labelled one, or there, were left out.
    facies : FaciesResult or None
    fault : FaultResult or None
    noise : float or None
        Level of the noise that the predictions were made with, for comparisons.
    """

    name: str
    sections: int
    traces: int
    masked: int
    against: int
    guard: int
    facies: FaciesResult | None = None
    fault: FaultResult | None = None
    noise: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form, like that of a survey's scores."""
        return {
            "name": self.name,
            "part": "sections",
            "sections": self.sections,
            "traces": self.traces,
            "masked_traces": self.masked,
            "labelled_sections": self.against,
            "guard": self.guard,
            **({"noise": self.noise} if self.noise is not None else {}),
            **({"facies": self.facies.to_dict()} if self.facies else {}),
            **({"fault": self.fault.to_dict()} if self.fault else {}),
        }


def score_folders(
    predicted: str,
    sections: str,
    against: str | None = None,
    *,
    guard: int = 0,
    name: str = "",
    noise: float | None = None,
) -> SectionScores:
    """Score a folder of predictions against a folder of interpreted sections.

    Parameters
    ----------
    predicted : str
        Folder of ``.npz`` files named as the sections', see
        :class:`~seisproc.scoring.sections.PredictedSection`.
    sections : str
        Folder of interpreted sections; a ``classes.yaml`` there names the facies.
    against : str, optional
        Folder of the labelled sections that training used.
    guard, name, noise
        As :func:`score_sections` has them; the name is by default the folder's.

    Raises
    ------
    SeisprocError
        If a folder or an array is not as it must be, or no trace is left to score.
    """
    truth = read_true_sections(sections)
    return score_sections(
        truth, read_predictions(predicted, truth),
        read_true_sections(against) if against else (),
        guard=guard, names=class_names(sections),
        name=name or predicted.rstrip("/").rsplit("/", 1)[-1], noise=noise,
    )


def score_sections(
    sections: Sequence[TrueSection],
    predictions: Sequence[PredictedSection],
    against: Sequence[TrueSection] = (),
    *,
    guard: int = 0,
    names: Mapping[int, str] | None = None,
    name: str = "model",
    noise: float | None = None,
) -> SectionScores:
    """Score predictions of sections.

    Parameters
    ----------
    sections : sequence of TrueSection
        The truth.
    predictions : sequence of PredictedSection
        One for each section, in their order.
    against : sequence of TrueSection
        Labelled sections that training used: the floors and the order of the classes come from
        them, and traces within ``guard`` of theirs are left out. Without them there are no facies
        floors, and the order is the scored labels'.
    guard : int
        Traces, in line numbers; 0 leaves out the crossings themselves.
    names : mapping, optional
        Facies by code.
    name : str
        Of the model.
    noise : float, optional
        Level of the noise that the predictions were made with.

    Raises
    ------
    ConfigError
        If the predictions do not match the sections, or no trace is left to score.
    """
    if len(sections) != len(predictions) or not sections:
        raise ConfigError("Sections and predictions do not match",
                          found=f"{len(sections)} and {len(predictions)}", expected="one for each")
    target = common_target(sections, predictions)
    masks = [apart(section, against, guard) for section in sections]
    traces = sum(int(mask.sum()) for mask in masks)
    if not traces:
        raise ConfigError(
            "No trace is left to score",
            found=f"all lie within {guard} of a labelled section's",
            do="Score other sections than training used, or give a smaller guard",
        )
    scored = SectionSet(sections, predictions, masks, against)
    return SectionScores(
        name, len(sections), traces, sum(len(mask) for mask in masks) - traces, len(against), guard,
        score_facies(scored, names or {}) if target == "facies" else None,
        score_faults(scored) if target == "fault" else None,
        noise,
    )
