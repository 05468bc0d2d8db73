"""What a file's first 3600 bytes, its size and its first trace say about how it is laid out.

Headers lie: a byte order may be unmarked, the number of samples wrong, an extended text header
undeclared. So the few readings that are possible are tried, and one that cuts the file into whole
traces is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SegyError
from seisproc.segy.foreign import foreign_kind
from seisproc.segy.layout import (
    EXTENDED_INTERVAL,
    FILE_HEADER_BYTES,
    INTERVAL,
    MEASUREMENT_SYSTEM,
    REVISION_MAJOR,
    SORTING,
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
from seisproc.segy.padding import padding_bytes
from seisproc.segy.readings import Reading, possible_readings
from seisproc.segy.source import Source
from seisproc.segy.text import decode_text, untrimmed_text
from seisproc.segy.trailer import UNKNOWN

CONFIRMATIONS = 100
"""Trace headers that must agree before a number of samples from one of them is believed."""

MIN_INTERVAL, MAX_INTERVAL = 1e-3, 1e8
"""Sample intervals in us that rev 2's long word may state."""


@dataclass(frozen=True)
class FileLayout:
    """Where the traces of one file lie and how their words are to be read.

    Attributes
    ----------
    source : Source
    byte_order : str
        ``big`` or ``little``.
    sample_format : SampleFormat
    samples : int
        Samples in every trace.
    interval : float
        The binary header's sample interval word: us, or mm (m) in depth; 0 where not given.
    revision : int
        Major SEG-Y revision.
    data_offset : int
        Byte of the file where the first trace header starts.
    header_bytes : int
        240, and more where rev 2 trace header extensions follow.
    trace_count : int
        Whole traces between the headers and any trailer.
    sorting, measurement_system : int
        Words of the binary header.
    text : str
        Text header, in lines.
    extended_text : str
        Extended text headers as they stand, one after the other.
    warnings : tuple of str
        What is odd, in words for the user.
    """

    source: Source
    byte_order: str
    sample_format: SampleFormat
    samples: int
    interval: float
    revision: int
    data_offset: int
    header_bytes: int
    trace_count: int
    sorting: int
    measurement_system: int
    text: str
    extended_text: str
    warnings: tuple[str, ...]

    @property
    def trace_bytes(self) -> int:
        """Bytes of a trace with its header."""
        return self.header_bytes + self.samples * self.sample_format.size

    @property
    def data_end(self) -> int:
        """Byte after the last trace: where a trailer starts."""
        return self.data_offset + self.trace_count * self.trace_bytes

    def headers(self, first: int, stop: int) -> NDArray[np.uint8]:
        """Raw trace headers [first, stop), uint8 (trace, header byte); a view where mapped."""
        start = self.data_offset + first * self.trace_bytes
        return self.source.rows(start, stop - first, self.trace_bytes, self.header_bytes)


def read_layout(source: Source, overrides: HeaderOverrides) -> FileLayout:
    """Find how a file is laid out.

    Raises
    ------
    SegyError
        If it is no SEG-Y file, is cut short, or has bytes left over; the message says which.
    """
    head = source.read(0, FILE_HEADER_BYTES)
    foreign = foreign_kind(head, source.size)
    if foreign is not None:
        raise SegyError(
            f"{source.name} is no SEG-Y file", found=foreign.what, do=foreign.do
        )
    readings = possible_readings(source, head, overrides)
    for reading in readings:
        if reading.left_over or (reading.remark and not _is_confirmed(source, reading)):
            continue
        if not reading.doubtful_end or _ends_alike(source, reading):
            return _accept(source, head, _without_padding(source, reading))
    for reading in readings:
        # zeros at the end of a muted trace are no padding: the trace headers must agree
        whole = _without_padding(source, reading)
        if whole.left_over == 0 and _is_confirmed(source, whole):
            return _accept(source, head, whole)
    if readings[0].doubtful_end:
        raise _trailer_error(source)
    raise _left_over_error(source, readings[0])


def _without_padding(source: Source, reading: Reading) -> Reading:
    padding = padding_bytes(source, reading.data_offset, reading.data_end, reading.trace_bytes)
    if not padding:
        return reading
    remark = f"{padding:,} zero bytes after the last trace are no traces; they are kept for export"
    remarks = "; ".join(filter(None, (reading.remark, remark)))
    return replace(reading, data_end=reading.data_end - padding, remark=remarks)


def _is_confirmed(source: Source, reading: Reading) -> bool:
    """Whether trace headers all over the file state the number of samples of a second guess."""
    traces = (reading.data_end - reading.data_offset) // reading.trace_bytes
    numbers = np.unique(np.linspace(0, traces - 1, CONFIRMATIONS).astype("int64"))
    starts = reading.data_offset + numbers * reading.trace_bytes
    buffer, places = source.fetch(starts, TRACE_HEADER_BYTES)
    headers = np.stack([buffer[at : at + TRACE_HEADER_BYTES] for at in places.tolist()])
    stated = trace_words(headers, TRACE_SAMPLES, reading.byte_order)
    return bool((stated == reading.samples).all())


def _ends_alike(source: Source, reading: Reading) -> bool:
    """Whether the last trace header states as many samples as the first: it is one, no trailer."""
    last = reading.data_end - reading.trace_bytes
    headers = np.stack([source.read(at, at + TRACE_HEADER_BYTES)
                        for at in (reading.data_offset, last)])
    first, last = trace_words(headers, TRACE_SAMPLES, reading.byte_order).tolist()
    return first == last


def _accept(source: Source, head: NDArray[np.uint8], reading: Reading) -> FileLayout:
    order = reading.byte_order
    interval = float(file_word(head, INTERVAL, order))
    revision = int(file_word(head, REVISION_MAJOR, order))
    if revision >= 2:
        extended = float(file_word(head, EXTENDED_INTERVAL, order))
        # unset bytes read as any number
        interval = extended if MIN_INTERVAL < extended < MAX_INTERVAL else interval
    extended_text = ""
    for start in range(FILE_HEADER_BYTES, reading.data_offset, TEXT_BYTES):
        stop = min(start + TEXT_BYTES, reading.data_offset)
        extended_text += untrimmed_text(source.read(start, stop))
    return FileLayout(
        source=source,
        byte_order=order,
        sample_format=reading.form,
        samples=reading.samples,
        interval=interval,
        revision=revision,
        data_offset=reading.data_offset,
        header_bytes=reading.header_bytes,
        trace_count=(reading.data_end - reading.data_offset) // reading.trace_bytes,
        sorting=int(file_word(head, SORTING, order)),
        measurement_system=int(file_word(head, MEASUREMENT_SYSTEM, order)),
        text=decode_text(head[:TEXT_BYTES]),
        extended_text=extended_text,
        warnings=(f"{source.name}: {reading.remark}",) if reading.remark else (),
    )


def _lengths(source: Source, reading: Reading) -> list[int]:
    """Read the first traces as if each said its own length, in samples; [] where that fails."""
    found: list[int] = []
    at = reading.data_offset
    while at < source.size and len(found) < CONFIRMATIONS:
        header = source.read(at, at + TRACE_HEADER_BYTES)
        if len(header) < TRACE_HEADER_BYTES:
            return []
        samples = int(trace_words(header[None], TRACE_SAMPLES, reading.byte_order)[0])
        at += reading.header_bytes + samples * reading.form.size
        if not samples or at > source.size:
            return []
        found.append(samples)
    return found


def _trailer_error(source: Source) -> SegyError:
    return SegyError(
        f"{source.name}: nothing says where the traces end",
        found=f"trailers of unknown number ({UNKNOWN} at byte {TRAILER_STANZAS.byte}) that are no "
        "text",
        expected=f"the number of traces at byte {TRACE_COUNT.byte}, or of trailer stanzas",
        do="Write that number into the binary header of a copy, or cut the trailer off",
    )


def _left_over_error(source: Source, reading: Reading) -> SegyError:
    whole = (reading.data_end - reading.data_offset) // reading.trace_bytes
    lengths = _lengths(source, reading)
    if len(set(lengths)) > 1:
        return SegyError(
            f"{source.name}: the traces differ in length, which no volume can hold",
            found=f"{min(lengths)} to {max(lengths)} samples in the first {len(lengths)} traces",
            expected="one number of samples for all traces",
            do="Pad or cut them to one length with the software that wrote them",
        )
    kept = reading.data_offset + whole * reading.trace_bytes
    return SegyError(
        f"{source.name} does not divide into whole traces: it is cut short, has something "
        "appended, or its number of samples is wrong",
        found=f"{reading.left_over} bytes left over after {whole} traces of "
        f"{reading.trace_bytes} bytes ({reading.samples} samples, {reading.form.name})",
        expected=f"a multiple of {reading.trace_bytes} bytes after byte {reading.data_offset}",
        do="Copy the file again; or, if the header is wrong, give --samples or --sample-format, or"
        " `headers: {samples: ..., sample_format: ...}` in a catalogue's entry"
        + (f"; to keep the {whole} whole traces, cut a copy of it with truncate -s {kept}"
           if whole else ""),
    )
