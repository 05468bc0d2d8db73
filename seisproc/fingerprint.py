"""Two hashes: of what a product is made from, and of what is in a volume.

The checksum of a volume is a sum of one hash a voxel, of its place and its value. So it is the
same whatever the regions in which it was computed and the order in which they came.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


def fingerprint(content: Any) -> str:
    """Hash anything that JSON can hold, whatever the order of its keys.

    >>> fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def volume_checksum(
    values: NDArray[np.uint8], start: tuple[int, int, int], shape: tuple[int, int, int]
) -> int:
    """Checksum of a box of a volume, modulo 2**64; those of disjoint boxes add up.

    Parameters
    ----------
    values : uint8 (inline, crossline, sample) or (class, inline, crossline, sample)
        The box's content, with all classes.
    start : (int, int, int)
        Where the box starts in the survey.
    shape : (int, int, int)
        Extents of the survey.

    Examples
    --------
    >>> whole = np.arange(24, dtype="uint8").reshape(2, 3, 4)
    >>> parts = [(whole[:1], (0, 0, 0)), (whole[1:], (1, 0, 0))]
    >>> sum(volume_checksum(part, at, (2, 3, 4)) for part, at in parts) % 2**64 == (
    ...     volume_checksum(whole, (0, 0, 0), (2, 3, 4)))
    True
    """
    boxes = values.reshape(-1, *values.shape[-3:])
    volume = math.prod(shape)
    total = 0
    for code, box in enumerate(boxes):
        total += int(_sum_of_hashes(box, *start, shape[1], shape[2], code * volume))
    return total % 2**64


@numba.njit(nogil=True, cache=True)
def _sum_of_hashes(  # type: ignore[no-untyped-def]
    values, i_start, j_start, k_start, j_shape, k_shape, offset
):
    place, spread = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
    half, third = np.uint64(32), np.uint64(29)
    total = np.uint64(0)
    i_extent, j_extent, k_extent = values.shape
    for i in range(i_extent):
        for j in range(j_extent):
            line = offset + ((i + i_start) * j_shape + j + j_start) * k_shape + k_start
            for k in range(k_extent):
                mixed = np.uint64(line + k) * place + np.uint64(values[i, j, k] + 1) * spread
                mixed = (mixed ^ (mixed >> half)) * spread
                total += mixed ^ (mixed >> third)
    return total
