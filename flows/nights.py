"""`seisproc nightly` and `seisproc basin`: all that is due in a catalogue, or other models."""

from __future__ import annotations

from typing import Any, Literal

import click

from flows.catalog import CATALOG
from flows.options import cluster_options, json_option, print_receipt, take_cluster
from flows.references import MODEL
from flows.server import prefect_server


@click.command()
@CATALOG
@click.option("--at-once", type=click.IntRange(1), default=1, show_default=True,
              help="Surveys that run at a time, each on a cluster of its own.")
@click.option("--until", default="", metavar="HH:MM",
              help="Start no further survey after this time of day.")
@click.option("--timezone", default="", metavar="NAME",
              help="Time zone of --until and of the night's date, e.g. Europe/Oslo. [default: this"
              " machine's]")
@click.option("--at-end", type=click.Choice(["finish", "checkpoint"]), default="finish",
              show_default=True,
              help="Surveys that run when the time is over go on to their end, or stop where the"
              " next night goes on.")
@click.option("--only", multiple=True, metavar="NAME", help="This survey; may be given again.")
@click.option("--export/--no-export", default=True, show_default=True,
              help="Write volumes as SEG-Y, to CATALOG/exports/NAME.")
@cluster_options
@json_option
def nightly(
    catalog: str,
    at_once: int,
    until: str,
    timezone: str,
    at_end: Literal["finish", "checkpoint"],
    only: tuple[str, ...],
    export: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Process every survey of a catalogue that has something to do, each as a run of its own.

    New and changed files, a new model in production or changed settings make a survey due; the rest
    is left alone, so that a second night right after does nothing. A bad file is quarantined with
    the reason; whatever was interrupted goes on where it stopped. `seisproc catalog list CATALOG
    --due` shows beforehand what is due and why.
    """
    from flows.time_window import TimeWindow

    cluster = take_cluster(options)
    TimeWindow.of(until, timezone)  # a wrong word is told before a server starts
    with prefect_server():
        from flows.nightly import nightly as flow

        receipt = flow(catalog, at_once, until, timezone, at_end, list(only), export, cluster)
    print_receipt(receipt, as_json)


@click.command()
@CATALOG
@click.option("--model", "models", multiple=True, type=MODEL, metavar="MODEL",
              help="A model to try on surveys that are ingested; may be given again.")
@click.option("--run", default="", metavar="NAME",
              help="Name of the interpretation that these models make.")
@click.option("--only", multiple=True, metavar="NAME", help="This survey; may be given again.")
@click.option("--at-once", type=click.IntRange(1), default=4, show_default=True,
              help="Surveys that run at a time.")
@click.option("--shared/--own", default=True, show_default=True,
              help="All surveys on one cluster, or each on one of its own.")
@click.option("--export/--no-export", default=True, show_default=True,
              help="Write volumes of what was due as SEG-Y, to CATALOG/exports/NAME.")
@cluster_options
@json_option
def basin(
    catalog: str,
    models: tuple[str, ...],
    run: str,
    only: tuple[str, ...],
    at_once: int,
    shared: bool,
    export: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run over a whole catalogue, several surveys at a time.

    Without --model everything that is due is done, as by `seisproc nightly`. With --model MODEL
    --run NAME all ingested surveys are interpreted by these models too, beside what is there;
    `seisproc diff` compares the two, and `seisproc models promote` makes them the ones of the next
    night.
    """
    cluster = take_cluster(options)
    with prefect_server():
        from flows.basin import basin as flow

        receipt = flow(catalog, list(models), run, list(only), at_once, shared, export, cluster)
    print_receipt(receipt, as_json)
