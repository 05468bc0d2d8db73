"""`seisproc synthesize`: a survey that nobody shot."""

from __future__ import annotations

import click

from flows.options import (
    LOCATION,
    json_option,
    overwrite_option,
    print_receipt,
)
from flows.server import prefect_server


@click.command()
@click.argument("output", metavar="OUT.sgy", type=LOCATION)
@click.option("--shape", nargs=3, type=int, metavar="I X S", help="Inlines, crosslines, samples.")
@click.option("--seed", type=int, help="Decides all that the settings leave open. [default: 0]")
@click.option("--profile", type=LOCATION, metavar="FILE", help="Imitate the survey it tells of.")
@click.option("--config", type=LOCATION, metavar="FILE", help="YAML or JSON with all settings.")
@overwrite_option
@json_option
def synthesize(
    output: str,
    shape: tuple[int, int, int] | None,
    seed: int | None,
    profile: str | None,
    config: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Make a synthetic survey with folds, faults and facies, as SEG-Y.

    The truth is written beside it, to OUT_facies.sgy and OUT_fault.sgy.
    """
    from flows.config import read_form
    from flows.synthetic_config import SyntheticSurveyConfig

    given = {"shape": shape or None, "seed": seed, "profile": profile}
    values = read_form(config) if config else {}
    survey = SyntheticSurveyConfig(
        **{**values, **{name: value for name, value in given.items() if value is not None}}
    )
    if survey.profile:
        from seisproc.synthetic.profile import read_profile

        read_profile(survey.profile)  # a bad one is refused before a server is started for it
    with prefect_server():
        from flows.synthesize import synthesize as flow

        receipt = flow(output, survey, overwrite)
    print_receipt(receipt, as_json)
