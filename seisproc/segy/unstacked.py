"""Words for files that hold no stacked 3-D survey: what they are, and what would be needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.geometry import Evidence, distinct

FULL_GATHERS = 0.9
SHOWN_DUPLICATES = 3

ONLY_STACKED = "Interpretation needs a stacked, migrated 3-D volume"


def recorded_gathers(
    record: NDArray[np.signedinteger],
    channel: NDArray[np.signedinteger],
    offset: NDArray[np.signedinteger],
) -> str | None:
    """Describe shot gathers: field record x channel count the traces, and the offset varies."""
    records, channels, offsets = (len(distinct(word)[0]) for word in (record, channel, offset))
    if channels < 2 or offsets < 2 or not FULL_GATHERS <= len(record) / (records * channels) <= 1:
        return None
    return f"{records} shots of {channels} channels, {offsets} offsets"


def no_geometry_error(
    layouts: Sequence[FileLayout], evidence: Sequence[Evidence]
) -> GeometryError:
    """Build the one error that says why these traces make no survey."""
    name = layouts[0].source.name + (" and others" if len(layouts) > 1 else "")
    traces = sum(layout.trace_count for layout in layouts)
    return GeometryError(
        f"{name} has no 3-D geometry: no pair of header words gives each of its {traces} traces "
        "a cell of its own in a survey",
        found="; ".join(_told(item) for item in evidence),
        do="Give --inline-byte and --crossline-byte, or --geometry flat to keep the traces in "
        "file order",
    )


def _told(item: Evidence) -> str:
    where = f"bytes {item.inline_byte}/{item.crossline_byte}"
    if item.verdict == "unset":
        return f"{where} the same everywhere"
    return f"{where} {item.inlines} x {item.crosslines} numbers, {item.verdict}"


def duplicates_error(
    name: str, pair: tuple[NDArray[Any], NDArray[Any]], item: Evidence
) -> GeometryError:
    """Name the first cells that two traces claim; ``pair`` holds the line numbers (trace,)."""
    inline, crossline = (numbers.astype("int64") for numbers in pair)
    order = np.lexsort((crossline, inline))
    same = (np.diff(inline[order]) == 0) & (np.diff(crossline[order]) == 0)
    second = np.sort(order[1:][same])
    shown = ", ".join(
        f"inline {inline[trace]} crossline {crossline[trace]} again at trace {trace + 1}"
        for trace in second[:SHOWN_DUPLICATES].tolist()
    )
    more = "" if len(second) <= SHOWN_DUPLICATES else ", ..."
    return GeometryError(
        f"{name}: {len(second)} traces lie in a cell that another trace already fills",
        found=shown + more,
        expected=f"one trace for each pair of numbers at bytes {item.inline_byte} and "
        f"{item.crossline_byte}",
        do="Give --duplicates first or mean to keep the first or their mean, or --inline-byte and "
        "--crossline-byte",
    )
