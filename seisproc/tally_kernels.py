"""Compiled loops that count samples: extremes, sums, histogram bins, energy of traces.

``state`` holds six float64: finite samples, others, minimum, maximum, sum, sum of squares.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

COUNT, NONFINITE, MIN, MAX, SUM, SQUARES = range(6)

FLOAT_SHIFT = 18
FLOAT_BINS = 1 << (32 - FLOAT_SHIFT)
"""Float32 are counted by their first fourteen bits."""

TURNS = 2


@njit(cache=True, nogil=True)
def tally_float(
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
        state[COUNT] += count
        state[MIN] = min(state[MIN], np.float64(_float_of(low)))
        state[MAX] = max(state[MAX], np.float64(_float_of(high)))
    for s in range(edge):
        state[SUM] += sums[s]
        state[SQUARES] += squares[s]
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
            state[NONFINITE] += 1
            continue
        state[COUNT] += 1
        state[MIN] = min(state[MIN], value)
        state[MAX] = max(state[MAX], value)
        state[SUM] += value
        state[SQUARES] += value * value
        energy += value * value
        counts[np.float32(value).view(np.uint32) >> np.uint32(FLOAT_SHIFT)] += 1
    return energy


@njit(cache=True, nogil=True)
def tally_wide(
    chunks: NDArray[Any], live: NDArray[np.bool_], samples: int, state: NDArray[np.float64],
    counts: NDArray[np.int64], nonzero: NDArray[np.bool_], energy: NDArray[np.float64],
) -> None:
    """Other types: sample by sample."""
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
def tally_small(
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
                state[COUNT] += length
                state[MIN] = min(state[MIN], np.float64(low))
                state[MAX] = max(state[MAX], np.float64(high))
                if low != 0 or high != 0:
                    nonzero[i, j] = True
    state[SUM] += np.float64(total)
    state[SQUARES] += np.float64(squares)
