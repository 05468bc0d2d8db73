"""Statistics of a volume, counted piece by piece and merged to the same bits in any order.

Counts are exact integers. Sums are float64, added in a fixed order within a piece; pieces are
merged in the order of their keys. The histogram needs no range known before: small integers are
counted one by one, everything else by the first fourteen bits of its float32 (sign, exponent,
five bits of fraction: bins 3 % wide), from which percentiles are interpolated.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from seisproc.tally_kernels import (
    COUNT,
    FLOAT_BINS,
    FLOAT_SHIFT,
    MAX,
    MIN,
    NONFINITE,
    SQUARES,
    SUM,
    tally_float,
    tally_small,
    tally_wide,
)

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
HISTOGRAM_BINS = 128



@dataclass
class Tally:
    """Running statistics of one piece of a volume.

    Attributes
    ----------
    state : float64 (6,)
        Finite samples, others, minimum, maximum, sum, sum of squares.
    counts : int64 (bins,)
        Samples by value (integers up to 16 bits) or by float32 bit pattern.
    zero_traces : int
        Traces whose samples are all zero.
    """

    dtype: np.dtype[Any]
    state: NDArray[np.float64]
    counts: NDArray[np.int64]
    zero_traces: int = 0

    @classmethod
    def empty(cls, dtype: DTypeLike) -> Tally:
        """Start with nothing counted."""
        dtype = np.dtype(dtype)
        state = np.array([0, 0, np.inf, -np.inf, 0, 0], "float64")
        return cls(dtype, state, np.zeros(_bin_count(dtype), "int64"))

    def add(
        self, chunks: NDArray[Any], live: NDArray[np.bool_], samples: int,
        nonzero: NDArray[np.bool_], energy: NDArray[np.float64],
    ) -> None:
        """Count the live traces of chunks (depth chunk, inline, crossline, sample).

        Parameters
        ----------
        live : bool (inline, crossline)
        samples : int
            Samples that hold values; the rest of the last depth chunk is padding.
        nonzero : bool (inline, crossline)
            Set where a trace has a sample that is not zero.
        energy : float64 (inline, crossline)
            The squares of a trace's finite samples are added.
        """
        if _is_small(self.dtype):
            lowest = int(np.iinfo(self.dtype).min)
            tally_small(chunks, live, samples, lowest, self.state, self.counts, nonzero, energy)
        elif self.dtype == np.float32:
            bits = chunks.view("uint32")
            tally_float(bits, live, samples, self.state, self.counts, nonzero, energy)
        else:
            tally_wide(chunks, live, samples, self.state, self.counts, nonzero, energy)

    def discount(self, absent: int) -> None:
        """Take back places without a sample, which were counted as not finite."""
        self.state[NONFINITE] -= absent

    def to_payload(self) -> dict[str, Any]:
        """As JSON values, exactly."""
        packed = base64.b64encode(zlib.compress(self.counts.tobytes(), 6)).decode()
        return {
            "state": [value.hex() for value in self.state.tolist()],
            "zero_traces": self.zero_traces,
            "counts": packed,
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any], dtype: DTypeLike) -> Tally:
        """Read what :meth:`to_payload` wrote."""
        state = np.array([float.fromhex(value) for value in payload["state"]])
        counts = np.frombuffer(zlib.decompress(base64.b64decode(payload["counts"])), "int64")
        return cls(np.dtype(dtype), state, counts, int(payload["zero_traces"]))


def merged(tallies: Iterable[Tally], dtype: DTypeLike) -> Tally:
    """Add up pieces, in the order given."""
    total = Tally.empty(dtype)
    for piece in tallies:
        total.counts += piece.counts
        total.zero_traces += piece.zero_traces
        for index, combine in ((MIN, min), (MAX, max)):
            total.state[index] = combine(total.state[index], piece.state[index])
        for index in (COUNT, NONFINITE, SUM, SQUARES):
            total.state[index] += piece.state[index]
    return total


def summary(tally: Tally) -> dict[str, Any]:
    """Statistics as the ``amplitude`` array's attribute holds them.

    ``count`` finite live samples, ``nonfinite`` others, ``min``, ``max``, ``mean``, ``std``,
    ``rms``, ``percentiles`` ("1" to "99"), ``histogram`` (``edges``, ``counts``; what lies outside
    the edges is counted in the end bins) and ``zero_traces``. Without any finite sample all are 0.
    """
    count = int(tally.state[COUNT])
    base = {"count": count, "nonfinite": int(tally.state[NONFINITE])}
    zero = {"zero_traces": tally.zero_traces}
    if not count:
        nothing = dict.fromkeys(("min", "max", "mean", "std", "rms"), 0.0)
        percentiles = {str(p): 0.0 for p in PERCENTILES}
        return {**base, **nothing, "percentiles": percentiles,
                "histogram": {"edges": [0.0, 1.0], "counts": [0]}, **zero}
    low, high = float(tally.state[MIN]), float(tally.state[MAX])
    mean = float(tally.state[SUM]) / count
    square = float(tally.state[SQUARES]) / count
    lower, upper, counts = _bins(tally, low, high)
    quantiles = _quantiles(lower, upper, counts, [0.1, *PERCENTILES, 99.9])
    return {
        **base, "min": low, "max": high, "mean": mean,
        "std": math.sqrt(max(0.0, square - mean * mean)), "rms": math.sqrt(square),
        "percentiles": dict(zip(map(str, PERCENTILES), quantiles[1:-1], strict=True)),
        "histogram": _histogram(lower, upper, counts, quantiles[0], quantiles[-1]), **zero,
    }


def _is_small(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "iu" and dtype.itemsize <= 2


def _bin_count(dtype: np.dtype[Any]) -> int:
    return 1 << (8 * dtype.itemsize) if _is_small(dtype) else FLOAT_BINS


def _bins(
    tally: Tally, low: float, high: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Lower edge, upper edge and count of the bins in use, in rising order of value."""
    used = np.flatnonzero(tally.counts)
    counts = tally.counts[used]
    if _is_small(tally.dtype):
        value = used.astype("float64") + float(np.iinfo(tally.dtype).min)
        return value, value, counts
    pattern = used.astype("uint32") << np.uint32(FLOAT_SHIFT)
    first = pattern.view("float32")
    last = (pattern | np.uint32((1 << FLOAT_SHIFT) - 1)).view("float32")
    # the last pattern of the largest exponent is infinite or NaN: the extremes are known
    lower, upper = (
        np.clip(np.nan_to_num(end, nan=high).astype("float64"), low, high) for end in (first, last)
    )
    # zero shares its bin with numbers too small to matter
    tiny = float(np.finfo("float32").tiny)
    lower, upper = (np.where(np.abs(end) <= tiny, 0.0, end) for end in (lower, upper))
    # of negative numbers the first pattern is the highest
    lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
    order = np.argsort(lower + upper, kind="stable")
    return lower[order], upper[order], counts[order]


def _quantiles(
    lower: NDArray[np.float64], upper: NDArray[np.float64], counts: NDArray[np.int64],
    percent: list[float],
) -> list[float]:
    """Percentiles, linear within a bin."""
    cumulated = np.cumsum(counts)
    found = []
    for p in percent:
        rank = p / 100 * (int(cumulated[-1]) - 1)
        at = int(np.searchsorted(cumulated, rank, side="right"))
        before = int(cumulated[at] - counts[at])
        part = (rank - before + 0.5) / int(counts[at])
        found.append(float(lower[at] + min(1.0, part) * (upper[at] - lower[at])))
    return found


def _histogram(
    lower: NDArray[np.float64], upper: NDArray[np.float64], counts: NDArray[np.int64],
    first: float, last: float,
) -> dict[str, Any]:
    """Count in even bins from ``first`` to ``last``; the end bins take what lies outside.

    Integers get bins a whole number wide. Floats were counted in bins that widen with the value:
    each is spread evenly over the even bins that it meets, or the picture would be a comb.
    """
    if last <= first:
        first, last = first - 0.5, first + 0.5
    if np.array_equal(lower, upper) and np.array_equal(lower, np.rint(lower)):
        width = max(1, math.ceil((last - first + 1) / HISTOGRAM_BINS))
        edges = np.arange(math.floor(first), math.floor(last) + width + 1, width) - 0.5
        place = np.clip(np.searchsorted(edges, lower, side="right") - 1, 0, len(edges) - 2)
        binned = np.zeros(len(edges) - 1, "int64")
        np.add.at(binned, place, counts)
    else:
        edges = np.linspace(first, last, HISTOGRAM_BINS + 1)
        until = np.cumsum(counts)
        below = np.interp(
            edges,
            np.stack([lower, upper], axis=1).ravel(),
            np.stack([until - counts, until], axis=1).ravel(),
        )
        below[0], below[-1] = 0, until[-1]
        binned = np.diff(np.rint(below).astype("int64"))
    return {"edges": edges.tolist(), "counts": binned.tolist()}
