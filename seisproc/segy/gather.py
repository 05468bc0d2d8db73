"""Gather the samples of a bundle of traces from a file into chunks, and scatter them back.

These loops are where ingest and export spend their time beside compression, so they are compiled.
They work on words: unsigned integers as wide as a sample, whose bits are swapped or converted.
Chunks are laid out (depth chunk, inline, crossline, sample), each contiguous, ready for encoding.

While the words pass, they are hashed: four lanes of h = (h ^ word) * P (FNV-1a's prime, 64 bits),
folded over the traces. That identifies content; it is no defence against forgery.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload
from numpy.typing import NDArray

from seisproc.segy.decode import (
    gain_to_ieee,
    ibm_doubtful,
    ibm_to_ieee,
    ieee_to_gain,
    unusual_to_ibm,
)
from seisproc.segy.layout import GAIN, IBM, SampleFormat

_PRIME = np.uint64(0x100000001B3)
_SEED = np.uint64(0xCBF29CE484222325)


def swapped(word: Any) -> Any:
    """Byte order of a word reversed; compiled code only."""
    raise NotImplementedError("compiled code only")


@overload(swapped, inline="always")
def _swapped(word: Any) -> Any:
    return {8: _swapped_8, 16: _swapped_16, 32: _swapped_32, 64: _swapped_64}[word.bitwidth]


# numba wants implementations whose signature is the stub's to the letter, annotations included
def _swapped_8(word: Any) -> Any:
    return word


def _swapped_16(word: Any) -> Any:
    return np.uint16((word << np.uint16(8)) | (word >> np.uint16(8)))


def _swapped_32(word: Any) -> Any:
    return np.uint32(
        (word >> np.uint32(24))
        | ((word >> np.uint32(8)) & np.uint32(0xFF00))
        | ((word << np.uint32(8)) & np.uint32(0xFF0000))
        | (word << np.uint32(24))
    )


def _swapped_64(word: Any) -> Any:
    low = np.uint64(_swap_half(np.uint32(word & np.uint64(0xFFFFFFFF))))
    high = np.uint64(_swap_half(np.uint32(word >> np.uint64(32))))
    return (low << np.uint64(32)) | high


_swap_half = njit(inline="always")(_swapped_32)


@njit(inline="always")
def _hashed(total, words, first, length):  # type: ignore[no-untyped-def]
    """Fold ``length`` words from ``first`` into a running hash."""
    h0, h1, h2, h3 = _SEED, _PRIME, ~_SEED, ~_PRIME
    for s in range(0, length - 3, 4):
        h0 = (h0 ^ np.uint64(words[first + s])) * _PRIME
        h1 = (h1 ^ np.uint64(words[first + s + 1])) * _PRIME
        h2 = (h2 ^ np.uint64(words[first + s + 2])) * _PRIME
        h3 = (h3 ^ np.uint64(words[first + s + 3])) * _PRIME
    for s in range(length & ~3, length):
        h0 = (h0 ^ np.uint64(words[first + s])) * _PRIME
    for lane in (h0, h1, h2, h3):
        total = (total ^ lane) * _PRIME
        # a product carries upwards only: bring the high bits down
        total ^= total >> np.uint64(29)
    return total


@njit(cache=True, nogil=True)
def _gather_plain(
    words: NDArray[Any], starts: NDArray[np.int64], swap: bool, samples: int, out: NDArray[Any]
) -> tuple[np.uint64, int]:
    """Copy ``samples`` words of every trace (i, j) that starts at a word >= 0."""
    edge = out.shape[3]
    total = _SEED
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            if starts[i, j] < 0:
                continue
            for chunk in range(out.shape[0]):
                first = starts[i, j] + chunk * edge
                length = min(edge, samples - chunk * edge)
                row = out[chunk, i, j]
                total = _hashed(total, words, first, length)
                if swap:
                    for s in range(length):
                        row[s] = swapped(words[first + s])
                else:
                    for s in range(length):
                        row[s] = words[first + s]
    return total, 0


@njit(cache=True, nogil=True)
def _gather_ibm(
    words: NDArray[np.uint32],
    starts: NDArray[np.int64],
    swap: bool,
    samples: int,
    out: NDArray[np.uint32],
) -> tuple[np.uint64, int]:
    """Gather IBM words as float32 bits, and count traces with words that may not come back."""
    edge = out.shape[3]
    total = _SEED
    doubtful = 0
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            if starts[i, j] < 0:
                continue
            for chunk in range(out.shape[0]):
                first = starts[i, j] + chunk * edge
                length = min(edge, samples - chunk * edge)
                row = out[chunk, i, j]
                total = _hashed(total, words, first, length)
                doubt = False
                for s in range(length):
                    word = swapped(words[first + s]) if swap else words[first + s]
                    row[s] = ibm_to_ieee(word)
                    doubt |= ibm_doubtful(word)
                doubtful += doubt
    return total, doubtful


@njit(cache=True, nogil=True)
def _gather_gain(
    words: NDArray[np.uint32],
    starts: NDArray[np.int64],
    swap: bool,
    samples: int,
    out: NDArray[np.uint32],
) -> tuple[np.uint64, int]:
    """Gather rev 0 fixed-point words as float32 bits; all of them are doubtful."""
    edge = out.shape[3]
    total = _SEED
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            if starts[i, j] < 0:
                continue
            for chunk in range(out.shape[0]):
                first = starts[i, j] + chunk * edge
                length = min(edge, samples - chunk * edge)
                row = out[chunk, i, j]
                total = _hashed(total, words, first, length)
                for s in range(length):
                    word = swapped(words[first + s]) if swap else words[first + s]
                    row[s] = gain_to_ieee(word)
    return total, 1


@njit(cache=True, nogil=True)
def _gather_3_bytes(
    raw: NDArray[np.uint8],
    starts: NDArray[np.int64],
    swap: bool,
    samples: int,
    out: NDArray[np.uint32],
    signed: bool,
) -> tuple[np.uint64, int]:
    """Gather 24-bit integers into 32 bits; ``starts`` counts bytes, ``swap`` means big-endian."""
    edge = out.shape[3]
    total = _SEED
    high, low = (0, 2) if swap else (2, 0)
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            if starts[i, j] < 0:
                continue
            for chunk in range(out.shape[0]):
                first = starts[i, j] + 3 * chunk * edge
                length = min(edge, samples - chunk * edge)
                row = out[chunk, i, j]
                total = _hashed(total, raw, first, 3 * length)
                for s in range(length):
                    at = first + 3 * s
                    word = np.uint32(raw[at + high]) << np.uint32(16)
                    word |= np.uint32(raw[at + 1]) << np.uint32(8)
                    word |= np.uint32(raw[at + low])
                    if signed and word & np.uint32(0x800000):
                        word |= np.uint32(0xFF000000)
                    row[s] = word
    return total, 0


def gather(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    form: SampleFormat,
    byte_order: str,
    samples: int,
    out: NDArray[Any],
) -> tuple[int, bool]:
    """Decode a bundle of traces into chunks.

    Parameters
    ----------
    buffer : uint8
        Bytes that hold the traces, e.g. a mapped file.
    starts : int64 (i, j)
        Byte in ``buffer`` of each trace's first wanted sample; negative where there is no trace.
    samples : int
        Samples wanted of each trace.
    out : native type (depth chunk, i, j, sample)
        Filled where there are traces and samples; the rest stays as it is.

    Returns
    -------
    hash : int
        64 bits over all words gathered.
    doubtful : bool
        Whether some words may not be given back by encoding: ask :func:`residuals`.
    """
    live = starts[starts >= 0]
    if not len(live):
        return 0, False
    swap = byte_order == "big"
    bits = out.view(f"u{out.dtype.itemsize}")
    if form.size == 3:
        signed = np.dtype(form.dtype).kind == "i"
        total, _ = _gather_3_bytes(buffer, starts, swap, samples, bits, signed)
        return int(total), False
    words, firsts = _as_words(buffer, starts, form.size, int(live[0]))
    kernel = {IBM: _gather_ibm, GAIN: _gather_gain}.get(form.code, _gather_plain)
    total, doubtful = kernel(words, firsts, swap, samples, bits)
    return int(total), bool(doubtful)


def _as_words(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], size: int, one: int
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """View bytes as words, shifted so that every trace starts at a whole word."""
    shift = one % size
    whole = (len(buffer) - shift) // size * size
    words = buffer[shift : shift + whole].view(f"u{size}")
    return words, np.where(starts < 0, -1, (starts - shift) // size)


@njit(cache=True, nogil=True)
def _residuals(
    words: NDArray[np.uint32],
    starts: NDArray[np.int64],
    swap: bool,
    samples: int,
    gain: bool,
    where: NDArray[np.int64],
    what: NDArray[np.uint32],
) -> int:
    """Write cell, sample and word of each that encoding would change; count beyond capacity."""
    found = 0
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            if starts[i, j] < 0:
                continue
            for s in range(samples):
                word = words[starts[i, j] + s]
                if swap:
                    word = swapped(word)
                if gain:
                    back = ieee_to_gain(gain_to_ieee(word))
                elif ibm_doubtful(word):
                    back = unusual_to_ibm(ibm_to_ieee(word))
                else:
                    continue
                if back != word:
                    if found < len(what):
                        where[found, 0] = i * starts.shape[1] + j
                        where[found, 1] = s
                        what[found] = word
                    found += 1
    return found


def residuals(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    form: SampleFormat,
    byte_order: str,
    samples: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Find the words of IBM or fixed-point traces that encoding would not give back.

    Returns
    -------
    where : int64 (n, 2)
        Position in ``starts`` (flat) and sample.
    what : uint32 (n,)
        The word's value.
    """
    words, firsts = _as_words(buffer, starts, form.size, int(starts[starts >= 0][0]))
    capacity = 0
    while True:
        where = np.empty((capacity, 2), "int64")
        what = np.empty(capacity, "uint32")
        count = _residuals(
            words, firsts, byte_order == "big", samples, form.code == GAIN, where, what
        )
        if count <= capacity:
            return where, what
        capacity = count
