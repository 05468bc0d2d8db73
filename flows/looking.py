"""Verbs that only look: they call ``seisproc`` directly and make nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

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
from flows.volume_options import take_volume, volume_options

if TYPE_CHECKING:
    from seisproc.volumes.settings import VolumeSettings


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
@volume_options
@json_option
def scan(
    sources: tuple[str, ...], text: bool, picture: str | None, as_json: bool, **options: Any
) -> None:
    """Read the headers of one survey's SEG-Y files and say what they hold, and why.

    Line numbers are found: pairs of header words that the text header states or that software
    usually writes are judged on evidence, then all others, and the evidence is shown. Of a NumPy,
    HDF5 or MDIO source it says the arrays, the survey they make, and what an ingest must be told.
    """
    from flows.sources import is_array

    headers, volume = take_headers(options), take_volume(options)
    if is_array(sources):
        if picture or text:
            raise click.UsageError("--map and --text show SEG-Y headers; the source is an array.")
        _scan_array(sources, volume.settings(headers), as_json)
        return
    from flows.describe import print_scan, trace_order
    from flows.sources import require_no_volume
    from seisproc.segy.scan import scan as scan_headers

    require_no_volume(sources, volume)
    found = scan_headers(sources, headers.overrides())
    if as_json:
        print_json({**found.to_dict(), "order": trace_order(found)})
    else:
        print_scan(found, text=text)
    if picture:
        from seisproc.segy.mapview import draw_map

        draw_map(found, picture)


def _scan_array(sources: tuple[str, ...], settings: VolumeSettings, as_json: bool) -> None:
    from flows.describe_volume import print_volume
    from seisproc.segy.patterns import matching_files
    from seisproc.volumes.look import scan_volume

    (source,) = matching_files(sources)
    found = scan_volume(source, settings)
    if as_json:
        print_json(found.to_dict())
    else:
        print_volume(found)


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@partial(cluster_options, default=None, told="in-process, or local with --workers")
@json_option
def verify(store: str, as_json: bool, **options: Any) -> None:
    """Check that a store is what was published: every array, shard and chunk, every checksum.

    Ends with exit code 2, and one line that names the first, if anything is damaged or missing.
    This process reads with --threads threads, one per core unless told; a cluster as elsewhere.
    """
    from flows.inspection import check_store, print_verification

    threads = options["threads"]
    if options["cluster"] is None:
        options["cluster"] = "in-process" if options["workers"] is None else "local"
    found = check_store(store, take_cluster(options), threads)
    print_verification(found, as_json)
    found.require_sound()


@click.command()
@cluster_options
@json_option
def doctor(as_json: bool, **options: Any) -> None:
    """Check versions, disk, memory, cores, Prefect server and cluster, and say what to do."""
    from flows.doctor import examine
    from flows.finding import FAILED

    findings = []
    for finding in examine(take_cluster(options)):
        findings.append(finding)
        if not as_json:
            advice = f". {finding.do}." if finding.do else ""
            click.echo(f"{finding.state:<8} {finding.name:<15} {finding.found}{advice}")
    if as_json:
        print_json({"findings": [vars(finding) for finding in findings]})
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
