"""Chosen words of all trace headers, gathered in one pass over the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from seisproc.segy import scratch
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.layout import TRACE_HEADER_BYTES, Field, trace_words

BLOCK_TRACES = 1 << 14
"""Headers copied together at a time: 4 MB, so that many words are picked from the cache."""

Columns = dict[Field, NDArray[np.signedinteger]]
"""Header word -> its value in every trace, file after file."""


def read_columns(layouts: Sequence[FileLayout], fields: Iterable[Field]) -> Columns:
    """Read header words of every trace of several files, in file order.

    Samples are not touched. A word that would reach beyond the 240 bytes is left out.
    """
    wanted = [field for field in dict.fromkeys(fields) if _fits(field)]
    total = sum(layout.trace_count for layout in layouts)
    columns: Columns = {}
    done = 0
    for layout in layouts:
        for first in range(0, layout.trace_count, BLOCK_TRACES):
            stop = min(first + BLOCK_TRACES, layout.trace_count)
            headers = np.ascontiguousarray(layout.headers(first, stop))
            for field in wanted:
                words = trace_words(headers, field, layout.byte_order)
                columns[field] = _extended(columns.get(field), words, done, total)
            done += len(headers)
    return columns


def _extended(
    column: NDArray[np.signedinteger] | None,
    words: NDArray[np.signedinteger],
    done: int,
    total: int,
) -> NDArray[np.signedinteger]:
    """Put further words into a column, which is a single number as long as all are the same."""
    if column is None:
        column = np.broadcast_to(words[0], (total,))
    if column.strides == (0,):
        if (words == column[0]).all():
            return column
        column = scratch.full(total, column[0], words.dtype)
    column[done : done + len(words)] = words
    return column


def _fits(field: Field) -> bool:
    return 1 <= field.byte <= TRACE_HEADER_BYTES + 1 - field.size
