"""Scans and plans as text for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import DOMAINS

if TYPE_CHECKING:
    from seisproc.segy.scan import SegyScan


def describe_scan(scan: SegyScan) -> str:
    """Say what the headers of one survey's files hold, a line for each fact.

    Parameters
    ----------
    scan : SegyScan
        What ``seisproc.segy.scan`` found.
    """
    grid, layout = scan.grid, scan.layouts[0]
    unit = DOMAINS[grid.domain]
    size = sum(item.source.size for item in scan.layouts)
    missing = scan.live.size - int(scan.live.sum())
    chosen = next(item for item in scan.evidence if item.chosen)
    rows = [
        ("source", f"{', '.join(item.source.name for item in scan.layouts)} ({_size(size)})"),
        ("kind", f"{scan.kind}, {_by(scan.shape)}"),
        ("inline", _lines(grid.inline, chosen.inline_byte)),
        ("crossline", _lines(grid.crossline, chosen.crossline_byte)),
        (
            grid.domain,
            f"{grid.sample[0]:g} to {grid.sample[-1]:g} {unit}, every {grid.step:g} {unit}",
        ),
        ("traces", f"{scan.trace_count:,}" + (f", {missing:,} cells without" if missing else "")),
        ("samples", f"{layout.sample_format.name}, {scan.byte_order} endian, kept as {scan.dtype}"),
        ("coordinates", scan.crs or "no reference system named"),
        *(("warning", warning) for warning in scan.warnings),
    ]
    return "\n".join(f"{name:<12}{text}" for name, text in rows)


def describe_ingest(scan: SegyScan, store: str) -> str:
    """Say what an ingest would write, before compression.

    Parameters
    ----------
    scan : SegyScan
        What ``seisproc.segy.scan`` found.
    store : str
        Where the store will be.
    """
    from seisproc.survey import layout as shard_layout

    chunks, shards = shard_layout(scan.shape)
    count = math.prod(math.ceil(n / s) for n, s in zip(scan.shape, shards, strict=True))
    volume = math.prod(scan.shape) * scan.dtype.itemsize
    headers = 240 * scan.trace_count
    rows = [
        ("store", store),
        ("amplitude", f"{_by(scan.shape)} {scan.dtype}, {_size(volume)} before compression"),
        ("shards", f"{count:,} of {_by(shards)}, chunks of {_by(chunks)}"),
        ("headers", _size(headers)),
    ]
    return describe_scan(scan) + "\n" + "\n".join(f"{name:<12}{text}" for name, text in rows)


def _lines(numbers: NDArray[np.int32], byte: int) -> str:
    return f"{numbers[0]} to {numbers[-1]}, {len(numbers):,} lines, from byte {byte}"


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{extent:,}" for extent in shape)


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB"
