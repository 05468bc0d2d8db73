"""Whether 4-byte floats are what the header declares: IBM and IEEE words look alike, but not quite.

A few traces are looked at, never more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.decode import decode
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.layout import IBM, IEEE, order_mark

TRACES = 5
FEWEST_WORDS = 200
"""Words other than zero from which on anything is said."""

MOST_UNNORMALISED = 0.01
"""Share of IBM words whose first digit is 0: normalised ones have none, of IEEE words 4 to 10 %."""

FEWEST_DIGITS = 12
"""First digits, of 15, that IBM words of any spread show."""

TIGHTER = 0.7
WIDEST = 20.0
"""IEEE words read as IBM spread their logarithms to twice the width; noise is wider than this."""


def doubtful_format(layouts: Sequence[FileLayout], told: int | None) -> tuple[str, ...]:
    """Warn where the samples of the first file look like the other float format.

    ``told`` is the format that the user gave, who knows better.

    >>> doubtful_format([], None)
    ()
    """
    if told is not None or not layouts or layouts[0].sample_format.code not in (IBM, IEEE):
        return ()
    layout = layouts[0]
    declared = layout.sample_format.code
    raw = _some_samples(layout)
    words = raw.view(order_mark(layout.byte_order) + "u4").astype("uint32").ravel()
    some = words[words & 0x7FFFFFFF != 0]
    if len(some) < FEWEST_WORDS:
        return ()
    digits = np.bincount((some >> 20) & 15, minlength=16) / len(some)
    if declared == IBM:
        other = digits[0] > MOST_UNNORMALISED and _looks_ieee(some)
    else:
        other = not digits[0] and np.count_nonzero(digits) >= FEWEST_DIGITS
    if not other:
        return ()
    names = {IBM: "IBM", IEEE: "IEEE"}
    actual = IEEE if declared == IBM else IBM
    return (
        f"{layout.source.name}: the samples are declared {names[declared]} floats, but look like "
        f"{names[actual]} ones; give --sample-format {actual} if they are",
    )


def _some_samples(layout: FileLayout) -> NDArray[np.uint8]:
    """Bytes of the samples of a few traces, spread over the file, uint8 (trace, byte)."""
    numbers = np.unique(np.linspace(0, layout.trace_count - 1, TRACES).astype("int64"))
    length = layout.samples * layout.sample_format.size
    starts = layout.data_offset + layout.header_bytes + numbers * layout.trace_bytes
    buffer, places = layout.source.fetch(starts, length)
    return np.stack([buffer[at : at + length] for at in places.tolist()])


def _looks_ieee(words: NDArray[np.uint32]) -> bool:
    """Whether words that should be IBM make a tighter set of numbers as IEEE floats."""
    raw = words.astype(">u4").view("uint8")
    spreads = []
    for code in (IEEE, IBM):
        values = np.abs(decode(raw, code, "big").astype("float64"))
        known = np.isfinite(values) & (values > 0)
        if code == IEEE and not known.all():
            return False
        spreads.append(float(np.log2(values[known]).std()))
    return spreads[0] < min(TIGHTER * spreads[1], WIDEST)
