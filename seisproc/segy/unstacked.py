"""Files that hold no stacked 3-D survey: say what they are, and what would be needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seisproc.errors import GeometryError, SegyError, SeisprocError
from seisproc.segy.columns import Columns
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.geometry import Evidence, distinct, usual_labels
from seisproc.segy.layout import (
    CDP,
    CHANNEL,
    CROSSLINE,
    FIELD_RECORD,
    INLINE,
    OFFSET,
    Field,
)

FULL_GATHERS = 0.9
SHOWN_DUPLICATES = 3


def recorded_gathers(layouts: Sequence[FileLayout], columns: Columns) -> str | None:
    """Describe shot gathers: field record x channel count the traces, and the offset varies."""
    traces = sum(layout.trace_count for layout in layouts)
    records, channels = (len(distinct(columns[f])[0]) for f in (FIELD_RECORD, CHANNEL))
    offsets = len(distinct(columns[OFFSET])[0])
    if channels < 2 or offsets < 2 or not FULL_GATHERS <= traces / (records * channels) <= 1:
        return None
    return f"{records} shots of {channels} channels (bytes 9 and 13), {offsets} offsets (byte 37)"


def no_survey_error(
    layouts: Sequence[FileLayout], columns: Columns, evidence: Sequence[Evidence]
) -> SeisprocError:
    """Build the one error that says why these traces make no 3-D survey."""
    name = layouts[0].source.name + (" and others" if len(layouts) > 1 else "")
    shots = recorded_gathers(layouts, columns)
    if shots is not None:
        return SegyError(
            f"{name} holds shot gathers, not stacked data", found=shots,
            do="Interpretation needs a stacked, migrated 3-D volume: stack it first",
        )
    offsets = len(distinct(columns[OFFSET])[0])
    for item in evidence:
        if item.verdict == "gathers" and (offsets > 1 or item.traces_per_cell.is_integer()):
            return SegyError(
                f"{name} is pre-stack: every cell holds several traces",
                found=f"{item.inlines} inlines x {item.crosslines} crosslines x "
                f"{item.traces_per_cell:g} traces ({offsets} offsets), "
                f"bytes {item.inline_byte} and {item.crossline_byte}",
                do="Interpretation needs stacked data: stack it first",
            )
    for item in evidence:
        if item.verdict == "duplicates" and item.inlines > 1 and item.crosslines > 1:
            return _duplicates_error(name, columns, item)
    traces = sum(layout.trace_count for layout in layouts)
    line = distinct(columns[CDP])[0]
    if traces > 1 and len(line) == traces and usual_labels(line):
        return SegyError(
            f"{name} is a 2-D line, not a 3-D survey",
            found=f"{traces} traces, CDP {line[0]} to {line[-1]} (byte {CDP.byte}), "
            "no inline and crossline numbers",
            do="2-D lines are not read yet; if it is a section of a 3-D survey, give "
            "--inline-byte and --crossline-byte",
        )
    return GeometryError(
        f"{name} has no 3-D geometry: no pair of header words gives each of its {traces} traces "
        "a cell of its own in a survey",
        found="; ".join(_told(item) for item in evidence),
        do="Give --inline-byte and --crossline-byte",
    )


def _told(item: Evidence) -> str:
    where = f"bytes {item.inline_byte}/{item.crossline_byte}"
    if item.verdict == "unset":
        return f"{where} the same everywhere"
    return f"{where} {item.inlines} x {item.crosslines} numbers, {item.verdict}"


def _duplicates_error(name: str, columns: Columns, item: Evidence) -> GeometryError:
    """Name the first cells that two traces claim."""
    inline = columns[_field(columns, item.inline_byte, INLINE)].astype("int64")
    crossline = columns[_field(columns, item.crossline_byte, CROSSLINE)].astype("int64")
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
        do="Remove the duplicates, or give --inline-byte and --crossline-byte",
    )


def _field(columns: Columns, byte: int, default: Field) -> Field:
    return next((field for field in columns if field.byte == byte), default)
