"""The 3200-byte textual header: EBCDIC or ASCII, 40 lines ("cards") of 80 characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.layout import TEXT_BYTES, TEXT_COLUMNS

EBCDIC = "cp500"
ASCII = "latin-1"
LINES = TEXT_BYTES // TEXT_COLUMNS

FEWEST_BREAKS = 5
"""Line breaks from which on they are the writer's, not bytes that happen to look like some."""

_CRS = re.compile(
    r"\bCRS\s*[:=]\s*(?P<name>[^\s,;(\"'][^,;(\"'\n]*)|(?P<epsg>EPSG\s*[:=]?\s*\d{4,6})",
    re.IGNORECASE,
)


def encoding_of(raw: NDArray[np.uint8]) -> str:
    """Tell ``cp500`` (EBCDIC) from ``latin-1`` (ASCII) by counting usual characters.

    >>> encoding_of(np.frombuffer("C 1 CLIENT".encode("cp500"), "uint8"))
    'cp500'
    >>> encoding_of(np.frombuffer(b"C 1 CLIENT", "uint8"))
    'latin-1'
    """
    content = raw.tobytes()
    usual = {name: _usual(content.decode(name, errors="replace")) for name in (EBCDIC, ASCII)}
    return EBCDIC if usual[EBCDIC] > usual[ASCII] else ASCII


def _usual(text: str) -> int:
    return sum(char == " " or (char.isascii() and char.isalnum()) for char in text)


def is_text(raw: NDArray[np.uint8]) -> bool:
    """Whether most of the bytes are printable in one of the two encodings."""
    content = raw.tobytes()
    decoded = content.decode(encoding_of(raw), errors="replace")
    return _usual(decoded) > 0.6 * max(1, len(content))


def untrimmed_text(raw: NDArray[np.uint8]) -> str:
    """Text as it stands, blanks and line breaks kept: what an XML stanza needs."""
    return raw.tobytes().decode(encoding_of(raw), errors="replace")


def decode_text(raw: NDArray[np.uint8]) -> str:
    """Text header as lines of at most 80 characters; blank and control characters trimmed.

    Cards of 80 characters by the standard; where the writer ended its lines itself, its lines.
    """
    decoded = untrimmed_text(raw)
    breaks = decoded.count("\n")
    parts = decoded.splitlines() if breaks >= FEWEST_BREAKS else [decoded]
    lines = []
    for part in parts:
        printable = "".join(char if char.isprintable() else " " for char in part).rstrip()
        lines += [
            printable[at : at + TEXT_COLUMNS].rstrip()
            for at in range(0, max(1, len(printable)), TEXT_COLUMNS)
        ]
    return "\n".join(lines).rstrip()


def encode_text(lines: Sequence[str], encoding: str = EBCDIC) -> bytes:
    """Forty cards ``C 1 ...`` to ``C40 ...`` of a text header; what is too long is cut."""
    cards = []
    for number in range(1, LINES + 1):
        content = lines[number - 1] if number <= len(lines) else ""
        cards.append(f"C{number:2d} {content}"[:TEXT_COLUMNS].ljust(TEXT_COLUMNS))
    return "".join(cards).encode(encoding, errors="replace")


def find_crs(text: str) -> str | None:
    """Coordinate reference system that a text header names, if any.

    >>> find_crs('C 6 CRS: ED50-UTM31 ("MENTOR:ED50-UTM31")')
    'ED50-UTM31'
    >>> find_crs("C 6 PROJECTION EPSG:23031 METRES")
    'EPSG:23031'
    """
    match = _CRS.search(text)
    if match is None:
        return None
    return (match["epsg"] or match["name"]).strip()
