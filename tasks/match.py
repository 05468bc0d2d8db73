"""A survey's profile and how well it can be imitated, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seisproc.errors import ConfigError, OutputExistsError
from seisproc.survey import Survey
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.match import match_survey
from tasks.artifacts import receipt_artifact, table_artifact
from tasks.progress import stage_progress
from tasks.stage import stage


@dataclass(frozen=True)
class MatchReceipt:
    """Where the profile went, and how far synthetic volumes are from the survey.

    ``before``, ``after`` and ``control`` hold distances by name; the control is that between two
    halves of the survey.
    """

    profile: str
    traces: int
    before: dict[str, float]
    after: dict[str, float]
    control: dict[str, float]


@stage("match", hours=2)
def match_profile(store: str, output: str, overwrite: bool = False) -> MatchReceipt:
    """Measure a survey, write its profile, and tell how near the generator comes."""
    check_output(output, overwrite)
    with stage_progress("match") as on_progress:
        found = match_survey(Survey(store), SyntheticConfig(), on_progress)
    # Whole or not at all, also when the run ends in the middle.
    aside = Path(f"{output}.part")
    aside.write_text(found.profile.to_json(), encoding="utf-8")
    aside.replace(output)
    receipt = MatchReceipt(
        output, found.profile.traces, found.before, found.after, found.control
    )
    receipt_artifact("match", store, "The profile", receipt)
    table_artifact("distances", store, "Distance of synthetics from the survey", rows(receipt))
    return receipt


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


def check_output(output: str, overwrite: bool) -> None:
    """Refuse a place where the profile cannot go.

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
    if path.exists() and not overwrite:
        raise OutputExistsError(
            f"{output} is already there", do="Choose another name, or replace it with --overwrite"
        )
