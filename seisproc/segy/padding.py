"""Zeros after the last trace: tape blocks that were filled up, disk space that was reserved."""

from __future__ import annotations

import numpy as np

from seisproc.segy.layout import TRACE_HEADER_BYTES
from seisproc.segy.source import Source

MOST_PADDING = 16 << 20
"""Longer runs of zeros are no padding; what is taken for it is kept whole in the store."""

_BLOCK = 1 << 20


def padding_bytes(source: Source, data_offset: int, data_end: int, trace_bytes: int) -> int:
    """Bytes of zeros before ``data_end`` that belong to no trace.

    What is left over after whole traces must be zero, and traces without any header or sample
    before it are padding too, where the first trace has a header.

    Returns
    -------
    int
        0 where nothing is padding, and where all seems to be.
    """
    left_over = (data_end - data_offset) % trace_bytes
    whole = data_end - left_over
    last = max(data_offset, whole - trace_bytes)
    if not left_over and source.read(last, last + TRACE_HEADER_BYTES).any():
        return 0
    zeros = _trailing_zeros(source, data_offset, data_end)
    if zeros < left_over or zeros >= MOST_PADDING:
        return 0
    padding = left_over + (zeros - left_over) // trace_bytes * trace_bytes
    return padding if data_end - padding > data_offset else 0


def _trailing_zeros(source: Source, start: int, end: int) -> int:
    """Zeros at the end of [start, end), counted up to :data:`MOST_PADDING`."""
    for stop in range(end, max(start, end - MOST_PADDING), -_BLOCK):
        first = max(start, stop - _BLOCK)
        content = np.flatnonzero(source.read(first, stop))
        if len(content):
            return end - first - int(content[-1]) - 1
    return min(end - start, MOST_PADDING)
