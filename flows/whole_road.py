"""From a file to everything: `seisproc run`, `seisproc demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flows.options import (
    INPUT,
    LOCATION,
    cluster_options,
    header_options,
    interpret_options,
    json_option,
    overwrite_option,
    take_cluster,
    take_headers,
    take_interpret,
)
from flows.references import model_option, models_for_survey
from flows.server import prefect_server
from flows.volume_options import take_volume, volume_options


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SRC...", type=INPUT)
@click.option(
    "--output",
    required=True,
    type=LOCATION,
    metavar="FOLDER",
    help="Folder for everything that is made.",
)
@model_option
@click.option(
    "--shipped/--no-shipped",
    default=True,
    show_default=True,
    help="Use the fault network that ships where no --model is for faults.",
)
@click.option("--run", default="main", show_default=True, help="Name of the interpretation.")
@header_options
@volume_options
@interpret_options
@cluster_options
@overwrite_option
@json_option
def run(
    sources: tuple[str, ...],
    output: str,
    models: tuple[str, ...],
    shipped: bool,
    run: str,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Ingest a survey, interpret it, export the volumes as SEG-Y and write a report.

    Without --model the fault network that ships is used. The same command again resumes.
    """
    headers, settings = take_headers(options), take_interpret(options)
    cluster, volume = take_cluster(options), take_volume(options)
    from flows.sources import look

    # Bad files and bundles are refused before a server and a cluster are started for them.
    # nothing else than a stacked 3-D survey can be interpreted: its grid says so
    look(sources, headers, volume).lattice.grid(Path(sources[0]).name)
    bundles = models_for_survey(models, shipped)
    with prefect_server():
        from flows.survey import survey as flow

        given = (list(sources), output, bundles, run, headers, settings, cluster, overwrite, volume)
        receipt = flow(*given)
    from flows.summary import print_survey

    print_survey(receipt, as_json)


@click.command()
@click.option(
    "--output",
    default="demo",
    show_default=True,
    type=LOCATION,
    metavar="FOLDER",
    help="Folder for everything that is made.",
)
@click.option(
    "--config",
    type=LOCATION,
    metavar="FILE",
    help="YAML or JSON with other settings of the survey and its networks.",
)
@interpret_options
@cluster_options
@json_option
def demo(output: str, config: str | None, as_json: bool, **options: Any) -> None:
    """Make a synthetic survey and do with it what a user's survey gets, in about four minutes."""
    from flows.config import read_form, settled
    from flows.demo_config import DemoConfig

    options["workers"] = options["workers"] or 2
    options["probability"] = True  # for the calibration of the facies
    settings, cluster = take_interpret(options), take_cluster(options)
    told, file = (read_form(config), config) if config else ({}, "")
    wanted = settled(DemoConfig, told, {}, kind="demo configuration", flags={}, file=file)
    with prefect_server():
        from flows.demo import demo as flow

        receipt = flow(output, wanted, settings, cluster)
    from flows.summary import print_demo

    print_demo(receipt, as_json)
