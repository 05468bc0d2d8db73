"""SEG-Y byte positions, sample formats and constants, each once.

Positions are counted as the standard counts them: from 1, the binary header from the start of the
file (3201...), the trace header from the start of the trace. Sources: SEG-Y rev 0 (Barry, Cavers
and Kneale 1975), rev 1 (2002), rev 2.0 (2017) and rev 2.1 (2023), Society of Exploration
Geophysicists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TEXT_BYTES = 3200
BINARY_BYTES = 400
FILE_HEADER_BYTES = TEXT_BYTES + BINARY_BYTES
TRACE_HEADER_BYTES = 240
TEXT_COLUMNS = 80

ENDIAN_MARK = 0x01020304
"""Rev 2 writes this constant at byte 3297, so that a reader sees the byte order."""


@dataclass(frozen=True)
class Field:
    """One header word: its first byte (from 1) and its numpy type without byte order."""

    byte: int
    kind: str

    @property
    def size(self) -> int:
        """Bytes that the word occupies."""
        return np.dtype(self.kind).itemsize


JOB = Field(3201, "i4")
LINE_NUMBER = Field(3205, "i4")
INTERVAL = Field(3217, "u2")
SAMPLES = Field(3221, "u2")
FORMAT = Field(3225, "i2")
ENSEMBLE_FOLD = Field(3227, "i2")
SORTING = Field(3229, "i2")
MEASUREMENT_SYSTEM = Field(3255, "i2")
EXTENDED_SAMPLES = Field(3269, "u4")
EXTENDED_INTERVAL = Field(3273, "f8")
ENDIAN = Field(3297, "u4")
REVISION_MAJOR = Field(3501, "u1")
REVISION_MINOR = Field(3502, "u1")
FIXED_LENGTH = Field(3503, "i2")
EXTENDED_TEXTS = Field(3505, "i2")
EXTRA_TRACE_HEADERS = Field(3507, "i4")
TRACE_COUNT = Field(3513, "u8")
FIRST_TRACE = Field(3521, "u8")
TRAILER_STANZAS = Field(3529, "i4")

TRACE_IN_LINE = Field(1, "i4")
TRACE_IN_FILE = Field(5, "i4")
FIELD_RECORD = Field(9, "i4")
CHANNEL = Field(13, "i4")
SHOT_POINT = Field(17, "i4")
CDP = Field(21, "i4")
TRACE_IN_ENSEMBLE = Field(25, "i4")
TRACE_KIND = Field(29, "i2")
OFFSET = Field(37, "i4")
COORDINATE_SCALAR = Field(71, "i2")
SOURCE_X = Field(73, "i4")
SOURCE_Y = Field(77, "i4")
GROUP_X = Field(81, "i4")
GROUP_Y = Field(85, "i4")
COORDINATE_UNITS = Field(89, "i2")
DELAY = Field(109, "i2")
TRACE_SAMPLES = Field(115, "u2")
TRACE_INTERVAL = Field(117, "u2")
CDP_X = Field(181, "i4")
CDP_Y = Field(185, "i4")
INLINE = Field(189, "i4")
CROSSLINE = Field(193, "i4")
TIME_SCALAR = Field(215, "i2")

DEAD_TRACE = 2
"""Trace identification code (byte 29) of a trace that the writer declared dead."""

USUAL_SCALARS = frozenset(
    [0] + [sign * 10**power for sign in (1, -1) for power in range(5)]
)
"""Scalars of coordinates and of times that the standard allows; 0 counts as 1."""

NULL_COORDINATE = -(2**31)
"""The smallest int32: what some writers put where a coordinate is unknown."""


@dataclass(frozen=True)
class SampleFormat:
    """A sample format code of the binary header.

    Attributes
    ----------
    code : int
        The code at byte 3225.
    size : int
        Bytes of one sample in the file.
    dtype : str
        Native numpy type that holds every value: what the store keeps.
    name : str
        What the standard calls it.
    """

    code: int
    size: int
    dtype: str
    name: str


FORMATS = {
    row.code: row
    for row in (
        SampleFormat(1, 4, "float32", "4-byte IBM float"),
        SampleFormat(2, 4, "int32", "4-byte integer"),
        SampleFormat(3, 2, "int16", "2-byte integer"),
        SampleFormat(4, 4, "float32", "4-byte fixed point with gain"),
        SampleFormat(5, 4, "float32", "4-byte IEEE float"),
        SampleFormat(6, 8, "float64", "8-byte IEEE float"),
        SampleFormat(7, 3, "int32", "3-byte integer"),
        SampleFormat(8, 1, "int8", "1-byte integer"),
        SampleFormat(9, 8, "int64", "8-byte integer"),
        SampleFormat(10, 4, "uint32", "4-byte unsigned integer"),
        SampleFormat(11, 2, "uint16", "2-byte unsigned integer"),
        SampleFormat(12, 8, "uint64", "8-byte unsigned integer"),
        SampleFormat(15, 3, "uint32", "3-byte unsigned integer"),
        SampleFormat(16, 1, "uint8", "1-byte unsigned integer"),
    )
}
"""Sample formats by code, SEG-Y rev 0 to 2.1."""

IBM = 1
GAIN = 4
IEEE = 5


def order_mark(byte_order: str) -> str:
    """Numpy's mark of a byte order.

    >>> order_mark("big"), order_mark("little")
    ('>', '<')
    """
    return {"big": ">", "little": "<"}[byte_order]


def file_word(header: NDArray[np.uint8], field: Field, byte_order: str) -> int | float:
    """Value of one word of the 3600-byte file header."""
    first = field.byte - 1
    raw = header[first : first + field.size].tobytes()
    return np.frombuffer(raw, order_mark(byte_order) + field.kind)[0].item()


def trace_words(
    headers: NDArray[np.uint8], field: Field, byte_order: str
) -> NDArray[np.signedinteger]:
    """Values of one word of many trace headers, in native order.

    Parameters
    ----------
    headers : uint8 (trace, byte)
        Raw trace headers, 240 bytes or more each.

    >>> headers = np.zeros((2, 240), "uint8")
    >>> headers[:, 191] = 7, 9
    >>> trace_words(headers, INLINE, "big").tolist()
    [7, 9]
    """
    first = field.byte - 1
    raw = np.ascontiguousarray(headers[:, first : first + field.size])
    words = raw.view(order_mark(byte_order) + field.kind)[:, 0]
    return words.astype(field.kind)


def put_trace_words(
    headers: NDArray[np.uint8], field: Field, values: NDArray[np.integer] | int, byte_order: str
) -> None:
    """Write one word into many raw trace headers, the reverse of :func:`trace_words`."""
    first = field.byte - 1
    words = np.empty(len(headers), order_mark(byte_order) + field.kind)
    words[:] = values
    headers[:, first : first + field.size] = words.view("uint8").reshape(len(headers), field.size)
