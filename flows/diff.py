"""`seisproc diff`: what has changed from one interpretation to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.options import LOCATION, json_option, overwrite_option, print_json

if TYPE_CHECKING:
    from seisproc.difference.diff import Difference

MOST = 10
"""Changes that are printed; the files have them all."""


@click.command()
@click.argument("first", metavar="A", type=LOCATION)
@click.argument("second", metavar="B")
@click.option("--output", type=LOCATION, metavar="FOLDER",
              help="Write the tables (Markdown, CSV, JSON) and maps (PNG) there.")
@click.option("--volume", type=LOCATION, metavar="OUT.zarr",
              help="Write a volume of what differs there.")
@click.option("--velocity", type=float, metavar="M/S",
              help="For volumes in km3 of surveys in time. [default: in km2 ms]")
@overwrite_option
@json_option
def diff(
    first: str,
    second: str,
    output: str | None,
    volume: str | None,
    velocity: float | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare two interpretations of a survey: classes, volumes, faults, and where they differ.

    A and B are STORE.zarr/interpretation/RUN, or a STORE.zarr with a single interpretation; B may
    be the name of another run in A's store, which comes before a store of that name in this folder.
    """
    from seisproc.difference.diff import diff as compare
    from seisproc.difference.files import require_free, write_difference
    from seisproc.difference.sides import names_run, side

    a = side(first)
    is_run = names_run(second, a.store)
    b = side(second if is_run else LOCATION.convert(second, None, None), a.store)
    if output:
        require_free(output, overwrite)
    from tasks.progress import stage_progress

    with stage_progress("diff") as on_progress:
        found = compare(a, b, velocity=velocity, volume_url=volume, overwrite=overwrite,
                        on_progress=on_progress)
    files = write_difference(found, a.survey, output, overwrite=overwrite) if output else ()
    files += (volume,) if volume else ()
    if as_json:
        print_json({**found.to_dict(), "files": list(files)})
        return
    _print(found)
    for file in files:
        click.echo(file)


def _print(found: Difference) -> None:
    from flows.tables import print_table

    click.echo(f"From {found.a} (a) to {found.b} (b)")
    facies = found.facies
    if facies is not None:
        share = "unknown" if facies.agreement is None else f"{100 * facies.agreement:.2f} %"
        print_table(f"Facies: {share} of the samples agree", facies.rows)
        if facies.changes:
            print_table("What became of what", facies.changes[:MOST])
    for name in ("fault", "facies_uncertainty", "fault_uncertainty"):
        each = getattr(found, name)
        if each is None or each.mean_a is None:
            continue
        told = (f"{name.replace('_', ' ').capitalize()}: mean {each.mean_a:.4f} in a, "
                f"{each.mean_b:.4f} in b, mean absolute difference {each.mean_difference:.4f}")
        if name == "fault":
            print_table(told, each.rows)
        else:
            click.echo(told)
