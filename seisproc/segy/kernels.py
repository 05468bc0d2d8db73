"""Compiled loops over samples: conversion of words, gathering, scattering.

All of them in one module, since a compiled function that is cached notices changes of its own file
only. They work on words: unsigned integers as wide as a sample, whose bytes are swapped or whose
bits are converted. :mod:`decode`, :mod:`gather` and :mod:`scatter` are their entrances.

IBM/360 single: sign, 7-bit exponent of 16 biased by 64, 24-bit fraction 0.f (System/360 Principles
of Operation, 1964). A float32's 24-bit significand loses up to three bits when encoded; one that
came from a normalised IBM word loses none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload
from numpy.typing import NDArray

_SIGN = np.uint32(0x80000000)
_FRACTION = np.uint32(0x00FFFFFF)
_TOP_DIGIT = np.uint32(0x00100000)

SAFE_FIRST = np.uint32(34)
SAFE_LAST = np.uint32(96)
"""IBM exponents e whose normalised fractions are normal floats: 4 e - 130 - (0..3) in 1..254."""


@njit(inline="always")
def ibm_to_ieee(word: np.uint32) -> np.uint32:
    """Bits of the float32 nearest to an IBM word (infinite beyond float32's range).

    A fraction is an exact double, and so is every power 16**e: one product, one rounding.
    """
    exponent = np.int64((word >> np.uint32(24)) & np.uint32(0x7F))
    # 16**(e - 64) * 2**-24, built as the bits of a double
    power = np.int64((4 * exponent - 280 + 1023) << 52).view(np.float64)
    magnitude = np.float32(np.float64(np.int32(word & _FRACTION)) * power)
    return np.uint32(magnitude.view(np.uint32) | (word & _SIGN))


@njit(inline="always")
def ieee_to_ibm(bits: np.uint32) -> np.uint32:
    """IBM word nearest to a normal float32 or zero (half to even); free of branches."""
    exponent = np.int32((bits >> np.uint32(23)) & np.uint32(0xFF))
    fraction = (bits & np.uint32(0x007FFFFF)) | np.uint32(0x00800000)
    power = exponent - np.int32(126)  # value = fraction / 2**24 * 2**power
    hexadecimal = -((-power) >> np.int32(2))  # ceil(power / 4)
    shift = np.uint32(np.int32(4) * hexadecimal - power)
    half = (np.uint32(1) << shift) >> np.uint32(1)
    kept = fraction >> shift
    lost = fraction - (kept << shift)
    # three bits at most are lost, so that rounding up never carries into a new digit
    kept += np.uint32((lost > half) | ((lost == half) & (half != 0) & ((kept & 1) != 0)))
    word = (np.uint32(hexadecimal + np.int32(64)) << np.uint32(24)) | kept
    if exponent == 0:
        word = np.uint32(0)
    return np.uint32(word | (bits & _SIGN))


@njit(inline="always")
def ieee_unusual(bits: np.uint32) -> bool:
    """Whether a float32 is subnormal, infinite or NaN: :func:`unusual_to_ibm` encodes those."""
    magnitude = bits & np.uint32(0x7FFFFFFF)
    return (magnitude >= np.uint32(0x7F800000)) | (
        (magnitude < np.uint32(0x00800000)) & (magnitude != np.uint32(0))
    )


@njit(cache=True)
def unusual_to_ibm(bits: np.uint32) -> np.uint32:
    """IBM word of any float32: infinite becomes the largest number, NaN zero."""
    if not ieee_unusual(bits):
        return ieee_to_ibm(bits)
    sign = bits & _SIGN
    fraction = bits & np.uint32(0x007FFFFF)
    if bits & np.uint32(0x7F800000):
        return np.uint32(0) if fraction != 0 else np.uint32(sign | np.uint32(0x7FFFFFFF))
    if fraction >= np.uint32(1 << 21):
        # fraction * 2**-149 = (fraction / 2) / 2**24 * 16**-31, half to even
        kept = fraction >> np.uint32(1)
        kept += fraction & kept & np.uint32(1)
        return np.uint32(sign | (np.uint32(33) << np.uint32(24)) | kept)
    # fraction * 2**-149 = (fraction << 3) / 2**24 * 16**-32
    fraction <<= np.uint32(3)
    hexadecimal = np.uint32(32)
    while fraction < _TOP_DIGIT:
        fraction <<= np.uint32(4)
        hexadecimal -= np.uint32(1)
    return np.uint32(sign | (hexadecimal << np.uint32(24)) | fraction)


@njit(inline="always")
def ibm_doubtful(word: np.uint32) -> bool:
    """Whether a word might not survive decoding and encoding; false for all usual words."""
    exponent = (word >> np.uint32(24)) & np.uint32(0x7F)
    unusual = (word & _FRACTION) < _TOP_DIGIT
    unusual |= (exponent < SAFE_FIRST) | (exponent > SAFE_LAST)
    return unusual & (word != np.uint32(0))


@njit(inline="always")
def gain_to_ieee(word: np.uint32) -> np.uint32:
    """Float32 bits of a rev 0 fixed-point word: int16 mantissa times 2**gain (byte 2)."""
    mantissa = np.int16(np.uint16(word & np.uint32(0xFFFF)))
    gain = np.int8(np.uint8((word >> np.uint32(16)) & np.uint32(0xFF)))
    value = np.float32(np.float64(mantissa) * 2.0 ** np.float64(gain))
    return value.view(np.uint32)


@njit(inline="always")
def ieee_to_gain(bits: np.uint32) -> np.uint32:
    """Fixed-point word of a float32 with the smallest gain >= 0 that holds it; NaN is zero."""
    value = np.float64(np.uint32(bits).view(np.float32))
    if not np.isfinite(value):
        return np.uint32(0)
    gain = 0
    while abs(np.rint(value)) > 32767.0:
        value *= 0.5
        gain += 1
    mantissa = np.uint32(np.uint16(np.int16(np.rint(value))))
    return np.uint32((np.uint32(gain) << np.uint32(16)) | mantissa)


@njit(cache=True)
def decode_ibm(words: NDArray[np.uint32], bits: NDArray[np.uint32]) -> None:
    """Convert IBM words to float32 bits."""
    for n in range(words.size):
        bits[n] = ibm_to_ieee(words[n])


@njit(cache=True)
def encode_ibm(bits: NDArray[np.uint32], words: NDArray[np.uint32]) -> None:
    """Convert float32 bits to IBM words."""
    unusual = False
    for n in range(bits.size):
        words[n] = ieee_to_ibm(bits[n])
        unusual |= ieee_unusual(bits[n])
    if unusual:
        for n in range(bits.size):
            words[n] = unusual_to_ibm(bits[n])


@njit(cache=True)
def decode_gain(words: NDArray[np.uint32], bits: NDArray[np.uint32]) -> None:
    """Convert fixed-point words to float32 bits."""
    for n in range(words.size):
        bits[n] = gain_to_ieee(words[n])


@njit(cache=True)
def encode_gain(bits: NDArray[np.uint32], words: NDArray[np.uint32]) -> None:
    """Convert float32 bits to fixed-point words."""
    for n in range(bits.size):
        words[n] = ieee_to_gain(bits[n])


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
def gather_plain(
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
def gather_ibm(
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
def gather_gain(
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
def gather_3_bytes(
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


@njit(cache=True, nogil=True)
def find_residuals(
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


@njit(cache=True, nogil=True)
def scatter_plain(
    box: NDArray[Any], starts: NDArray[np.int64], swap: bool, words: NDArray[Any]
) -> None:
    """Copy the samples of each cell (i, j) to its trace, which starts at a word >= 0."""
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
def scatter_ibm(
    box: NDArray[np.uint32], starts: NDArray[np.int64], swap: bool, words: NDArray[np.uint32]
) -> None:
    """Scatter float32 bits as IBM words."""
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
def scatter_gain(
    box: NDArray[np.uint32], starts: NDArray[np.int64], swap: bool, words: NDArray[np.uint32]
) -> None:
    """Scatter float32 bits as fixed-point words."""
    for i in range(starts.shape[0]):
        for j in range(starts.shape[1]):
            first = starts[i, j]
            if first < 0:
                continue
            for s in range(box.shape[2]):
                word = ieee_to_gain(box[i, j, s])
                words[first + s] = swapped(word) if swap else word


@njit(cache=True, nogil=True)
def scatter_3_bytes(
    box: NDArray[np.uint32], starts: NDArray[np.int64], swap: bool, raw: NDArray[np.uint8]
) -> None:
    """Scatter 32-bit integers as 24 bits; ``starts`` counts bytes, ``swap`` is big-endian."""
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
