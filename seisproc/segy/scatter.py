"""Put the samples of a box of cells where their traces lie in a file: the reverse of gathering."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.kernels import scatter_3_bytes, scatter_gain, scatter_ibm, scatter_plain
from seisproc.segy.layout import GAIN, IBM, SampleFormat


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
        Contiguous along the samples.
    starts : int64 (i, j)
        Byte in ``buffer`` of each trace's first sample of the box; negative where there is none.
    buffer : uint8
        The file, writable.
    """
    live = starts[starts >= 0]
    if not len(live):
        return
    bits = np.asarray(box, form.dtype).view(f"u{np.dtype(form.dtype).itemsize}")
    swap = byte_order == "big"
    if form.size == 3:
        scatter_3_bytes(bits, starts, swap, buffer)
        return
    shift = int(live[0]) % form.size
    whole = (len(buffer) - shift) // form.size * form.size
    words = buffer[shift : shift + whole].view(f"u{form.size}")
    firsts = np.where(starts < 0, -1, (starts - shift) // form.size)
    kernel = {IBM: scatter_ibm, GAIN: scatter_gain}.get(form.code, scatter_plain)
    kernel(bits, firsts, swap, words)
