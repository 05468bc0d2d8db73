"""Text after the last trace: rev 2 trailers, of which a file need not say how many there are."""

from __future__ import annotations

from seisproc.segy.layout import TEXT_BYTES
from seisproc.segy.source import Source
from seisproc.segy.text import is_text

UNKNOWN = -1
"""Number of trailer stanzas (byte 3529) of a file that does not say how many follow."""

MOST_STANZAS = 1000


def text_stanzas(source: Source, data_offset: int) -> int:
    """Count the blocks of 3200 bytes at the end of a file that read as text."""
    for number in range(MOST_STANZAS):
        start = source.size - (number + 1) * TEXT_BYTES
        if start < data_offset or not is_text(source.read(start, start + TEXT_BYTES)):
            return number
    return MOST_STANZAS
