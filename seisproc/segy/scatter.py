"""Put the samples of a box of cells where their traces lie in a file: the reverse of gathering."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seisproc.segy.decode import ieee_to_gain, ieee_to_ibm, ieee_unusual, unusual_to_ibm
from seisproc.segy.gather import swapped
from seisproc.segy.layout import GAIN, IBM, SampleFormat


@njit(cache=True, nogil=True)
def _scatter_plain(
    box: NDArray[Any], starts: NDArray[np.int64], swap: bool, words: NDArray[Any]
) -> None:
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            first = starts[i, j]
            if first < 0:
                continue
            row = box[i, j]
            if swap:
                for s in range(row.size):
                    words[first + s] = swapped(row[s])
            else:
                for s in range(row.size):
                    words[first + s] = row[s]


@njit(cache=True, nogil=True)
def _scatter_ibm(
    box: NDArray[np.uint32], starts: NDArray[np.int64], swap: bool, words: NDArray[np.uint32]
) -> None:
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            first = starts[i, j]
            if first < 0:
                continue
            row = box[i, j]
            unusual = False
            for s in range(row.size):
                word = ieee_to_ibm(row[s])
                words[first + s] = swapped(word) if swap else word
                unusual |= ieee_unusual(row[s])
            if unusual:
                for s in range(row.size):
                    word = unusual_to_ibm(row[s])
                    words[first + s] = swapped(word) if swap else word


@njit(cache=True, nogil=True)
def _scatter_gain(
    box: NDArray[np.uint32], starts: NDArray[np.int64], swap: bool, words: NDArray[np.uint32]
) -> None:
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            first = starts[i, j]
            if first < 0:
                continue
            for s in range(box.shape[2]):
                word = ieee_to_gain(box[i, j, s])
                words[first + s] = swapped(word) if swap else word


@njit(cache=True, nogil=True)
def _scatter_3_bytes(
    box: NDArray[np.uint32], starts: NDArray[np.int64], swap: bool, raw: NDArray[np.uint8]
) -> None:
    high, low = (0, 2) if swap else (2, 0)
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            if starts[i, j] < 0:
                continue
            for s in range(box.shape[2]):
                at = starts[i, j] + 3 * s
                word = box[i, j, s]
                raw[at + high] = np.uint8((word >> np.uint32(16)) & np.uint32(0xFF))
                raw[at + 1] = np.uint8((word >> np.uint32(8)) & np.uint32(0xFF))
                raw[at + low] = np.uint8(word & np.uint32(0xFF))


def scatter(
    box: NDArray[Any],
    starts: NDArray[np.int64],
    form: SampleFormat,
    byte_order: str,
    buffer: NDArray[np.uint8],
) -> None:
    """Encode a box of cells into a file.

    Parameters
    ----------
    box : native type of the format (i, j, sample)
    starts : int64 (i, j)
        Byte in ``buffer`` of each trace's first sample of the box; negative where there is none.
    buffer : uint8
        The file, writable.
    """
    live = starts[starts >= 0]
    if not len(live):
        return
    bits = np.ascontiguousarray(box, form.dtype).view(f"u{np.dtype(form.dtype).itemsize}")
    swap = byte_order == "big"
    if form.size == 3:
        _scatter_3_bytes(bits, starts, swap, buffer)
        return
    shift = int(live[0]) % form.size
    whole = (len(buffer) - shift) // form.size * form.size
    words = buffer[shift : shift + whole].view(f"u{form.size}")
    firsts = np.where(starts < 0, -1, (starts - shift) // form.size)
    kernel = {IBM: _scatter_ibm, GAIN: _scatter_gain}.get(form.code, _scatter_plain)
    kernel(bits, firsts, swap, words)
