"""What is added up while two interpretations go by together, whole traces at a time.

All sums are of integers, so they do not depend on how the survey is cut. Every figure of a
comparison follows from how often each pair of codes occurs.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE


class PairCounts:
    """How often each pair of codes occurs, and by how much traces differ.

    Attributes
    ----------
    joint : int64 (256, 256)
        Voxels by code of the first volume and of the second.
    apart : int64 (inline, crossline)
        Along each trace, the sum of the codes' absolute differences; of classes, the number of
        voxels that differ.
    known : int64 (inline, crossline)
        Voxels of each trace with a code in both.
    """

    def __init__(self, map_shape: tuple[int, int], are_classes: bool) -> None:
        self.joint = np.zeros((256, 256), np.int64)
        self.apart = np.zeros(map_shape, np.int64)
        self.known = np.zeros(map_shape, np.int64)
        self._are_classes = are_classes

    def add(
        self, cells: tuple[slice, slice], a: NDArray[np.uint8], b: NDArray[np.uint8]
    ) -> None:
        """Add whole traces, each once: uint8 (inline, crossline, sample) of both."""
        self.apart[cells], self.known[cells] = _count(a, b, self._are_classes, self.joint)


@numba.njit(nogil=True, cache=True)
def _count(
    a: NDArray[np.uint8], b: NDArray[np.uint8], are_classes: bool, joint: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, columns, samples = a.shape
    apart = np.zeros((rows, columns), np.int64)
    known = np.zeros((rows, columns), np.int64)
    for i in range(rows):
        for j in range(columns):
            for k in range(samples):
                p, q = np.int64(a[i, j, k]), np.int64(b[i, j, k])
                joint[p, q] += 1
                if max(p, q) < NONE:
                    known[i, j] += 1
                    if are_classes:
                        apart[i, j] += p != q
                    else:
                        apart[i, j] += abs(p - q)
    return apart, known
