"""A survey's profile and how well it can be imitated, as a stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.two_sample import Accuracy, Split, tell_apart
from seisproc.errors import ConfigError, OutputExistsError
from seisproc.records import write_atomic
from seisproc.report.match_page import match_pictures, write_match_page
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.held_out import (
    Halves,
    against_itself,
    against_others,
    against_synthetic,
    patch_shape,
)
from seisproc.synthetic.match import Match, match_survey, volume_shape
from seisproc.synthetic.matching import SEARCHES
from seisproc.synthetic.profile import FORMS
from seisproc.synthetic.sources import Sources, open_sources
from tasks.artifacts import link_artifact, pictures_artifact, receipt_artifact, table_artifact
from tasks.progress import stage_progress
from tasks.stage import stage

RUNS = 4
"""Trainings of the two-sample test's network: each half of the survey is learnt from twice."""

PATCHES = 1000
"""Patches of each kind that it learns from; half as many are held out."""


@dataclass(frozen=True)
class MatchReceipt:
    """Where the profile and its report went, and how far synthetic volumes are from the survey.

    ``before``, ``after`` and ``control`` hold distances by name, and ``accuracy_...`` the balanced
    accuracy of telling patches of them from the survey's, None without a test; the control is that
    between two halves of the survey, and of a volume ``accuracy_alone`` that between one synthetic
    volume in its place and the others. ``attempts`` counts the volumes drawn for each one kept.
    """

    profile: str
    report: str
    traces: int
    before: dict[str, float]
    after: dict[str, float]
    control: dict[str, float]
    attempts: tuple[int, ...]
    accuracy_before: Accuracy | None
    accuracy_after: Accuracy | None
    accuracy_control: Accuracy | None
    accuracy_alone: Accuracy | None


@stage("match", hours=2)
def match_profile(
    sources: Sequence[str],
    output: str,
    overwrite: bool = False,
    *,
    facies: bool = False,
    searches: int = SEARCHES,
    test: bool = True,
) -> MatchReceipt:
    """Measure a survey, write its profile and report, and tell how near the generator comes."""
    check_output(output, overwrite)
    survey = open_sources(sources)
    if test:
        patch_shape(survey)  # too small a survey is refused before an hour's work, not after it
    config = SyntheticConfig(shape=volume_shape(survey), facies=facies)
    with stage_progress("match") as on_progress:
        found = match_survey(survey, config, searches=searches, on_step=on_progress)
    accuracies = _accuracies(survey, found) if test else (None,) * 4
    report = report_path(output)
    receipt = MatchReceipt(
        output, report, found.profile.traces, found.before, found.after, found.control,
        found.attempts, *accuracies,
    )
    pictures = match_pictures(survey, found)
    made_with = f"Made by seisproc match, {'with' if facies else 'without'} facies."
    write_match_page(report, found, pictures, rows(receipt), accuracy_rows(receipt), made_with)
    write_atomic(output, found.profile.to_json().encode())
    _show(sources[0], receipt, {picture.name: picture.png for picture in pictures})
    return receipt


def _accuracies(survey: Sources, found: Match) -> tuple[Accuracy | None, ...]:
    """Test volumes before and after, and the two controls."""
    shape = patch_shape(survey)
    kinds: list[Callable[[int], Halves]] = [
        lambda run: against_synthetic(survey, found.volumes_before, PATCHES, run),
        lambda run: against_synthetic(survey, found.volumes_after, PATCHES, run),
        lambda run: against_itself(survey, PATCHES, run),
    ]
    if survey.form == FORMS[0]:
        kinds.append(lambda run: against_others(found.volumes_after, shape, PATCHES, run))
    results: list[Accuracy | None] = []
    with stage_progress("two-sample test") as on_progress:
        for number, cut in enumerate(kinds):
            splits = [Split(*cut(run)) for run in range(RUNS)]
            results.append(tell_apart(splits))
            on_progress(number + 1, len(kinds))
    return tuple(results + [None] * (4 - len(results)))


def _show(name: str, receipt: MatchReceipt, pictures: dict[str, bytes]) -> None:
    """Leave tables, pictures and a link in the Prefect UI."""
    receipt_artifact("match", name, "The profile", receipt)
    table_artifact("distances", name, "Distance of synthetics from the survey", rows(receipt))
    if receipt.accuracy_after:
        table_artifact("two-sample", name, "Told apart by a network", accuracy_rows(receipt))
    pictures_artifact("match-pictures", name, "The survey and its imitations", pictures)
    link_artifact("match-report", name, "The report", receipt.report)


def rows(receipt: MatchReceipt) -> list[dict[str, str | float]]:
    """Lay the distances out as a table, one row each."""
    return [
        {
            "distance": name.replace("_", " "),
            "before": receipt.before[name],
            "after": receipt.after[name],
            "control": receipt.control[name],
        }
        for name in receipt.before
    ]


def accuracy_rows(receipt: MatchReceipt) -> list[dict[str, str | float]]:
    """Lay the accuracies out as a table, one row each; none without a test."""
    named = (
        ("before", receipt.accuracy_before),
        ("after", receipt.accuracy_after),
        ("control", receipt.accuracy_control),
        ("one synthetic against the others", receipt.accuracy_alone),
    )
    return [
        {"patches": name, **{key: getattr(found, key) for key in ("mean", "low", "high")}}
        for name, found in named
        if found is not None
    ]


def report_path(output: str) -> str:
    """Where the report of a profile lies: beside it.

    >>> report_path("f3.json")
    'f3.html'
    """
    return str(Path(output).with_suffix(".html"))


def check_output(output: str, overwrite: bool) -> None:
    """Refuse a place where the profile and its report cannot go.

    Raises
    ------
    ConfigError
        If it is no local file in a folder that exists.
    OutputExistsError
        If there is one already.
    """
    path = Path(output)
    if "://" in output or path.is_dir() or not path.parent.is_dir():
        raise ConfigError(
            f"{output}: a profile is written to a local file",
            expected="a file in a folder that exists",
            do="Write it there and copy it",
        )
    if path.suffix == ".html":
        raise ConfigError(f"{output}: the report goes there", expected="a name such as survey.json")
    there = [name for name in (output, report_path(output)) if Path(name).exists()]
    if there and not overwrite:
        raise OutputExistsError(
            f"{there[0]} is already there",
            do="Choose another name, or replace it with --overwrite",
        )
