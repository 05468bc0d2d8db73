"""Samples between a file's words and native numpy values, both ways.

The store keeps IEEE floats and native integers. IBM floats and fixed-point words with gain become
float32; a word that encoding would not give back (un-normalised, out of float32's range) is kept
beside as a *residual*, so that an export is the file again, byte for byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SegyError
from seisproc.segy.kernels import decode_gain, decode_ibm, encode_gain, encode_ibm
from seisproc.segy.layout import FORMATS, GAIN, IBM, order_mark


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
    (decode_ibm if code == IBM else decode_gain)(words.ravel(), bits)
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
        (encode_ibm if code == IBM else encode_gain)(bits, words)
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
