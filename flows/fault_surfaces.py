"""`seisproc faults`: what an interpretation says of faults, as surfaces and sticks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from flows.options import (
    FILE_OR_FOLDER,
    LOCATION,
    cluster_options,
    json_option,
    overwrite_option,
    print_json,
    take_cluster,
)
from flows.server import prefect_server

if TYPE_CHECKING:
    from flows.faults import FaultsReceipt

MOST = 20
"""Surfaces that are printed; the CSV has them all."""


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.option("--run", help="Interpretation with faults. [default: the one made last]")
@click.option(
    "--output",
    type=FILE_OR_FOLDER,
    default="",
    metavar="FILE|FOLDER/",
    help="Write the sticks as OpendTect ASCII to a file; with a last slash sticks, table and "
    "picture to a folder.",
)
@click.option("--threshold", type=float, default=0.5, show_default=True,
              help="Least fault probability on a surface.")
@click.option("--smoothing", type=float, default=1.5, show_default=True, metavar="VOXELS",
              help="Of the Gaussian that finds the middle of a band; a third of its thickness.")
@click.option("--least-voxels", type=int, default=200, show_default=True,
              help="Drop smaller surfaces.")
@click.option("--angle", type=float, default=10.0, show_default=True, metavar="DEGREES",
              help="Most by which a surface turns from voxel to voxel; larger joins more.")
@click.option("--velocity", type=float, metavar="M/S",
              help="For dips and areas of surveys in time. [default: dips in ms per m]")
@click.option("--spacing", type=click.IntRange(min=1), default=5, show_default=True,
              metavar="LINES", help="From stick to stick.")
@click.option("--positions", type=click.Choice(["auto", "xy", "lines"]), default="auto",
              show_default=True, help="Of the sticks: X and Y, or inline and crossline numbers.")
@overwrite_option
@cluster_options
@json_option
def faults(
    store: str,
    run: str | None,
    output: str,
    threshold: float,
    smoothing: float,
    least_voxels: int,
    angle: float,
    velocity: float | None,
    spacing: int,
    positions: Literal["auto", "xy", "lines"],
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Thin the faults of an interpretation to surfaces, and write sticks for OpendTect.

    The surfaces stand in the store at fault_surfaces/RUN: a volume of their numbers, and strike,
    dip, area and extent of each.
    """
    from seisproc.errors import StoreError
    from seisproc.fault_surfaces.deliver import require_free
    from seisproc.report.inventory import newest_run
    from seisproc.survey import Survey

    survey = Survey(store)
    run = run or newest_run(survey)
    if run is None:
        raise StoreError(f"{store} has no interpretation", do="Make one with `seisproc interpret`")
    survey.group_attributes(f"interpretation/{run}")
    if output:
        require_free(output, overwrite)
    cluster = take_cluster(options)
    with prefect_server():
        from flows.faults import faults as flow

        receipt = flow(store, run, output, threshold, smoothing, least_voxels, angle, velocity,
                       spacing, positions, overwrite, cluster)
    _print(receipt, survey.grid.domain, as_json)


def _with_units(row: dict[str, Any], domain: str) -> dict[str, Any]:
    """Put units behind the columns whose names do not say theirs."""
    from seisproc.fault_surfaces.table import upright_unit
    from seisproc.schema import DOMAINS

    unit = DOMAINS[domain]
    units = {"slope": f"{unit}/m", "upright_area": upright_unit(domain), "first_sample": unit,
             "last_sample": unit}
    return {f"{name} ({units[name]})" if name in units else name: value
            for name, value in row.items()}


def _print(receipt: FaultsReceipt, domain: str, as_json: bool) -> None:
    from seisproc.fault_surfaces.table import rows

    found, sticks = receipt.surfaces, receipt.sticks
    table = rows(found.surfaces)
    if as_json:
        files = {} if sticks is None else vars(sticks)
        print_json({**vars(found), "surfaces": table, "sticks": files})
        return
    from flows.tables import print_table

    title = f"Fault surfaces of {found.run}: {len(table):,}, {found.voxels:,} voxels"
    print_table(title, [_with_units(row, domain) for row in table[:MOST]])
    if len(table) > MOST:
        click.echo(f"and {len(table) - MOST:,} smaller ones")
    click.echo(f"surfaces  {found.url}{'  (were there already)' if found.reused else ''}")
    if sticks is not None:
        click.echo(f"sticks    {sticks.sticks:,} of {sticks.sheets:,} sheets, positions "
                   f"{sticks.positions}")
        for file in sticks.files:
            click.echo(f"file      {file}")
