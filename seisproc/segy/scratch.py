"""Large arrays with a value for every trace, kept in files that the system may write away.

A survey of a hundred million traces has gigabytes of line numbers, coordinates and indices. In
memory they would count against the budget of an ingest; in an unlinked temporary file they are
page cache, which gives way when memory is short.
"""

from __future__ import annotations

import math
import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LARGE_BYTES = 1 << 23
"""Smaller arrays are plain memory."""

BLOCK = 1 << 20
"""Values computed at a time, where a temporary of every step would be as large as the array."""


def empty(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of undefined or zero values, in a temporary file if it is large.

    The file lies in the folder that TMPDIR names and vanishes with the array.
    """
    extents = (shape,) if isinstance(shape, int) else shape
    dtype = np.dtype(dtype)
    if math.prod(extents) * dtype.itemsize < LARGE_BYTES:
        return np.empty(extents, dtype)
    with tempfile.TemporaryFile(prefix="seisproc-") as file:
        mapped = np.memmap(file, dtype, "w+", shape=extents)
    return np.asarray(mapped)


def full(shape: int | tuple[int, ...], value: Any, dtype: DTypeLike) -> NDArray[Any]:
    """Like :func:`empty`, filled with one value."""
    array = empty(shape, dtype)
    array[...] = value
    return array


def blocks(total: int) -> list[slice]:
    """Cut a long array for work piece by piece.

    >>> blocks(3)
    [slice(0, 3, None)]
    """
    return [slice(first, min(first + BLOCK, total)) for first in range(0, total, BLOCK)]
