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
from numba import njit
from numpy.typing import DTypeLike, NDArray

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
HISTOGRAM_BINS = 128
TURNS = 2

_COUNT, _NONFINITE, _MIN, _MAX, _SUM, _SQUARES = range(6)

FLOAT_SHIFT = 18
FLOAT_BINS = 1 << (32 - FLOAT_SHIFT)


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
            _tally_small(chunks, live, samples, lowest, self.state, self.counts, nonzero, energy)
        elif self.dtype == np.float32:
            bits = chunks.view("uint32")
            _tally_float(bits, live, samples, self.state, self.counts, nonzero, energy)
        else:
            _tally_wide(chunks, live, samples, self.state, self.counts, nonzero, energy)

    def discount(self, absent: int) -> None:
        """Take back places without a sample, which were counted as not finite."""
        self.state[_NONFINITE] -= absent

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
        for index, combine in ((_MIN, min), (_MAX, max)):
            total.state[index] = combine(total.state[index], piece.state[index])
        for index in (_COUNT, _NONFINITE, _SUM, _SQUARES):
            total.state[index] += piece.state[index]
    return total


def summary(tally: Tally) -> dict[str, Any]:
    """Statistics as the ``amplitude`` array's attribute holds them.

    ``count`` finite live samples, ``nonfinite`` others, ``min``, ``max``, ``mean``, ``std``,
    ``rms``, ``percentiles`` ("1" to "99"), ``histogram`` (``edges``, ``counts``; what lies outside
    the edges is counted in the end bins) and ``zero_traces``. Without any finite sample all are 0.
    """
    count = int(tally.state[_COUNT])
    base = {"count": count, "nonfinite": int(tally.state[_NONFINITE])}
    zero = {"zero_traces": tally.zero_traces}
    if not count:
        nothing = dict.fromkeys(("min", "max", "mean", "std", "rms"), 0.0)
        percentiles = {str(p): 0.0 for p in PERCENTILES}
        return {**base, **nothing, "percentiles": percentiles,
                "histogram": {"edges": [0.0, 1.0], "counts": [0]}, **zero}
    low, high = float(tally.state[_MIN]), float(tally.state[_MAX])
    mean = float(tally.state[_SUM]) / count
    square = float(tally.state[_SQUARES]) / count
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


@njit(cache=True, nogil=True)
def _tally_float(
    bits: NDArray[np.uint32], live: NDArray[np.bool_], samples: int, state: NDArray[np.float64],
    counts: NDArray[np.int64], nonzero: NDArray[np.bool_], energy: NDArray[np.float64],
) -> None:
    """Tally float32 by their bits; a row with values that are not finite goes the slow way.

    Sums run along the rows, one for each place in a row: independent additions, so that the
    compiler may do several at a time and yet no sum depends on how many.
    """
    edge = bits.shape[3]
    sums = np.zeros(edge)
    squares = np.zeros(edge)
    # neighbours often fall into one bin: taking turns, their additions need not wait
    bins = np.zeros((TURNS, FLOAT_BINS), np.uint32)
    count = 0
    low = np.int32(2**31 - 1)
    high = np.int32(-(2**31))
    for chunk in range(bits.shape[0]):
        length = min(edge, samples - chunk * edge)
        for i in range(live.shape[0]):
            for j in range(live.shape[1]):
                if not live[i, j]:
                    continue
                row = bits[chunk, i, j, :length]
                row_low, row_high, largest = _extremes(row)
                if largest > 0:
                    nonzero[i, j] = True
                values = row.view(np.float32)
                if largest >= 0x7F800000:
                    energy[i, j] += _tally_row(values, length, state, counts)
                    continue
                energy[i, j] += _energy(values)
                low = min(low, row_low)
                high = max(high, row_high)
                count += length
                for s in range(length):
                    value = np.float64(values[s])
                    sums[s] += value
                    squares[s] += value * value
                for s in range(0, length - 1, TURNS):
                    bins[0, row[s] >> np.uint32(FLOAT_SHIFT)] += np.uint32(1)
                    bins[1, row[s + 1] >> np.uint32(FLOAT_SHIFT)] += np.uint32(1)
                if length % TURNS:
                    bins[0, row[length - 1] >> np.uint32(FLOAT_SHIFT)] += np.uint32(1)
    if count:
        state[_COUNT] += count
        state[_MIN] = min(state[_MIN], np.float64(_float_of(low)))
        state[_MAX] = max(state[_MAX], np.float64(_float_of(high)))
    for s in range(edge):
        state[_SUM] += sums[s]
        state[_SQUARES] += squares[s]
    for n in range(FLOAT_BINS):
        counts[n] += np.int64(bins[0, n]) + np.int64(bins[1, n])


@njit(inline="always")
def _energy(values: NDArray[np.float32]) -> float:
    """Sum of squares in four lanes, so that additions need not wait for each other."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = values.size // 4 * 4
    for s in range(0, whole, 4):
        a += np.float64(values[s]) * np.float64(values[s])
        b += np.float64(values[s + 1]) * np.float64(values[s + 1])
        c += np.float64(values[s + 2]) * np.float64(values[s + 2])
        d += np.float64(values[s + 3]) * np.float64(values[s + 3])
    for s in range(whole, values.size):
        a += np.float64(values[s]) * np.float64(values[s])
    return (a + b) + (c + d)


@njit(inline="always")
def _extremes(row: NDArray[np.uint32]) -> tuple[np.int32, np.int32, np.int32]:
    """Lowest and highest value of a row of float bits, ordered as integers; largest magnitude."""
    low, high, largest = np.int32(2**31 - 1), np.int32(-(2**31)), np.int32(0)
    for s in range(row.size):
        word = np.int32(row[s])
        largest = max(largest, word & np.int32(0x7FFFFFFF))
        # negative floats rise as their bits fall: flip those to compare as integers
        ordered = word ^ ((word >> np.int32(31)) & np.int32(0x7FFFFFFF))
        low = min(low, ordered)
        high = max(high, ordered)
    return low, high, largest


@njit(inline="always")
def _float_of(ordered: np.int32) -> np.float32:
    """Float whose bits, flipped where negative, are these."""
    word = np.int32(ordered ^ ((ordered >> np.int32(31)) & np.int32(0x7FFFFFFF)))
    return word.view(np.float32)


@njit(cache=True)
def _tally_row(
    row: NDArray[Any], length: int, state: NDArray[np.float64], counts: NDArray[np.int64]
) -> float:
    """Count one row sample by sample: any type, values that are not finite set aside.

    Returns the sum of its squares.
    """
    energy = 0.0
    for s in range(length):
        value = np.float64(row[s])
        if not np.isfinite(value):
            state[_NONFINITE] += 1
            continue
        state[_COUNT] += 1
        state[_MIN] = min(state[_MIN], value)
        state[_MAX] = max(state[_MAX], value)
        state[_SUM] += value
        state[_SQUARES] += value * value
        energy += value * value
        counts[np.float32(value).view(np.uint32) >> np.uint32(FLOAT_SHIFT)] += 1
    return energy


@njit(cache=True, nogil=True)
def _tally_wide(
    chunks: NDArray[Any], live: NDArray[np.bool_], samples: int, state: NDArray[np.float64],
    counts: NDArray[np.int64], nonzero: NDArray[np.bool_], energy: NDArray[np.float64],
) -> None:
    edge = chunks.shape[3]
    for chunk in range(chunks.shape[0]):
        length = min(edge, samples - chunk * edge)
        for i in range(live.shape[0]):
            for j in range(live.shape[1]):
                if not live[i, j]:
                    continue
                row = chunks[chunk, i, j]
                energy[i, j] += _tally_row(row, length, state, counts)
                for s in range(length):
                    if row[s] != 0:
                        nonzero[i, j] = True


@njit(cache=True, nogil=True)
def _tally_small(
    chunks: NDArray[Any], live: NDArray[np.bool_], samples: int, lowest: int,
    state: NDArray[np.float64], counts: NDArray[np.int64], nonzero: NDArray[np.bool_],
    energy: NDArray[np.float64],
) -> None:
    """Integers of one or two bytes: exact sums in integers, one bin a value."""
    edge = chunks.shape[3]
    total = np.int64(0)
    squares = np.int64(0)
    for chunk in range(chunks.shape[0]):
        length = min(edge, samples - chunk * edge)
        for i in range(live.shape[0]):
            for j in range(live.shape[1]):
                if not live[i, j]:
                    continue
                row = chunks[chunk, i, j]
                low, high = np.int64(row[0]), np.int64(row[0])
                before = squares
                for s in range(length):
                    value = np.int64(row[s])
                    low = min(low, value)
                    high = max(high, value)
                    total += value
                    squares += value * value
                    counts[value - lowest] += 1
                energy[i, j] += np.float64(squares - before)
                state[_COUNT] += length
                state[_MIN] = min(state[_MIN], np.float64(low))
                state[_MAX] = max(state[_MAX], np.float64(high))
                if low != 0 or high != 0:
                    nonzero[i, j] = True
    state[_SUM] += np.float64(total)
    state[_SQUARES] += np.float64(squares)
