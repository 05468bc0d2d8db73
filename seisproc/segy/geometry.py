"""Find a 3-D survey in the trace headers: which words hold the inline and crossline numbers.

Every pair of words that some software writes is tried and judged on evidence: does each trace get
a cell of its own, do the cells fill a rectangle, do the numbers look like line numbers. Line
numbers may descend, skip or be negative; nothing assumes them evenly spaced.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.segy import scratch
from seisproc.segy.columns import Columns
from seisproc.segy.layout import (
    CDP,
    CDP_X,
    CDP_Y,
    CROSSLINE,
    FIELD_RECORD,
    INLINE,
    SHOT_POINT,
    TRACE_IN_FILE,
    Field,
)
from seisproc.segy.overrides import type_name

MAX_LABEL = 10_000_000
MAX_STEP = 1 << 16
"""Larger numbers, or multiples of 65536 only, are words in the wrong byte order."""

MAX_CELLS_PER_TRACE = 50
"""Emptier rectangles are no survey; the limit also bounds what a forged header may allocate."""

THIN_FILL = 0.5


@dataclass(frozen=True)
class Candidate:
    """A pair of header words that may hold the line numbers.

    ``prior`` (0 to 1, more where the text header states it) is how much the pair is trusted before
    the file is looked at; ``told`` says that the user or an XML layout named it, ``stated`` that
    the text header names both words.
    """

    inline: Field
    crossline: Field
    origin: str
    prior: float
    told: bool = False
    stated: bool = False

    @property
    def trusted(self) -> bool:
        """Whether the words are meant for line numbers, so that a single line is 3-D too."""
        return self.told or self.stated or (self.inline, self.crossline) == (INLINE, CROSSLINE)


USUAL = (
    Candidate(INLINE, CROSSLINE, "SEG-Y rev 1", 1.0),
    Candidate(FIELD_RECORD, CDP, "SeisWorks", 0.8),
    Candidate(TRACE_IN_FILE, CDP, "Charisma, Petrel", 0.7),
    Candidate(SHOT_POINT, CDP, "shot point and CDP", 0.5),
    Candidate(INLINE, CDP, "inline and CDP", 0.4),
    Candidate(CDP_X, CDP_Y, "IESX", 0.3),
)
"""Pairs that well-known software writes."""


@dataclass(frozen=True)
class Evidence:
    """What was seen at one pair of header words, and the verdict.

    ``verdict`` is ``3d``, ``section`` (one line thick), ``unset`` (the same numbers everywhere),
    ``gathers`` (several traces in every cell), ``duplicates``, or ``scattered`` (a path or noise).
    """

    inline_byte: int
    crossline_byte: int
    origin: str
    verdict: str
    inlines: int
    crosslines: int
    traces_per_cell: float
    fill: float
    score: float
    chosen: bool = False
    inline_type: str = "int32"
    crossline_type: str = "int32"

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Cells:
    """Line numbers in rising order, and the cell of every trace.

    Attributes
    ----------
    inline, crossline : int32 (n,)
    cell : int64 (trace,)
        ``inline index * len(crossline) + crossline index``.
    """

    inline: NDArray[np.int32]
    crossline: NDArray[np.int32]
    cell: NDArray[np.int64]

    def trace_index(self) -> NDArray[np.int64]:
        """Trace that fills each cell, int64 (inline, crossline), -1 where none does."""
        index = scratch.full(len(self.inline) * len(self.crossline), -1, "int64")
        for part in scratch.blocks(len(self.cell)):
            index[self.cell[part]] = np.arange(part.start, part.stop)
        return index.reshape(len(self.inline), len(self.crossline))


def judge(candidate: Candidate, columns: Columns) -> Evidence:
    """Judge one pair of words: ``3d`` and ``section`` give every trace a cell of its own."""
    pair = (columns[candidate.inline], columns[candidate.crossline])
    # counters of traces have as many numbers as the survey traces: not worth listing
    counts = [_count_distinct(word) for word in pair]
    traces, area = len(pair[0]), counts[0] * counts[1]

    def evidence(verdict: str, occupied: int, score: float = 0.0) -> Evidence:
        return Evidence(
            candidate.inline.byte, candidate.crossline.byte, candidate.origin, verdict,
            counts[0], counts[1], round(traces / occupied, 3),
            round(occupied / area, 4), round(score, 3), False,
            type_name(candidate.inline), type_name(candidate.crossline),
        )

    if area == 1 and traces > 1:
        return evidence("unset", 1)
    if area > MAX_CELLS_PER_TRACE * traces + 1000:
        return evidence("scattered", traces)
    (inlines, i), (crosslines, j) = distinct(pair[0]), distinct(pair[1])
    folds = _count(i, j, len(crosslines), area)
    occupied = int(np.count_nonzero(folds))
    thin = min(len(inlines), len(crosslines)) == 1
    # a path through the grid visits few cells: one step, one new line number
    path = not thin and occupied <= THIN_FILL * area
    along = occupied < traces and occupied <= max(len(inlines), len(crosslines))
    if path and (along or traces < len(inlines) + len(crosslines)):
        return evidence("scattered", occupied)
    if occupied < traces:
        # the last cell of a file that was cut between gathers may hold fewer
        full = np.count_nonzero(folds == folds.max()) / occupied
        verdict = "gathers" if traces >= 1.5 * occupied and full >= THIN_FILL else "duplicates"
        return evidence(verdict, occupied)
    if not (_fits_int32(inlines) and _fits_int32(crosslines)):
        return evidence("scattered", occupied)
    usual = usual_labels(inlines) and usual_labels(crosslines)
    score = candidate.prior + 2 * occupied / area + 4 * usual + 4 * (not thin)
    score += 100 * candidate.told
    return evidence("section" if thin and traces > 1 else "3d", occupied, score)


def _count(
    i: NDArray[np.int32], j: NDArray[np.int32], width: int, area: int
) -> NDArray[np.integer]:
    """Traces in each cell."""
    parts = scratch.blocks(len(i))
    if len(parts) == 1:
        return np.bincount(i.astype("int64") * width + j, minlength=area)
    counts = scratch.full(area, 0, "uint32")
    for part in parts:
        np.add.at(counts, i[part].astype("int64") * width + j[part], np.uint32(1))
    return counts


def locate(candidate: Candidate, columns: Columns) -> Cells:
    """Cell of every trace, shared with others or not."""
    inlines, i = distinct(columns[candidate.inline])
    crosslines, j = distinct(columns[candidate.crossline])
    cell = scratch.empty(len(i), "int64")
    for part in scratch.blocks(len(i)):
        np.multiply(i[part], len(crosslines), out=cell[part], dtype="int64")
        cell[part] += j[part]
    return Cells(inlines.astype("int32"), crosslines.astype("int32"), cell)


def distinct(
    values: NDArray[np.signedinteger],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Distinct values in rising order, and the index of each value among them.

    Like ``np.unique(values, return_inverse=True)``, by a table instead of a sort where the range
    is small enough.

    >>> distinct(np.array([7, 3, 7]))[0].tolist(), distinct(np.array([7, 3, 7]))[1].tolist()
    ([3, 7], [1, 0, 1])
    """
    low, high = int(values.min()), int(values.max())
    if low == high:
        return np.array([low]), np.broadcast_to(np.int32(0), values.shape)
    if high - low > 8 * len(values) + 1024:
        found, inverse = np.unique(values, return_inverse=True)
        return found.astype("int64"), inverse.astype("int32")
    seen = _seen(values, low, high)
    rank = scratch.empty(len(seen), "int32")
    np.cumsum(seen, dtype="int32", out=rank)
    rank -= 1
    labels = scratch.empty(int(rank[-1]) + 1, "int64")
    for part in scratch.blocks(len(seen)):
        here = np.flatnonzero(seen[part]) + part.start
        labels[rank[here]] = here + low
    number = scratch.empty(len(values), "int32")
    for part in scratch.blocks(len(values)):
        number[part] = rank[values[part].astype("int64") - low]
    return labels, number


def _count_distinct(values: NDArray[np.signedinteger]) -> int:
    low, high = int(values.min()), int(values.max())
    if low == high:
        return 1
    if high - low > 8 * len(values) + 1024:
        return len(np.unique(values))
    return int(np.count_nonzero(_seen(values, low, high)))


def _seen(values: NDArray[np.signedinteger], low: int, high: int) -> NDArray[np.bool_]:
    """Which numbers from ``low`` to ``high`` occur."""
    seen = np.zeros(high - low + 1, bool)
    for part in scratch.blocks(len(values)):
        seen[values[part].astype("int64") - low] = True
    return seen


def _fits_int32(labels: NDArray[np.int64]) -> bool:
    limits = np.iinfo("int32")
    return bool(limits.min <= labels[0] and labels[-1] <= limits.max)


def usual_labels(labels: NDArray[np.int64]) -> bool:
    """Whether numbers look like line numbers, not like words read in the wrong byte order."""
    if np.abs(labels).max() >= MAX_LABEL:
        return False
    steps = np.diff(labels)
    return not len(steps) or int(np.gcd.reduce(steps)) < MAX_STEP
