"""`seisproc interpret --sections`: one model over a folder of single sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from flows.interpreting import left_open, said_of_device, to_plan_here
from flows.options import print_receipt, take_cluster, take_interpret
from flows.references import pin_models
from flows.server import prefect_server

if TYPE_CHECKING:
    from flows.interpret_config import InterpretConfig

OF_SURVEYS = {
    "run": "names an interpretation in a survey's store; answers go to --output",
    "probability": "is of surveys: of facies, answers to sections always hold class_probability",
    "overlap": "is of surveys: windows of sections always overlap by half",
}
"""Options that say nothing of sections, and why."""

PASSED_OVER = ("probability", "overlap", "weights", "orientations", "region", "max_memory_gib")
"""Settings of a file that say nothing of sections: the same file may be for surveys too."""


def interpret_folder(
    store: str | None,
    sections: str | None,
    models: tuple[str, ...],
    output: str | None,
    options: dict[str, Any],
    plan: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Interpret a folder of sections, or say what would be done, once it is clear what is wanted.

    Raises
    ------
    ConfigError
        If a survey is named too, or folder, model or output are missing; or an option is given that
        says nothing of sections.
    """
    from seisproc.errors import ConfigError

    wanted = "--sections FOLDER --model MODEL --output FOLDER"
    if store:
        raise ConfigError("a survey and sections are interpreted one after the other",
                          found=f"{store} and --sections", expected=f"STORE.zarr, or {wanted}")
    if not sections or not output or len(models) != 1:
        raise ConfigError("nothing to interpret" if not sections else "sections are interpreted by"
                          " one model, into a folder", expected=f"STORE.zarr, or {wanted}")
    _require_of_sections()
    settings, cluster = take_interpret(options), take_cluster(options)
    (pinned,) = pin_models(models)
    _say_passed_over(settings, pinned)
    if plan:
        from tasks.sections import plan_sections

        here = to_plan_here(settings, cluster)
        click.echo(str(plan_sections(sections, pinned, output, here, overwrite)))
        if left_open(settings, cluster):
            click.echo(f"{said_of_device(here.device)}; answers made on another count as others")
        return
    with prefect_server():
        from flows.interpret_sections import interpret_sections as flow

        made = flow(sections, pinned, output, settings, cluster, overwrite)
    print_receipt(made, as_json)


def _require_of_sections() -> None:
    """Refuse options of the command line that would be passed over.

    Raises
    ------
    ConfigError
    """
    from seisproc.errors import ConfigError

    context = click.get_current_context()
    for name, reason in OF_SURVEYS.items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise ConfigError(f"--{name} {reason}", found=f"--{name} and --sections",
                              do=f"Leave --{name} out")


def _say_passed_over(settings: InterpretConfig, model: str) -> None:
    from models.bundle import read_card

    usual, target = type(settings)(), read_card(model)[0].target
    (other,) = {"facies", "fault"} - {target}
    if getattr(settings, f"{other}_window"):
        click.echo(f"{other}_window is passed over: the model is for {target}", err=True)
    for name in PASSED_OVER:
        if getattr(settings, name) != getattr(usual, name):
            click.echo(f"{name} is passed over: it is of surveys, not of sections", err=True)
