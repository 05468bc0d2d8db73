"""The possible readings of a file's layout, that which its headers state first.

A byte order may be unmarked, the number of samples wrong, an extended text header undeclared.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SegyError
from seisproc.segy.layout import (
    ENDIAN,
    ENDIAN_MARK,
    EXTENDED_SAMPLES,
    EXTENDED_TEXTS,
    EXTRA_TRACE_HEADERS,
    FILE_HEADER_BYTES,
    FIRST_TRACE,
    FORMAT,
    FORMATS,
    REVISION_MAJOR,
    SAMPLES,
    TEXT_BYTES,
    TRACE_COUNT,
    TRACE_HEADER_BYTES,
    TRACE_SAMPLES,
    TRAILER_STANZAS,
    SampleFormat,
    file_word,
    trace_words,
)
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.source import Source
from seisproc.segy.text import decode_text, is_text
from seisproc.segy.trailer import UNKNOWN, text_stanzas

MAX_EXTENDED_TEXTS = 1000
MAX_UNDECLARED_TEXTS = 20
END_TEXT = re.compile(r"\(\(\s*SEG\s*:\s*END\s?TEXT\s*\)\)", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """One possible reading of a file's layout.

    Attributes
    ----------
    byte_order : str
        ``big`` or ``little``.
    form : SampleFormat
    samples : int
        Samples a trace.
    data_offset, data_end : int
        Bytes of the file between which the traces lie.
    header_bytes : int
        Of a trace.
    remark : str
        What is odd about it, in words for the user.
    doubtful_end : bool
        The file says that something follows the traces, but not how much.
    """

    byte_order: str
    form: SampleFormat
    samples: int
    data_offset: int
    header_bytes: int
    data_end: int
    remark: str = ""
    doubtful_end: bool = False

    @property
    def trace_bytes(self) -> int:
        """Bytes of a trace with its header."""
        return self.header_bytes + self.samples * self.form.size

    @property
    def left_over(self) -> int:
        """Bytes after the last whole trace."""
        return (self.data_end - self.data_offset) % self.trace_bytes


def possible_readings(
    source: Source, head: NDArray[np.uint8], overrides: HeaderOverrides
) -> list[Reading]:
    """All readings with a known format, the one that the headers state first.

    Raises
    ------
    SegyError
        If there is none, since the format is unknown or the number of samples 0.
    """
    orders = [overrides.byte_order] if overrides.byte_order else ["big", "little"]
    if file_word(head, ENDIAN, "little") == ENDIAN_MARK and not overrides.byte_order:
        orders.reverse()
    found: list[Reading] = []
    codes: dict[str, int] = {}
    for order in orders:
        codes[order] = int(file_word(head, FORMAT, order))
        form = FORMATS.get(overrides.sample_format or codes[order])
        if form is not None:
            found += _readings_in_order(source, head, order, form, overrides)
    if found:
        return found
    if not any(code in FORMATS for code in codes.values()) and overrides.sample_format is None:
        raise SegyError(
            f"{source.name}: the sample format in bytes 3225-3226 is unknown",
            found=" or ".join(f"{code} read as {order}-endian" for order, code in codes.items()),
            expected=", ".join(map(str, FORMATS)),
            do="Give --sample-format if this is a SEG-Y file (1 is IBM, 5 IEEE float)",
        )
    raise SegyError(
        f"{source.name}: the number of samples is 0 in the binary and in the trace header",
        do="Give --samples",
    )


def _readings_in_order(
    source: Source, head: NDArray[np.uint8], order: str, form: SampleFormat,
    overrides: HeaderOverrides,
) -> list[Reading]:
    rev2 = int(file_word(head, REVISION_MAJOR, order)) >= 2
    offsets = _data_offsets(source, head, order, rev2)
    extra = int(file_word(head, EXTRA_TRACE_HEADERS, order)) if rev2 else 0
    header_sizes = [TRACE_HEADER_BYTES * (1 + extra)] if 0 < extra < 100 else []
    header_sizes.append(TRACE_HEADER_BYTES)
    found = []
    for (offset, remark), header_bytes in itertools.product(offsets, header_sizes):
        for samples, sample_remark in _sample_counts(source, head, order, rev2, offset, overrides):
            trace_bytes = header_bytes + samples * form.size
            for end, doubtful in _data_ends(source, head, order, rev2, offset, trace_bytes):
                if end - offset < trace_bytes:
                    continue
                remarks = "; ".join(filter(None, (remark, sample_remark)))
                found.append(
                    Reading(order, form, samples, offset, header_bytes, end, remarks, doubtful)
                )
    if not found and offsets and source.size > FILE_HEADER_BYTES:
        counts = _sample_counts(source, head, order, rev2, FILE_HEADER_BYTES, overrides)
        if counts:
            # too short for a single trace: let the error about left-over bytes say so
            reading = Reading(order, form, counts[0][0], FILE_HEADER_BYTES,
                               TRACE_HEADER_BYTES, source.size)
            found.append(reading)
    return found


def _data_offsets(
    source: Source, head: NDArray[np.uint8], order: str, rev2: bool
) -> list[tuple[int, str]]:
    """Where the first trace may start, the declared place first."""
    offsets: list[tuple[int, str]] = []
    first = int(file_word(head, FIRST_TRACE, order)) if rev2 else 0
    if FILE_HEADER_BYTES <= first < source.size:
        offsets.append((first, ""))
    texts = int(file_word(head, EXTENDED_TEXTS, order))
    if texts == -1:
        texts = _count_texts(source)
    if 0 < texts <= MAX_EXTENDED_TEXTS:
        offsets.append((FILE_HEADER_BYTES + texts * TEXT_BYTES, ""))
    there = _text_blocks(source)
    plain = (FILE_HEADER_BYTES, f"{texts} extended text headers declared, none there")
    if texts > 0 and not there and _is_trace(source, head, order):
        offsets.insert(0, plain)
    if texts <= 0 and there:
        remark = f"{there} extended text headers that the binary header does not declare"
        offsets.append((FILE_HEADER_BYTES + there * TEXT_BYTES, remark))
    offsets.append(plain if texts else (FILE_HEADER_BYTES, ""))
    return list(dict.fromkeys(offsets))


def _is_trace(source: Source, head: NDArray[np.uint8], order: str) -> bool:
    """Whether a trace header that states the binary header's samples follows the file header."""
    first = source.read(FILE_HEADER_BYTES, FILE_HEADER_BYTES + TRACE_HEADER_BYTES)
    if len(first) < TRACE_HEADER_BYTES:
        return False
    samples = int(trace_words(first[None], TRACE_SAMPLES, order)[0])
    return samples > 0 and samples == int(file_word(head, SAMPLES, order))


def _text_blocks(source: Source) -> int:
    """Blocks of text where the first trace should be."""
    for number in range(MAX_UNDECLARED_TEXTS):
        start = FILE_HEADER_BYTES + number * TEXT_BYTES
        raw = source.read(start, start + TEXT_BYTES)
        # no trace header reads as text from its first byte on
        if len(raw) < TEXT_BYTES or not (is_text(raw[:TRACE_HEADER_BYTES]) and is_text(raw)):
            return number
    return 0


def _count_texts(source: Source) -> int:
    """Count extended text headers up to the one that says ((SEG: EndText)); 0 if none does."""
    for number in range(MAX_EXTENDED_TEXTS):
        start = FILE_HEADER_BYTES + number * TEXT_BYTES
        raw = source.read(start, start + TEXT_BYTES)
        if len(raw) < TEXT_BYTES:
            break
        if END_TEXT.search(decode_text(raw[:80])):
            return number + 1
    return 0


def _sample_counts(
    source: Source, head: NDArray[np.uint8], order: str, rev2: bool, offset: int,
    overrides: HeaderOverrides,
) -> list[tuple[int, str]]:
    """Possible samples per trace: told, rev 2's long count, the binary header's, the trace's.

    The trace header's count is wrong more often than the binary header's; it is tried last.
    """
    if overrides.samples:
        return [(overrides.samples, "")]
    extended = int(file_word(head, EXTENDED_SAMPLES, order)) if rev2 else 0
    stated = int(file_word(head, SAMPLES, order))
    counts = [(count, "") for count in (extended, stated) if count]
    first = source.read(offset, offset + TRACE_HEADER_BYTES)
    if len(first) == TRACE_HEADER_BYTES:
        traced = int(trace_words(first[None], TRACE_SAMPLES, order)[0])
        if traced:
            doubt = f"{stated} does not fit the file's size" if stated else "count is 0"
            remark = f"{traced} samples a trace from the trace headers: the binary header's {doubt}"
            counts.append((traced, remark))
    return list(dict.fromkeys(counts))


def _data_ends(
    source: Source, head: NDArray[np.uint8], order: str, rev2: bool, offset: int, trace_bytes: int
) -> list[tuple[int, bool]]:
    """Where the traces may end, and whether that is a doubtful guess.

    Rev 2 files may declare the number of traces, that of trailer stanzas, or that some follow.
    """
    if not rev2:
        return [(source.size, False)]
    ends: list[tuple[int, bool]] = []
    traces = int(file_word(head, TRACE_COUNT, order))
    if 0 < traces <= (source.size - offset) // trace_bytes:
        ends.append((offset + traces * trace_bytes, False))
    stanzas = int(file_word(head, TRAILER_STANZAS, order))
    if stanzas == UNKNOWN and not ends:
        ends += [(source.size - number * TEXT_BYTES, False)
                 for number in range(text_stanzas(source, offset), 0, -1)]
        return [*ends, (source.size, True)]
    if 0 < stanzas <= MAX_EXTENDED_TEXTS:
        ends.append((source.size - stanzas * TEXT_BYTES, False))
    return [*ends, (source.size, False)]
