"""Quality gates between the stages of a survey's run, as stages: measured, judged, shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.bundle import read_card
from seisproc.cluster import connect
from seisproc.errors import ReviewError
from seisproc.gates import (
    Limits,
    Measures,
    Verdict,
    gate_rows,
    judge,
    measure_interpretation,
    measure_survey,
    worst,
)
from seisproc.places import shown
from tasks.artifacts import table_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("gates: survey", hours=24)
def judge_survey(
    store: str, models: Sequence[str], limits: Limits, cluster: str
) -> tuple[Verdict, ...]:
    """Measure a survey after it was ingested, and judge it."""
    with connect(cluster) as client, stage_progress("gates") as report:
        measures = measure_survey(store, client, seen=_seen(models), on_progress=report)
    return _shown(store, "survey", measures, limits)


@stage("gates: interpretation", hours=24)
def judge_interpretation(
    store: str,
    run: str,
    models: Sequence[str],
    limits: Limits,
    column: tuple[str, ...],
    cluster: str,
) -> tuple[Verdict, ...]:
    """Measure what networks made of a survey, and judge it.

    ``column`` names the facies from top to bottom; empty: as in the networks' training labels.
    """
    with connect(cluster) as client, stage_progress("gates") as report:
        measures = measure_interpretation(
            store, run, client, seen=_seen(models), column=column, on_progress=report
        )
    return _shown(store, "interpretation", measures, limits)


def require_none_holds(catalog: str, name: str, verdicts: Sequence[Verdict]) -> None:
    """Let a survey of a catalogue pass unless a gate holds it.

    Raises
    ------
    ReviewError
        If one does, with what each of them says.
    """
    held = [each for each in verdicts if each.outcome == "hold"]
    if worst(verdicts) == "hold":
        raise ReviewError(
            f"{name} is held for review: {'; '.join(each.sentence for each in held)}",
            do="Look at it; then mend its source or entry, or let it go on with"
            f" `seisproc catalog release {shown(catalog)} {name}`",
        )


def _shown(
    store: str, stage_of: str, measures: Measures, limits: Limits
) -> tuple[Verdict, ...]:
    verdicts = tuple(judge(measures, limits))
    table_artifact(f"gates-{stage_of}", store, f"Quality gates: {stage_of}", gate_rows(verdicts))
    return verdicts


def _seen(models: Sequence[str]) -> Mapping[str, Any]:
    """Return what each network's training data looked like, where its card says so."""
    cards = (read_card(url)[0] for url in models)
    return {card.name: card.training.get("seen") for card in cards}
