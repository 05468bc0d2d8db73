"""Pre-stack gathers: several traces in every cell, told apart by offset or by their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.segy.columns import Columns
from seisproc.segy.geometry import MAX_CELLS_PER_TRACE, Candidate, Cells, Evidence, distinct, locate
from seisproc.segy.placed import Judged, Placement, Words, marked
from seisproc.segy.unstacked import ONLY_STACKED

GATHER_FILL = 0.25
"""Offsets that fill less of the gathers than this do not make an axis; trace numbers then do."""

NEARLY_STACKED = 1.5
"""Line numbers that fewer traces a cell share are those of a stacked survey with duplicates."""


def in_gathers(
    judged: Judged, columns: Columns, words: Words, told: bool
) -> Placement | None:
    """Make an axis of the offset, or of the number within the gather."""
    offsets = len(distinct(words["offset"])[0])
    # then gathers elsewhere, such as all traces of a CDP number, are crosslines seen end on
    stacked = any(item.trusted and _is_nearly_stacked(evidence) for item, evidence in judged)
    for item, evidence in judged:
        if stacked and not (item.trusted or told):
            continue
        regular = offsets > 1 or evidence.traces_per_cell.is_integer()
        single = _is_one_gather(item, evidence, columns, words)
        if not single and (evidence.verdict != "gathers" or not (regular or told)):
            continue
        if not (told or item.trusted or min(evidence.inlines, evidence.crosslines) > 1):
            # one number is the same everywhere: shots, or a line whose shot points repeat
            continue
        cells = locate(item, columns)
        name, labels, number = _gather_axis(cells, words)
        shape = (len(cells.inline), len(cells.crossline), len(labels))
        index = np.full(shape[0] * shape[1] * shape[2], -1, "int64")
        index[cells.cell * len(labels) + number] = np.arange(len(number))
        fold = f"{evidence.traces_per_cell:g} traces a cell"
        return Placement(
            kind="prestack",
            axes={"inline": cells.inline, "crossline": cells.crossline, name: labels},
            trace_index=index.reshape(shape),
            places=cells,
            evidence=marked([evidence for _, evidence in judged], evidence),
            used=(item.inline, item.crossline),
            warnings=(f"pre-stack: {fold}, by {name.replace('_', ' ')}. {ONLY_STACKED}",),
        )
    return None


def _is_one_gather(
    item: Candidate, evidence: Evidence, columns: Columns, words: Words
) -> bool:
    """Whether all traces are one cell's: its numbers are set, and each has an offset of its own."""
    if evidence.verdict != "unset" or not item.trusted:
        return False
    numbered = any(columns[word][0] != 0 for word in (item.inline, item.crossline))
    return numbered and len(distinct(words["offset"])[0]) == len(words["offset"])


def _is_nearly_stacked(evidence: Evidence) -> bool:
    return (
        evidence.verdict == "duplicates"
        and min(evidence.inlines, evidence.crosslines) > 1
        and evidence.traces_per_cell < NEARLY_STACKED
    )


def _gather_axis(
    cells: Cells, words: Words
) -> tuple[str, NDArray[np.int32], NDArray[np.integer]]:
    """Axis of the traces within a gather: name, labels, index of every trace."""
    traces, occupied = len(cells.cell), len(np.unique(cells.cell))
    for name in ("offset", "gather_trace"):
        labels, number = distinct(words[name])
        if len(labels) > 1 and traces >= GATHER_FILL * occupied * len(labels):
            place_of = cells.cell * len(labels) + number
            if len(np.unique(place_of)) == traces:
                return name, labels.astype("int32"), number
    order = np.argsort(cells.cell, kind="stable")
    ordered = cells.cell[order]
    begins = np.flatnonzero(np.concatenate([[True], np.diff(ordered) > 0]))
    number = np.empty(traces, "int64")
    number[order] = np.arange(traces) - np.repeat(begins, np.diff([*begins, traces]))
    fold = int(number.max()) + 1
    if len(cells.inline) * len(cells.crossline) * fold > MAX_CELLS_PER_TRACE * traces + 1000:
        raise GeometryError(
            "The gathers are too uneven for a volume",
            found=f"up to {fold} traces a cell, {traces / occupied:.3g} on average",
            do="Give --geometry flat to keep the traces in file order",
        )
    return "gather_trace", np.arange(1, fold + 1, dtype="int32"), number
