"""`seisproc interpret`: model bundles over a survey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flows.options import (
    LOCATION,
    cluster_options,
    interpret_options,
    json_option,
    overwrite_option,
    plan_option,
    print_receipt,
    take_cluster,
    take_interpret,
)
from flows.server import prefect_server
from seisproc.errors import ConfigError

DEMO_MODELS = ("demo/models/facies", "demo/models/fault")
"""Where `seisproc run` looks for models that nobody named."""

model_option = click.option(
    "--model",
    "models",
    multiple=True,
    type=LOCATION,
    metavar="BUNDLE",
    help="Model bundle; give one for facies, one for faults, or both.",
)


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@model_option
@click.option("--run", default="main", show_default=True, help="Name of the interpretation.")
@interpret_options
@cluster_options
@plan_option
@overwrite_option
@json_option
def interpret(
    store: str,
    models: tuple[str, ...],
    run: str,
    plan: bool,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run model bundles over a survey: classes, probabilities and uncertainty on its own grid.

    An interrupted run goes on where it stopped; finished work of the same models is kept.
    """
    from tasks.interpret import plan_survey

    settings, cluster = take_interpret(options), take_cluster(options)
    planned = plan_survey(store, choose_models(models), run, settings.settings())
    if plan:
        click.echo(str(planned))
        return
    with prefect_server():
        from flows.interpret import interpret as flow

        receipt = flow(store, choose_models(models), run, settings, cluster, overwrite)
    print_receipt(receipt, as_json)


def choose_models(models: tuple[str, ...]) -> list[str]:
    """Bundles that were named, or else those of the demo.

    Raises
    ------
    ConfigError
        If there are none of either.
    """
    if models:
        return list(models)
    found = [str(Path(path).absolute()) for path in DEMO_MODELS if Path(path).is_dir()]
    if not found:
        raise ConfigError(
            "no model bundle",
            expected="--model BUNDLE, or the demo's models in ./demo/models",
            do="Run `seisproc demo` to make some, or name a bundle with --model",
        )
    return found
