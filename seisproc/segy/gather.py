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
from numpy.typing import NDArray

from seisproc.segy.kernels import (
    find_residuals,
    gather_3_bytes,
    gather_gain,
    gather_ibm,
    gather_plain,
)
from seisproc.segy.layout import GAIN, IBM, SampleFormat


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
        total, _ = gather_3_bytes(buffer, starts, swap, samples, bits, signed)
        return int(total), False
    words, firsts = _as_words(buffer, starts, form.size, int(live[0]))
    kernel = {IBM: gather_ibm, GAIN: gather_gain}.get(form.code, gather_plain)
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
        count = find_residuals(
            words, firsts, byte_order == "big", samples, form.code == GAIN, where, what
        )
        if count <= capacity:
            return where, what
        capacity = count
