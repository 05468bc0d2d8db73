"""An array, and the survey that it would make, as text for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from flows.describe import Rows, by, describe_ingest, facts, plain, size_text
from seisproc.chunking import layout
from seisproc.grid import describe_axes
from seisproc.schema import DOMAINS, KINDS
from seisproc.volumes.look import extent, missing_traces
from seisproc.volumes.volume import Volume

if TYPE_CHECKING:
    from rich.console import Console

    from seisproc.segy.scan import SegyScan
    from seisproc.volumes.look import VolumeScan

_LISTED = 20


def describe_source(found: SegyScan | Volume, store: str) -> str:
    """Say what a source holds, and what an ingest of it would write."""
    return describe_volume(found, store) if isinstance(found, Volume) else describe_ingest(
        found, store
    )


def describe_volume(volume: Volume, store: str) -> str:
    """Say what an array holds and what an ingest of it would write, a line for each fact.

    Parameters
    ----------
    volume : Volume
        What ``seisproc.volumes`` found.
    store : str
        Where the store will be.
    """
    chunks, shards = layout(volume.shape)
    count = math.prod(math.ceil(n / s) for n, s in zip(volume.shape, shards, strict=True))
    size = math.prod(volume.shape) * volume.dtype.itemsize
    rows = [
        ("source", f"{volume.name}, {volume.format}"),
        *_survey_rows(volume),
        *(("warning", warning) for warning in volume.warnings),
        ("store", store),
        ("amplitude", f"{by(volume.shape)}, {size_text(size)} before compression"),
        ("shards", f"{count:,} of {by(shards)}, chunks of {by(chunks)}"),
    ]
    return plain(rows)


def print_volume(scan: VolumeScan, *, console: Console | None = None) -> None:
    """Print what an array file holds, what is known of it, and what an ingest still needs.

    Parameters
    ----------
    scan : VolumeScan
        What ``seisproc.volumes.look`` found.
    console : rich.console.Console, optional
        Where to; stdout by default. A table on a terminal, plain lines elsewhere.
    """
    from rich.console import Console

    console = console or Console()
    warnings: Rows = [] if scan.volume is None else [
        ("warning", warning) for warning in scan.volume.warnings
    ]
    needed = [("needed", f"{option}: {why}") for option, why in scan.needs.items()]
    blocks = [(_rows(scan), "bold"), (needed, "bold red"), (warnings, "bold yellow"),
              ([("for example" if scan.needs else "ingest", scan.command)], "bold green")]
    if console.is_terminal:
        for rows, style in blocks:
            if rows:
                console.print(facts(rows, style))
        return
    print("\n\n".join(plain(rows) for rows, _ in blocks if rows), file=console.file)


def _rows(scan: VolumeScan) -> Rows:
    size = "" if scan.size is None else f" ({size_text(scan.size)})"
    rows = [("source", f"{scan.name}, {scan.format}{size}")]
    for each in scan.arrays[:_LISTED]:
        name = f"{each.name}: " if each.name else ""
        axes = scan.axes if each is scan.chosen else each.axes
        known = f", {','.join(axes)}" if axes else ", axes unknown"
        rows.append(("array", f"{name}{by(each.shape)} {each.dtype}{known}"))
    if len(scan.arrays) > _LISTED:
        rows.append(("array", f"and {len(scan.arrays) - _LISTED:,} more"))
    return rows + ([] if scan.volume is None else _survey_rows(scan.volume))


def _survey_rows(volume: Volume) -> Rows:
    """Say what the survey of an array is."""
    lattice = volume.lattice
    unit, first, last = DOMAINS[lattice.domain], lattice.sample[0], lattice.sample[-1]
    missing, places = missing_traces(volume), extent(volume)
    rows = [
        ("kind", f"{KINDS[lattice.kind]}, {by(volume.shape)}"),
        *(
            (name, f"{told['first']} to {told['last']}, {told['count']:,}")
            for name, told in describe_axes(lattice).items()
            if name != "sample"
        ),
        (lattice.domain, f"{first:g} to {last:g} {unit}, every {lattice.step:g} {unit}"),
        ("samples", f"kept as {volume.dtype}"),
    ]
    if missing is not None:
        cells = math.prod(volume.shape[:-1])
        rows.append(("traces", f"{cells - missing:,}, {missing:,} cells without"))
    crs = volume.facts.get("crs") or "no reference system named"
    told = "none" if places is None else (
        f"x {places[0]:,.1f} to {places[1]:,.1f}, y {places[2]:,.1f} to {places[3]:,.1f} "
        f"{volume.units}"
    )
    return [*rows, ("coordinates", f"{told}; {crs}")]
