"""`seisproc show`: what a store holds, and what an interpretation amounts to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flows.options import LOCATION, json_option, overwrite_option, print_json

if TYPE_CHECKING:
    from seisproc.survey import Survey


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.option("--run", help="Add up this interpretation: volumes of classes, faults, and the time"
              " of its workers.")
@click.option("--velocity", type=float, metavar="M/S",
              help="For volumes in km3 of surveys in time. [default: in km2 ms]")
@click.option("--output", type=LOCATION, metavar="FILE",
              help="Write the figures of --run there: .csv (classes), .json or .md.")
@overwrite_option
@json_option
def show(
    store: str,
    run: str | None,
    velocity: float | None,
    output: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Say what a survey store holds: axes, labels, interpretations side by side, fault surfaces.

    With --run it reads that interpretation once, and tells voxels, area, mean thickness and volume
    of each class, and how much is fault. It also tells what the run cost in worker-hours, when each
    worker was at it, and where the time went (load, read, infer, blend, write): of one that is not
    complete this alone.
    """
    from flows.describe import plain
    from flows.describe_store import holdings, holdings_rows
    from flows.tables import print_table
    from seisproc.survey import Survey

    survey = Survey(store)
    if run is None:
        if output or velocity:
            raise click.UsageError("--output and --velocity are about one interpretation: give "
                                   "--run.")
        held = holdings(survey)
        if as_json:
            print_json(held)
            return
        click.echo(plain(holdings_rows(held)))
        for title in ("interpretations", "labels"):
            if held[title]:
                click.echo()
                print_table(title.capitalize(), [_flat(row) for row in held[title]])
        return
    _show_run(survey, run, velocity, output, overwrite, as_json)


def _show_run(
    survey: Survey,
    run: str,
    velocity: float | None,
    output: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Show one interpretation: who worked on it, and unless it is incomplete its figures."""
    from flows.describe_store import figures, work_of, write_figures
    from flows.tables import print_table
    from seisproc.errors import IncompleteError

    work = work_of(survey, run)
    if not as_json and work:
        print_table(f"Workers of {run}: {work['told']}", work["workers"])
    try:
        found = {**figures(survey, run, velocity), "work": work}
    except IncompleteError:
        if as_json and work:
            print_json({"work": work})
        raise
    if output:
        write_figures(found, output, overwrite)
    if as_json:
        print_json(found)
        return
    if found["classes"]:
        print_table(f"Facies of {run}", found["classes"])
    if found["fault"]:
        print_table(f"Faults of {run}", [found["fault"]])
    if output:
        click.echo(output)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Turn lists into text."""
    return {name: ", ".join(map(str, value)) if isinstance(value, list) else value
            for name, value in row.items()}
