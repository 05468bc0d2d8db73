"""Scans and plans as text: a table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import DOMAINS, KINDS
from seisproc.segy.order import SORTING_NAMES, sorting

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from seisproc.segy.coordinates import Coordinates
    from seisproc.segy.geometry import Evidence
    from seisproc.segy.scan import SegyScan

Rows = list[tuple[str, str]]

_EVIDENCE = ("", "bytes", "numbers", "filled", "verdict", "known from")
_VERDICTS = {
    "3d": "a survey",
    "section": "one line thick",
    "unset": "the same everywhere",
    "gathers": "several traces a cell",
    "duplicates": "traces share cells",
    "scattered": "no grid",
}


def print_scan(scan: SegyScan, *, text: bool = False, console: Console | None = None) -> None:
    """Print what the headers of one survey's files hold, and on what evidence.

    Parameters
    ----------
    scan : SegyScan
        What ``seisproc.segy.scan`` found.
    text : bool
        Print the text header too.
    console : rich.console.Console, optional
        Where to; stdout by default. Tables that wrap on a terminal, plain lines elsewhere.
    """
    from rich.console import Console

    console = console or Console()
    lines = scan.text.splitlines() if text else []
    if not console.is_terminal:
        print(plain_scan(scan, lines), file=console.file)
        return
    console.print(facts(_rows(scan)))
    console.print(_evidence_table(scan.evidence))
    if scan.warnings:
        console.print(facts([("warning", warning) for warning in scan.warnings], "bold yellow"))
    if lines:
        console.rule("text header", align="left")
        console.print("\n".join(lines), markup=False, highlight=False, overflow="fold")


def plain_scan(scan: SegyScan, lines: list[str] | None = None) -> str:
    """Say what the headers hold in plain lines, each a fact, a pair judged or a warning."""
    table = [_EVIDENCE, *(_evidence_row(item) for item in scan.evidence)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_EVIDENCE))]
    judged = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    parts = [plain(_rows(scan)), "\n".join(judged)]
    if scan.warnings:
        parts.append(plain([("warning", warning) for warning in scan.warnings]))
    if lines:
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def describe_ingest(scan: SegyScan, store: str) -> str:
    """Say what an ingest would write, before compression.

    Parameters
    ----------
    scan : SegyScan
        What ``seisproc.segy.scan`` found.
    store : str
        Where the store will be.
    """
    from seisproc.chunking import layout as shard_layout

    chunks, shards = shard_layout(scan.shape)
    count = math.prod(math.ceil(n / s) for n, s in zip(scan.shape, shards, strict=True))
    volume = math.prod(scan.shape) * scan.dtype.itemsize
    rows = [
        ("store", store),
        ("amplitude", f"{by(scan.shape)} {scan.dtype}, {size_text(volume)} before compression"),
        ("shards", f"{count:,} of {by(shards)}, chunks of {by(chunks)}"),
        ("headers", size_text(240 * scan.trace_count)),
    ]
    return plain_scan(scan) + "\n\n" + plain(rows)


def _rows(scan: SegyScan) -> Rows:
    lattice, layout = scan.lattice, scan.layouts[0]
    unit = DOMAINS[lattice.domain]
    first, last, step = lattice.sample[0], lattice.sample[-1], lattice.step
    size = sum(item.source.size for item in scan.layouts)
    chosen = next((item for item in scan.evidence if item.chosen), None)
    byte = (
        {}
        if chosen is None
        else {
            "inline": f", from {_place(chosen.inline_byte, chosen.inline_type)}",
            "crossline": f", from {_place(chosen.crossline_byte, chosen.crossline_type)}",
        }
    )
    labels = {
        name: _labels(values) + byte.get(name, "")
        for name, values in (lattice.axes if "inline" in lattice.axes else lattice.words).items()
    }
    return [
        ("source", f"{_names([item.source.name for item in scan.layouts])} ({size_text(size)})"),
        ("kind", f"{KINDS[scan.kind]}, {by(scan.shape)}"),
        *((name.replace("_", " "), told) for name, told in labels.items()),
        (lattice.domain, f"{first:g} to {last:g} {unit}, every {step:g} {unit}"),
        ("traces", _traces(scan)),
        ("order", trace_order(scan)),
        ("samples", f"{layout.sample_format.name}, {scan.byte_order} endian, kept as {scan.dtype}"),
        ("coordinates", _coordinates(scan.coordinates, scan.crs)),
        *_bins(scan),
    ]


def trace_order(scan: SegyScan) -> str:
    """Order of the traces in their files, and what the binary header says of it."""
    code = scan.layouts[0].sorting
    stated = f"; the binary header says {SORTING_NAMES[code]}" if code in SORTING_NAMES else ""
    return sorting(scan.trace_index) + stated


def _traces(scan: SegyScan) -> str:
    told = f"{scan.trace_count:,}"
    if scan.missing_traces:
        told += f", {scan.missing_traces:,} cells without"
    if len(scan.others):
        told += f", {len(scan.others):,} in a cell with others"
    return told


def _coordinates(found: Coordinates, crs: str | None) -> str:
    reference = crs or "no reference system named"
    known = found.to_dict()["extent"]
    if found.bytes is None or known is None:
        return f"none, {reference}"
    x0, x1, y0, y1 = known
    return (
        f"x {x0:,.1f} to {x1:,.1f}, y {y0:,.1f} to {y1:,.1f} {found.units}, bytes {found.bytes[0]} "
        f"and {found.bytes[1]}, scalar {found.scalar}; {reference}"
    )


def _bins(scan: SegyScan) -> Rows:
    """Distance from line to line and the azimuth of the inlines, where coordinates say so."""
    affine = scan.coordinates.affine
    if affine is None:
        return []
    steps, unit = [], scan.coordinates.units
    for name, x, y in (
        ("inline", affine.x_inline, affine.y_inline),
        ("crossline", affine.x_crossline, affine.y_crossline),
    ):
        labels = scan.lattice.axes[name].astype("int64")
        steps.append(math.hypot(x, y) * int(np.gcd.reduce(np.diff(labels))))
    azimuth = math.degrees(math.atan2(affine.x_crossline, affine.y_crossline)) % 360
    return [
        (
            "bins",
            f"{steps[0]:,.4g} {unit} between inlines, {steps[1]:,.4g} {unit} between crosslines; "
            f"crosslines rise towards {azimuth:.1f} degrees from north",
        )
    ]


def facts(rows: Rows, style: str = "bold") -> Table:
    """Lay facts out for a terminal: nothing is cut off, brackets are no markup."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style=style, overflow="fold")
    table.add_column(overflow="fold")
    for name, told in rows:
        table.add_row(name, _text(told))
    return table


def _evidence_table(evidence: tuple[Evidence, ...]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(*_EVIDENCE, box=SIMPLE, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for item in evidence:
        style = "bold green" if item.chosen else None
        table.add_row(*map(_text, _evidence_row(item)), style=style)
    return table


def _text(told: str) -> Text:
    """As it stands: brackets in names are no markup."""
    from rich.text import Text

    return Text(told, overflow="fold")


def _evidence_row(item: Evidence) -> tuple[str, ...]:
    place = f"{item.inline_byte} and {item.crossline_byte}"
    if item.inline_type == item.crossline_type != "int32":
        place += f" {item.inline_type}"
    elif item.inline_type != item.crossline_type:
        place = (
            f"{_place(item.inline_byte, item.inline_type, '')} and "
            f"{_place(item.crossline_byte, item.crossline_type, '')}"
        )
    filled = f"{100 * item.fill:.3g} %" if item.verdict in ("3d", "section") else ""
    numbers = f"{item.inlines:,} x {item.crosslines:,}"
    verdict = _VERDICTS[item.verdict]
    return (">" if item.chosen else "", place, numbers, filled, verdict, item.origin)


def _place(byte: int, kind: str, what: str = "byte ") -> str:
    return f"{what}{byte}" if kind == "int32" else f"{what}{byte} {kind}"


def plain(rows: Rows) -> str:
    """Put each fact on a line.

    >>> plain([("kind", "flat")])
    'kind        flat'
    """
    width = max(12, 2 + max(len(name) for name, _ in rows))
    return "\n".join(f"{name:<{width}}{told}" for name, told in rows)


def _names(names: list[str]) -> str:
    if len(names) > 6:
        return f"{', '.join(names[:3])}, ... {names[-1]}: {len(names)} files"
    return ", ".join(names)


def _labels(numbers: NDArray[np.integer]) -> str:
    """Extent, count and usual step of labels; of each trace's number, extent and count."""
    distinct = np.unique(numbers)
    told = f"{distinct[0]} to {distinct[-1]}, {len(distinct):,} "
    told += "number" if len(distinct) == 1 else "numbers"
    if len(distinct) < 3:
        return told
    steps, counts = np.unique(np.diff(distinct), return_counts=True)
    usual = steps[counts.argmax()]
    gaps = int(np.count_nonzero(np.diff(distinct) != usual))
    if 2 * gaps >= len(distinct) - 1:
        return told
    return told + f", step {usual}" + (f" but for {gaps:,}" if gaps else "")


def by(shape: tuple[int, ...]) -> str:
    """Return extents as they are said.

    >>> by((1000, 3))
    '1,000 x 3'
    """
    return " x ".join(f"{extent:,}" for extent in shape)


def size_text(size: float) -> str:
    """Return a number of bytes in the unit that suits it.

    >>> size_text(1_536_000)
    '1.54 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB"
