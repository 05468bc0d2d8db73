"""The verb ``match``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flows.options import LOCATION, json_option, overwrite_option, print_receipt
from flows.server import prefect_server

if TYPE_CHECKING:
    from tasks.match import MatchReceipt


@click.command()
@click.argument("sources", metavar="SURVEY...", type=LOCATION, nargs=-1, required=True)
@click.argument("output", metavar="PROFILE.json", type=LOCATION)
@click.option("--facies/--no-facies", default=False, show_default=True,
              help="Imitate with the generator's facies bodies, or with plain layers.")
@click.option("--searches", type=click.IntRange(0, 1000), default=24, show_default=True,
              help="Settings that the fit tries, each on three small volumes.")
@click.option("--test/--no-test", default=True, show_default=True,
              help="Train a small network to tell the survey from synthetics; some two minutes.")
@overwrite_option
@json_option
def match(
    sources: tuple[str, ...],
    output: str,
    facies: bool,
    searches: int,
    test: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure a survey, for synthetics that look like it: `synthesize --profile PROFILE.json`.

    SURVEY is a survey store, a volume as .npy (inline, crossline, sample), or a section as .npz
    with `seismic` (sample, trace); several of them make one survey.

    Prints how far synthetic volumes are from the survey before and after they imitate it, and the
    control, how far two halves of the survey are apart: spectra in dB by depth window, kurtosis,
    dip in samples per trace, amplitude histogram, and noise as the logarithm of the ratio; then
    how well a network tells patches of them from the survey's on sections that it has not seen.
    A report with pictures goes to PROFILE.html.
    """
    from seisproc.synthetic.held_out import patch_shape
    from seisproc.synthetic.sources import open_sources
    from tasks.match import check_output

    # What cannot be measured or written is refused before a server is started for it.
    survey = open_sources(sources)
    check_output(output, overwrite)
    if test:
        patch_shape(survey)
    with prefect_server():
        from flows.match import match as flow

        receipt = flow(list(sources), output, overwrite, facies, searches, test)
    if as_json:
        print_receipt(receipt, as_json)
    else:
        _print_tables(receipt)


def _print_tables(receipt: MatchReceipt) -> None:
    from rich.console import Console

    from tasks.match import accuracy_rows, rows

    console = Console()
    console.print(_table("Synthetics and the survey", rows(receipt)))
    told = accuracy_rows(receipt)
    if told:
        console.print(_table("Told apart by a network (0.5 is chance)", told))
    click.echo(f"Profile: {receipt.profile}\nReport: {receipt.report}")


def _table(title: str, lines: Sequence[dict[str, str | float]]) -> object:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, name in enumerate(lines[0]):
        table.add_column(name, justify="right" if number else "left")
    for line in lines:
        table.add_row(*(v if isinstance(v, str) else f"{v:.3f}" for v in line.values()))
    return table
