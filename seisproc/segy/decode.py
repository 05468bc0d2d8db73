"""Samples between a file's words and native numpy values, both ways.

The store keeps IEEE floats and native integers. IBM floats and fixed-point words with gain become
float32; a word that encoding would not give back (un-normalised, out of float32's range) is kept
beside as a *residual*, so that an export is the file again, byte for byte.

IBM/360 single: sign, 7-bit exponent of 16 biased by 64, 24-bit fraction 0.f (System/360 Principles
of Operation, 1964). A float32's 24-bit significand loses up to three bits when encoded; one that
came from a normalised IBM word loses none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seisproc.errors import SegyError
from seisproc.segy.layout import FORMATS, GAIN, IBM, order_mark

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
def _ibm_decode(words: NDArray[np.uint32], bits: NDArray[np.uint32]) -> None:
    for n in range(words.size):
        bits[n] = ibm_to_ieee(words[n])


@njit(cache=True)
def _ibm_encode(bits: NDArray[np.uint32], words: NDArray[np.uint32]) -> None:
    unusual = False
    for n in range(bits.size):
        words[n] = ieee_to_ibm(bits[n])
        unusual |= ieee_unusual(bits[n])
    if unusual:
        for n in range(bits.size):
            words[n] = unusual_to_ibm(bits[n])


@njit(cache=True)
def _gain_decode(words: NDArray[np.uint32], bits: NDArray[np.uint32]) -> None:
    for n in range(words.size):
        bits[n] = gain_to_ieee(words[n])


@njit(cache=True)
def _gain_encode(bits: NDArray[np.uint32], words: NDArray[np.uint32]) -> None:
    for n in range(bits.size):
        words[n] = ieee_to_gain(bits[n])


def decode(raw: NDArray[np.uint8], code: int, byte_order: str) -> NDArray[Any]:
    """Native values of samples as they stand in a file.

    Parameters
    ----------
    raw : uint8 (..., samples * size)
        The bytes of whole traces.
    code : int
        Sample format code.
    byte_order : str
        ``big`` or ``little``.

    Returns
    -------
    (..., samples) of the format's native type; bit patterns of IEEE floats are kept.

    >>> decode(np.frombuffer(bytes.fromhex("c276a000"), "uint8"), 1, "big")
    array([-118.625], dtype=float32)
    """
    form = FORMATS[code]
    shape = (*raw.shape[:-1], raw.shape[-1] // form.size)
    mark = order_mark(byte_order)
    if form.size == 3:
        wide = np.zeros((*shape, 4), "uint8")
        # three bytes on the significant side of four: the shift back extends the sign
        at = slice(0, 3) if byte_order == "big" else slice(1, 4)
        wide[..., at] = raw.reshape(*shape, 3)
        return (wide.view(f"{mark}{np.dtype(form.dtype).kind}4")[..., 0].astype(form.dtype)) >> 8
    kind = np.dtype(form.dtype).kind if code not in (IBM, GAIN) else "u"
    words = np.ascontiguousarray(raw).view(f"{mark}{kind}{form.size}").astype(f"{kind}{form.size}")
    if code not in (IBM, GAIN):
        return words.reshape(shape)
    bits = np.empty(words.size, "uint32")
    (_ibm_decode if code == IBM else _gain_decode)(words.ravel(), bits)
    return bits.view("float32").reshape(shape)


def encode(values: NDArray[Any], code: int, byte_order: str) -> NDArray[np.uint8]:
    """File bytes of native values, the reverse of :func:`decode`.

    Floats become integers by rounding.

    Returns
    -------
    uint8 (..., samples * size)

    Raises
    ------
    SegyError
        If integers do not fit the format, or floats to be rounded are not finite.

    >>> encode(np.float32([-118.625]), 1, "big").tobytes().hex()
    'c276a000'
    """
    form = FORMATS[code]
    shape = (*values.shape[:-1], values.shape[-1] * form.size)
    mark = order_mark(byte_order)
    native = _fit(values, code)
    if form.size == 3:
        wide = (native << 8).astype(f"{mark}{native.dtype.kind}4")[..., None].view("uint8")
        at = slice(0, 3) if byte_order == "big" else slice(1, 4)
        return np.ascontiguousarray(wide[..., at]).reshape(shape)
    if code in (IBM, GAIN):
        words = np.empty(native.size, "uint32")
        bits = np.ascontiguousarray(native).view("uint32").ravel()
        (_ibm_encode if code == IBM else _gain_encode)(bits, words)
        return words.astype(f"{mark}u4").view("uint8").reshape(shape)
    ordered = native.astype(f"{mark}{native.dtype.kind}{form.size}")
    return np.ascontiguousarray(ordered).view("uint8").reshape(shape)


def _fit(values: NDArray[Any], code: int) -> NDArray[Any]:
    form = FORMATS[code]
    target = np.dtype(form.dtype)
    if values.dtype == target and form.size == target.itemsize:
        return values
    if target.kind == "f":
        return values.astype(target)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise SegyError(
                f"Values that are not finite do not fit a {form.name}",
                do="Write IEEE floats (format 5), or fill them first",
            )
        values = np.rint(values)
    bits = 8 * form.size
    low = 0 if target.kind == "u" else -(2 ** (bits - 1))
    high = low + 2**bits - 1
    if values.size and (int(values.min()) < low or int(values.max()) > high):
        raise SegyError(
            f"Values do not fit a {form.name}",
            found=f"{values.min():g} to {values.max():g}",
            expected=f"{low} to {high}",
            do="Scale the values, or choose another sample format",
        )
    return values.astype(target)
