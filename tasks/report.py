"""The report of a survey, as a stage, and its pictures in the Prefect UI."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.bundle import read_card
from seisproc.report.write import write_report
from tasks.artifacts import link_artifact, pictures_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@dataclass(frozen=True)
class ReportReceipt:
    """Where the report is, which pictures it holds, how large it is, and the survey in numbers."""

    path: str
    pictures: tuple[str, ...]
    bytes: int
    digest: Mapping[str, Any]


@stage("report", hours=6)
def report_survey(
    store: str,
    output: str,
    run: str | None = None,
    labels: str | None = None,
    scores: Mapping[str, Any] | None = None,
    cards: Sequence[Mapping[str, Any]] | None = None,
    timeline: Sequence[Mapping[str, Any]] | None = None,
    overwrite: bool = False,
) -> ReportReceipt:
    """Write one HTML file that holds everything, and show its main pictures in the UI."""
    with stage_progress("report"):
        made = write_report(
            store,
            output,
            run=run,
            labels=labels,
            scores=scores,
            cards=cards,
            timeline=timeline,
            overwrite=overwrite,
        )
    pictures_artifact("pictures", store, "Pictures of the report", made.drawn)
    link_artifact("report", store, "The report", output)
    return ReportReceipt(made.path, made.pictures, made.bytes, made.digest)


def model_cards(models: Sequence[str]) -> list[dict[str, Any]]:
    """Cards of model bundles, as the report shows them."""
    return [dataclasses.asdict(read_card(url)[0]) for url in models]
