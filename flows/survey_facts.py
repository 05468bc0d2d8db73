"""What a run tells the catalogue of a survey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SurveyFacts:
    """What a run tells of a survey, beside where its store is.

    Attributes
    ----------
    seconds : float
        From the first stage to the last.
    worker_hours : float
        Of its interpretation.
    voxels : int
        Of one of its volumes.
    exports : tuple of str
        SEG-Y files.
    report : str
        Its report.
    notes : tuple of str
        What was not done, and why.
    stages : tuple of dict
        Stage and seconds.
    gates : tuple of dict
        What the quality gates say, a row each.
    digest : dict
        The survey in numbers (:mod:`seisproc.report.digest`), for the report of the basin.
    """

    seconds: float = 0.0
    worker_hours: float = 0.0
    voxels: int = 0
    exports: tuple[str, ...] = ()
    report: str = ""
    notes: tuple[str, ...] = ()
    stages: tuple[Mapping[str, Any], ...] = ()
    gates: tuple[Mapping[str, Any], ...] = ()
    digest: Mapping[str, Any] = field(default_factory=dict)
