"""What is added up while the products of an interpretation go by, whole traces at a time.

All sums are of integers, so they do not depend on how the survey is cut.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from seisproc.schema import CODES, NONE, ClassSet
from seisproc.volume import Box, Shape3

FAULT_THRESHOLD = 0.5


class ProductSums:
    """Counts and sums of uint8 products, by code, by trace, by class and sample.

    Attributes
    ----------
    codes : dict of int64 (256,)
        Voxels of each code, by product.
    trace_sum, trace_count : dict of int64 (inline, crossline)
        Sum of the codes along each trace, and how many there are, 255 left out.
    proportions : int64 (class, sample)
        Voxels of each class at each time or depth.
    class_traces, class_doubt : int64 (class,)
        Traces where the class occurs; sum of the uncertainty's codes over its voxels.
    fault_traces : int
        Traces with a fault probability above :data:`FAULT_THRESHOLD`.
    """

    def __init__(self, shape: Shape3, classes: ClassSet, names: tuple[str, ...]) -> None:
        self.codes = {name: np.zeros(256, np.int64) for name in names}
        self.trace_sum = {name: np.zeros(shape[:2], np.int64) for name in names}
        self.trace_count = {name: np.zeros(shape[:2], np.int64) for name in names}
        self.proportions = np.zeros((len(classes), shape[2]), np.int64)
        self.class_traces = np.zeros(len(classes), np.int64)
        self.class_doubt = np.zeros(len(classes), np.int64)
        self.fault_traces = 0
        self._place = np.full(256, -1, np.int64)
        self._place[[item.code for item in classes]] = np.arange(len(classes))

    def add(self, box: Box, columns: dict[str, NDArray[np.uint8]]) -> None:
        """Add a box of whole traces of every product, each of them once."""
        lateral = box.slices[:2]
        for name, values in columns.items():
            count = _count(values, self.codes[name])
            self.trace_sum[name][lateral], self.trace_count[name][lateral], highest = count
            if name == "fault":
                self.fault_traces += int((highest > FAULT_THRESHOLD * CODES).sum())
        if "facies" in columns:
            facies = columns["facies"]
            _count_classes(
                facies, columns.get("facies_uncertainty", np.full_like(facies, NONE)), self._place,
                self.proportions, self.class_traces, self.class_doubt,
            )


@numba.njit(nogil=True, cache=True)
def _count(
    values: NDArray[np.uint8], codes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Add to ``codes``; return sum, count and highest code of each trace, 255 left out."""
    rows, columns, samples = values.shape
    total = np.zeros((rows, columns), np.int64)
    count = np.zeros((rows, columns), np.int64)
    highest = np.full((rows, columns), -1, np.int64)
    for i in range(rows):
        for j in range(columns):
            for k in range(samples):
                code = np.int64(values[i, j, k])
                codes[code] += 1
                if code != NONE:
                    total[i, j] += code
                    count[i, j] += 1
                    highest[i, j] = max(highest[i, j], code)
    return total, count, highest


@numba.njit(nogil=True, cache=True)
def _count_classes(
    facies: NDArray[np.uint8],
    doubt: NDArray[np.uint8],
    place: NDArray[np.int64],
    proportions: NDArray[np.int64],
    traces: NDArray[np.int64],
    doubts: NDArray[np.int64],
) -> None:
    """Add one box of classes; ``place`` maps a code to its class, -1 for none."""
    rows, columns, samples = facies.shape
    for i in range(rows):
        for j in range(columns):
            seen = np.zeros(len(traces), np.bool_)
            for k in range(samples):
                which = place[facies[i, j, k]]
                if which >= 0:
                    proportions[which, k] += 1
                    seen[which] = True
                    if doubt[i, j, k] != NONE:
                        doubts[which] += doubt[i, j, k]
            traces += seen
