"""The verb ``match``."""

from __future__ import annotations

import click

from flows.options import LOCATION, json_option, overwrite_option, print_receipt
from flows.server import prefect_server


@click.command()
@click.argument("store", metavar="SURVEY.zarr", type=LOCATION)
@click.argument("output", metavar="PROFILE.json", type=LOCATION)
@overwrite_option
@json_option
def match(store: str, output: str, overwrite: bool, as_json: bool) -> None:
    """Measure a survey, for synthetics that look like it: `synthesize --profile PROFILE.json`.

    Prints how far synthetic volumes are from the survey before and after they imitate it, and the
    control, how far two halves of the survey are apart: spectra in dB by depth window, kurtosis,
    dip in samples per trace, amplitude histogram, and noise as the logarithm of the ratio.
    """
    from seisproc.survey import Survey
    from tasks.match import check_output

    # What cannot be measured or written is refused before a server is started for it.
    Survey(store).grid  # noqa: B018
    check_output(output, overwrite)
    with prefect_server():
        from flows.match import match as flow

        receipt = flow(store, output, overwrite)
    if as_json:
        print_receipt(receipt, as_json)
        return
    from rich.console import Console
    from rich.table import Table

    from tasks.match import rows

    table = Table(title="Synthetics and the survey", title_justify="left")
    for name in ("distance", "before", "after", "control"):
        table.add_column(name, justify="left" if name == "distance" else "right")
    for row in rows(receipt):
        table.add_row(*(v if isinstance(v, str) else f"{v:.3f}" for v in row.values()))
    Console().print(table)
