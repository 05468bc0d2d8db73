"""The verb ``crop``."""

from __future__ import annotations

from typing import Any

import click

from flows.options import (
    LOCATION,
    cluster_options,
    json_option,
    overwrite_option,
    print_receipt,
    take_cluster,
)
from flows.server import prefect_server

_RANGES = (
    ("--inlines", "inline", "Inline numbers."),
    ("--crosslines", "crossline", "Crossline numbers."),
    ("--twt", "twt", "Two-way times in ms."),
    ("--depth", "depth", "Depths in m."),
    ("--offsets", "offset", "Offsets of pre-stack gathers."),
    ("--gather-traces", "gather_trace", "Numbers of the traces in a gather."),
    ("--traces", "trace", "Trace numbers of a line or of flat traces, from 0."),
    ("--cdps", "cdp", "CDP numbers of a line."),
)


def range_options(command: Any) -> Any:
    """Say which part to keep."""
    for flag, name, text in reversed(_RANGES):
        command = click.option(flag, name, metavar="A:B", help=text)(command)
    return command


@click.command()
@click.argument("store", metavar="STORE.zarr", type=LOCATION)
@click.argument("output", metavar="OUT.zarr", type=LOCATION)
@range_options
@cluster_options
@overwrite_option
@json_option
def crop(store: str, output: str, overwrite: bool, as_json: bool, **options: Any) -> None:
    """Cut a part out of a survey, as a survey of its own.

    Ranges are labels, the smaller one first, both included; A: or :B keep all beyond or before, and
    a label alone only itself. Statistics are counted anew; labels, interpretations and trace
    headers of the part are kept, so that it exports as SEG-Y.
    """
    from seisproc.places import require_writable
    from seisproc.volumes.crop import plan_crop
    from seisproc.volumes.ranges import parse_ranges

    cluster = take_cluster(options)
    ranges = {name: options[name] for _, name, _ in _RANGES if options[name] is not None}
    require_writable(output)
    # An empty range is refused before a server and a cluster are started for it.
    plan_crop(store, parse_ranges(ranges))
    with prefect_server():
        from flows.crop import crop as flow

        receipt = flow(store, output, ranges, cluster, overwrite)
    print_receipt(receipt, as_json)
