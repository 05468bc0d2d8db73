"""The command line: one verb for each thing to be made or looked at.

Heavy imports wait until a verb runs, so that ``--help`` answers at once. What makes something is a
flow, with a record in the Prefect UI; what only looks calls ``seisproc`` and starts no server.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from flows import terminal
from flows.options import (
    cluster_options,
    header_options,
    json_option,
    overwrite_option,
    plan_option,
    print_json,
    print_receipt,
    take_cluster,
    take_headers,
)
from flows.server import prefect_server, ui_url


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where the local Prefect server keeps its history. "
    "[default: $SEISPROC_HOME, or ~/.seisproc]",
)
@click.version_option(package_name="seisproc", prog_name="seisproc")
def cli(home: Path | None) -> None:
    """Seismic interpretation at scale: SEG-Y in; facies, fault and uncertainty volumes out.

    Begin with `seisproc demo`, then `seisproc run FILE.sgy --output FOLDER`. What makes something
    is a Prefect flow: set PREFECT_API_URL to record it on your own server; otherwise a local one
    runs while it is needed, and `seisproc ui` shows the history.
    """
    if home is not None:
        os.environ["SEISPROC_HOME"] = str(home.expanduser().absolute())


@cli.command()
@click.argument("sources", nargs=-1, required=True, metavar="SRC...")
@header_options
@json_option
def scan(sources: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Read the headers of one survey's SEG-Y files and say what they hold; no samples are read."""
    from seisproc.segy.scan import scan as scan_headers

    found = scan_headers(sources, take_headers(options).overrides())
    if as_json:
        print_json(found.to_dict())
    else:
        click.echo(found.describe())


@cli.command()
@click.argument("sources", nargs=-1, required=True, metavar="SRC...")
@click.argument("store", metavar="STORE.zarr")
@header_options
@cluster_options
@plan_option
@overwrite_option
@json_option
def ingest(
    sources: tuple[str, ...], store: str, plan: bool, overwrite: bool, as_json: bool, **options: Any
) -> None:
    """Turn the SEG-Y files of one survey into a survey store."""
    headers, cluster = take_headers(options), take_cluster(options)
    if plan:
        from seisproc.segy.scan import scan as scan_headers

        click.echo(scan_headers(sources, headers.overrides()).describe())
        return
    with prefect_server():
        from flows.ingest import ingest as flow

        receipt = flow(list(sources), store, headers, cluster, overwrite)
    print_receipt(receipt, as_json)


@cli.command()
@cluster_options
@json_option
def doctor(as_json: bool, **options: Any) -> None:
    """Check versions, disk, memory, cores, Prefect server and cluster, and say what to do."""
    from flows.doctor import FAILED, examine

    findings = []
    for finding in examine(take_cluster(options)):
        findings.append(finding)
        if not as_json:
            advice = f". {finding.do}." if finding.do else ""
            click.echo(f"{finding.state:<8} {finding.name:<15} {finding.found}{advice}")
    if as_json:
        print_json({finding.name: vars(finding) for finding in findings})
    failed = [finding.name for finding in findings if finding.state == FAILED]
    if failed:
        raise click.ClickException(f"{', '.join(failed)}: see above for what to do")


@cli.command()
def ui() -> None:
    """Show the Prefect UI with the history of all runs, until Ctrl-C."""
    import signal

    with prefect_server() as url:
        click.echo(f"Prefect UI: {ui_url(url)}   (Ctrl-C ends it)")
        try:
            signal.pause()
        except KeyboardInterrupt:
            click.echo("", err=True)


def main() -> None:
    """Entry point of the command ``seisproc``."""
    terminal.end_on_sigterm()
    terminal.run(cli)


if __name__ == "__main__":
    main()
