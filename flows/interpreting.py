"""`seisproc interpret`: model bundles over a survey."""

from __future__ import annotations

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
from flows.references import model_option, models_for_survey, pin_models
from flows.server import prefect_server


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

    Without --model the fault network that ships is used. An interrupted run goes on where it
    stopped; finished work of the same models is kept.
    """
    from tasks.interpret import plan_survey

    settings, cluster = take_interpret(options), take_cluster(options)
    pinned = pin_models(models) if models else models_for_survey(())
    planned = plan_survey(store, pinned, run, settings.settings())
    if plan:
        click.echo(str(planned))
        return
    with prefect_server():
        from flows.interpret import interpret as flow

        receipt = flow(store, pinned, run, settings, cluster, overwrite)
    print_receipt(receipt, as_json)
