"""Large arrays in pages of their own."""

from __future__ import annotations

import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def paged_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Make an array of zeros whose memory goes back to the system as soon as it is dropped.

    Workers keep what is freed for the next network's buffers (``WORKER_ENVIRONMENT``). Arrays that
    live for as long as a region does would cut that memory to pieces, of which none is large
    enough.

    Examples
    --------
    >>> paged_zeros((2, 3), np.uint8).tolist()
    [[0, 0, 0], [0, 0, 0]]
    """
    size = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
    try:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:  # which would pass for one of a disk
        raise MemoryError(f"no memory for an array of {size:,} bytes") from error
    return np.ndarray(shape, dtype, buffer=pages)
