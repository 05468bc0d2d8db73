"""`seisproc label`: interpretations made by others."""

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
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.argument("name")
@click.option("--facies", type=LOCATION, metavar="SEG-Y", help="Facies codes; 255 = unknown.")
@click.option("--fault", type=LOCATION, metavar="SEG-Y", help="1 on faults, 0 elsewhere.")
@overwrite_option
@json_option
def label(
    store: str, name: str, facies: str | None, fault: str | None, overwrite: bool, as_json: bool
) -> None:
    """Import an interpretation from SEG-Y files onto a survey's grid, as labels NAME."""
    with prefect_server():
        from flows.label import label as flow

        receipt = flow(store, name, facies, fault, overwrite)
    print_receipt(receipt, as_json)
