"""What leaves a store: `seisproc export`, `seisproc report`."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import click

from flows.options import (
    FILE_OR_FOLDER,
    LOCATION,
    json_option,
    overwrite_option,
    print_receipt,
)
from flows.server import prefect_server


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.argument("output", metavar="OUT.sgy|FOLDER/", type=FILE_OR_FOLDER)
@click.option(
    "--variable",
    default="amplitude",
    show_default=True,
    help="Volume to export, e.g. interpretation/main/fault.",
)
@click.option(
    "--samples-as",
    type=click.Choice(["native", "float32", "int16"]),
    default="native",
    show_default=True,
    help="Sample type; 16-bit integers are scaled, and the text header says how.",
)
@overwrite_option
@json_option
def export(
    store: str,
    output: str,
    variable: str,
    samples_as: Literal["native", "float32", "int16"],
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write one volume of a survey store as SEG-Y, on the headers of its source.

    A survey of several files becomes one file, or with a last slash in FOLDER/ its own files again.
    """
    from seisproc.segy.export import plan_export

    # What cannot be written is refused before a server is started for it.
    plan_export(store, output, variable=variable, samples_as=samples_as, overwrite=overwrite)
    with prefect_server():
        from flows.export import export as flow

        receipt = flow(store, output, variable, overwrite, samples_as)
    print_receipt(receipt, as_json)


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.argument("output", metavar="OUT.html", type=LOCATION)
@click.option("--run", help="Interpretation to show. [default: the one made last]")
@click.option("--labels", metavar="NAME", help="Labels to show beside it.")
@overwrite_option
@json_option
def report(
    store: str, output: str, run: str | None, labels: str | None, overwrite: bool, as_json: bool
) -> None:
    """Write the report of a survey: one HTML file that holds everything, pictures included."""
    from seisproc.places import require_writable
    from seisproc.survey import Survey

    require_writable(output)
    survey = Survey(store)
    for group in (run and f"interpretation/{run}", labels and f"labels/{labels}"):
        if group:
            survey.group_attributes(group)
    with prefect_server():
        from flows.report import report as flow

        receipt = flow(store, output, run, labels, overwrite)
    # the digest is for programs: the report says the same in words
    print_receipt(receipt if as_json else replace(receipt, digest={}), as_json)
