"""Write a new SEG-Y file from an array and its grid, by the book."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError, SegyError
from seisproc.grid import Grid, Lattice
from seisproc.segy.decode import encode
from seisproc.segy.layout import (
    BINARY_BYTES,
    CDP_X,
    CDP_Y,
    COORDINATE_SCALAR,
    COORDINATE_UNITS,
    CROSSLINE,
    DELAY,
    FILE_HEADER_BYTES,
    FIXED_LENGTH,
    FORMAT,
    FORMATS,
    INLINE,
    INTERVAL,
    MEASUREMENT_SYSTEM,
    OFFSET,
    REVISION_MAJOR,
    SAMPLES,
    SORTING,
    TEXT_BYTES,
    TIME_SCALAR,
    TRACE_HEADER_BYTES,
    TRACE_IN_FILE,
    TRACE_IN_LINE,
    TRACE_INTERVAL,
    TRACE_KIND,
    TRACE_SAMPLES,
    Field,
    put_trace_words,
)
from seisproc.segy.text import encode_text

STACKED = 4
"""Trace sorting code of the binary header: horizontally stacked."""


def create_segy(
    path: str | Path,
    amplitude: NDArray[Any],
    grid: Grid,
    *,
    sample_format: int = 1,
    live: NDArray[np.bool_] | None = None,
    cdp_x: NDArray[np.float64] | None = None,
    cdp_y: NDArray[np.float64] | None = None,
    coordinate_scalar: int = -100,
    text: Sequence[str] | None = None,
    byte_order: str = "big",
) -> None:
    """Write a SEG-Y rev 1 file, inline by inline, whole or not at all.

    Parameters
    ----------
    path : path
        The new file; an existing one is replaced.
    amplitude : (inline, crossline, sample)
        Values; floats are rounded for integer formats. An inline is read at a time, so a memory
        map or a Zarr array does.
    grid : Grid
        Line numbers go to bytes 189 and 193; the first sample becomes the delay recording time
        (ms, or m in depth), the step the sample interval (us, or mm in depth).
    sample_format : int
        1 IBM, 2 int32, 3 int16, 5 IEEE, 8 int8, 16 uint8, or another of the standard's.
    live : bool (inline, crossline), optional
        Cells without a trace are not written.
    cdp_x, cdp_y : float64 (inline, crossline), optional
        Coordinates in m, stored times ``-coordinate_scalar`` where that is negative.
    text : sequence of str, optional
        Lines of the text header, 76 characters each, written in EBCDIC.
    byte_order : str
        ``big`` as the standard says, or ``little``.

    Raises
    ------
    GeometryError
        If the array does not have the grid's shape.
    SegyError
        If a value does not fit its header word or sample format.
    """
    if tuple(amplitude.shape) != grid.shape:
        raise GeometryError(
            f"{path}: the array does not have the grid's shape",
            found=str(tuple(amplitude.shape)),
            expected=str(grid.shape),
        )
    if live is None:
        live = np.ones(grid.shape[:2], bool)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("wb") as file:
            file.write(_file_header(grid, sample_format, byte_order, text))
            written = 0
            for i in range(grid.shape[0]):
                at = np.flatnonzero(live[i])
                headers = _trace_headers(grid, i, at, written, byte_order)
                put_trace_words(headers, COORDINATE_SCALAR, coordinate_scalar, byte_order)
                for field, values in ((CDP_X, cdp_x), (CDP_Y, cdp_y)):
                    if values is not None:
                        words = scaled_coordinates(values[i][at], coordinate_scalar)
                        put_trace_words(headers, field, words, byte_order)
                samples = encode(np.asarray(amplitude[i])[at], sample_format, byte_order)
                file.write(np.concatenate([headers, samples], axis=1).tobytes())
                written += len(at)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _file_header(
    grid: Grid, sample_format: int, byte_order: str, text: Sequence[str] | None
) -> bytes:
    binary = np.zeros((1, BINARY_BYTES), "uint8")
    words = {
        INTERVAL: interval_word(grid),
        SAMPLES: _checked("samples per trace", grid.shape[2], "uint16"),
        FORMAT: sample_format,
        SORTING: STACKED,
        MEASUREMENT_SYSTEM: 1,
        REVISION_MAJOR: 1,
        FIXED_LENGTH: 1,
    }
    for field, value in words.items():
        put_trace_words(binary, Field(field.byte - TEXT_BYTES, field.kind), value, byte_order)
    lines = list(text) if text is not None else _default_text(grid, sample_format)
    if grid.domain == "depth" and "VERTICAL DOMAIN: DEPTH" not in "\n".join(lines).upper():
        lines = [*lines[:39], "VERTICAL DOMAIN: DEPTH"]
    header = encode_text(lines) + binary.tobytes()
    if len(header) != FILE_HEADER_BYTES:
        raise AssertionError("the file header is 3600 bytes by construction")
    return header


def _default_text(grid: Grid, sample_format: int) -> list[str]:
    inline, crossline, sample = grid.inline, grid.crossline, grid.sample
    unit = "MS" if grid.domain == "twt" else "M"
    return [
        "WRITTEN BY SEISPROC",
        f"INLINE {inline[0]} TO {inline[-1]}, BYTES {INLINE.byte}-{INLINE.byte + 3}",
        f"CROSSLINE {crossline[0]} TO {crossline[-1]}, BYTES {CROSSLINE.byte}-{CROSSLINE.byte + 3}",
        f"{len(sample)} SAMPLES FROM {sample[0]:g} {unit}, EVERY {grid.step:g} {unit}",
        f"SAMPLE FORMAT {sample_format}: {FORMATS[sample_format].name.upper()}",
        f"CDP X, Y: BYTES {CDP_X.byte}-{CDP_X.byte + 3}, {CDP_Y.byte}-{CDP_Y.byte + 3}",
        f"VERTICAL DOMAIN: {'TIME' if grid.domain == 'twt' else 'DEPTH'}",
    ]


def _trace_headers(
    grid: Grid, i: int, crosslines: NDArray[np.intp], written: int, byte_order: str
) -> NDArray[np.uint8]:
    headers = np.zeros((len(crosslines), TRACE_HEADER_BYTES), "uint8")
    number = np.arange(1, len(crosslines) + 1)
    delay, time_scalar = delay_words(grid)
    words: dict[Field, Any] = {
        TRACE_IN_LINE: number,
        TRACE_IN_FILE: written + number,
        TRACE_KIND: 1,
        OFFSET: 0,
        COORDINATE_UNITS: 1,
        DELAY: delay,
        TIME_SCALAR: time_scalar,
        TRACE_SAMPLES: grid.shape[2],
        TRACE_INTERVAL: interval_word(grid),
        INLINE: grid.inline[i],
        CROSSLINE: grid.crossline[crosslines],
    }
    for field, values in words.items():
        put_trace_words(headers, field, values, byte_order)
    return headers


def interval_word(grid: Grid | Lattice) -> int:
    """Microseconds, or millimetres in depth."""
    word = round(grid.step * 1000)
    if not np.isclose(word / 1000, grid.step, rtol=1e-6) or word == 0:
        raise SegyError(
            "The sample interval is no whole number of microseconds (millimetres in depth)",
            found=f"{grid.step:g}",
            do="Resample first",
        )
    return _checked("sample interval", word, "uint16")


def delay_words(grid: Grid | Lattice) -> tuple[int, int]:
    """Delay recording time and its scalar: whole ms if possible, else tenths to 1/10000."""
    first = float(grid.sample[0])
    for scalar in (1, -10, -100, -1000, -10000):
        word = first * abs(scalar)
        if abs(word - round(word)) < 1e-6:
            limits = np.iinfo("int16")
            if limits.min <= round(word) <= limits.max:
                return round(word), 0 if scalar == 1 else scalar
    raise SegyError(
        "The first sample does not fit the delay recording time",
        found=f"{first:g}",
        expected="-32768 to 32767 ms (m), with at most four decimals",
    )


def scaled_coordinates(values: NDArray[np.float64], scalar: int) -> NDArray[np.int64]:
    """Coordinates as header words with a scalar; 0 where there is none."""
    factor = -scalar if scalar < 0 else 1 / max(1, scalar)
    words = np.rint(np.nan_to_num(values, nan=0.0) * factor)
    limits = np.iinfo("int32")
    if len(words) and (words.min() < limits.min or words.max() > limits.max):
        raise SegyError(
            f"Coordinates do not fit 4-byte words with the coordinate scalar {scalar}",
            found=f"{np.nanmin(values):g} to {np.nanmax(values):g}",
            do="Choose a coarser scalar, e.g. -1 or -10",
        )
    return words.astype("int64")


def _checked(what: str, value: int, kind: str) -> int:
    limits = np.iinfo(kind)
    if not limits.min <= value <= limits.max:
        raise SegyError(f"The {what} does not fit its header word", found=str(value),
                        expected=f"{limits.min} to {limits.max}")
    return value
