"""Verbs that only look: they call ``seisproc`` directly and make nothing."""

from __future__ import annotations

from typing import Any

import click

from flows.options import (
    INPUT,
    LOCATION,
    cluster_options,
    header_options,
    json_option,
    print_json,
    take_cluster,
    take_headers,
)
from flows.server import prefect_server, ui_url


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SRC...", type=INPUT)
@header_options
@click.option("--text", is_flag=True, help="Print the text header too.")
@click.option(
    "--map",
    "picture",
    metavar="FILE.png",
    help="Draw which cells hold a trace, and the outline on the map.",
)
@json_option
def scan(
    sources: tuple[str, ...], text: bool, picture: str | None, as_json: bool, **options: Any
) -> None:
    """Read the headers of one survey's SEG-Y files and say what they hold, and why.

    Line numbers are found: pairs of header words that the text header states or that software
    usually writes are judged on evidence, then all others, and the evidence is shown.
    """
    from flows.describe import print_scan, trace_order
    from seisproc.segy.scan import scan as scan_headers

    found = scan_headers(sources, take_headers(options).overrides())
    if as_json:
        print_json({**found.to_dict(), "order": trace_order(found)})
    else:
        print_scan(found, text=text)
    if picture:
        from seisproc.segy.mapview import draw_map

        draw_map(found, picture)


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.option(
    "--cluster",
    default="in-process",
    show_default=True,
    metavar="KIND|ADDRESS|FILE",
    help="Where to read: this process, or a cluster as other verbs know them.",
)
@click.option("--workers", type=int, help="Worker processes. [default: one per core]")
@click.option("--threads", type=int, help="Files read at a time. [default: one per core]")
@json_option
def verify(
    store: str, cluster: str, workers: int | None, threads: int | None, as_json: bool
) -> None:
    """Check that a store is what was published: every array, shard and chunk, every checksum.

    Ends with exit code 2, and one line that names the first, if anything is damaged or missing.
    """
    from flows.config import cluster_config
    from flows.inspection import check_store, print_verification

    found = check_store(store, cluster_config(cluster, workers, threads, None), threads)
    print_verification(found, as_json)
    found.require_sound()


@click.command()
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


@click.command()
def ui() -> None:
    """Show the Prefect UI with the history of all runs, until Ctrl-C."""
    import signal

    with prefect_server() as url:
        click.echo(f"Prefect UI: {ui_url(url)}   (Ctrl-C ends it)")
        try:
            signal.pause()
        except KeyboardInterrupt:
            click.echo("", err=True)
