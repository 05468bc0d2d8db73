"""Chosen words of all trace headers, gathered in one pass over the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

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
    columns = {field: np.empty(total, field.kind) for field in wanted}
    done = 0
    for layout in layouts:
        for first in range(0, layout.trace_count, BLOCK_TRACES):
            stop = min(first + BLOCK_TRACES, layout.trace_count)
            headers = np.ascontiguousarray(layout.headers(first, stop))
            for field, column in columns.items():
                column[done : done + len(headers)] = trace_words(
                    headers, field, layout.byte_order
                )
            done += len(headers)
    return columns


def _fits(field: Field) -> bool:
    return 1 <= field.byte <= TRACE_HEADER_BYTES + 1 - field.size
