"""Files that stand where a SEG-Y file was expected, known by their first bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.layout import (
    FILE_HEADER_BYTES,
    FORMAT,
    FORMATS,
    TRACE_HEADER_BYTES,
    TRACE_SAMPLES,
    Field,
    file_word,
    trace_words,
)
from seisproc.segy.text import is_text

PASSCAL_SAMPLES, PASSCAL_FORM = Field(229, "i4"), Field(205, "i2")
PASSCAL_SIZES = {0: 2, 1: 4}
"""PASSCAL's data form -> bytes of a sample."""

_ARRAY = "`seisproc ingest` reads it, with --axes to say which axis is which"

_MAGIC = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Run `git lfs pull`"),
    (b"\x1f\x8b", "a gzip archive", "Decompress it first"),
    (b"PK\x03\x04", "a zip archive", "Unpack it first"),
    (b"BZh", "a bzip2 archive", "Decompress it first"),
    (b"\xfd7zXZ\x00", "an xz archive", "Decompress it first"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive", "Decompress it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive", "Unpack it first"),
    (b"\x89HDF", "an HDF5 file", _ARRAY),
    (b"\x93NUMPY", "a NumPy array", _ARRAY),
    (b"CDF", "a NetCDF file", None),
    (b"%PDF", "a PDF document", None),
    (b"\x89PNG", "a PNG picture", None),
    (b"<!DOCTYPE", "an HTML page", "The download may have been a login page: fetch it again"),
    (b"<html", "an HTML page", "The download may have been a login page: fetch it again"),
    (b"~V", "a LAS well log", None),
    (b"~A", "a LAS well log", None),
)


@dataclass(frozen=True)
class Foreign:
    """What a file is instead, and what to do about it."""

    what: str
    do: str | None


def foreign_kind(head: NDArray[np.uint8], size: int) -> Foreign | None:
    """Recognise a file that is no SEG-Y; None where it may be one.

    Parameters
    ----------
    head : uint8 (3600,) or shorter
        The file's first bytes.
    size : int
        Bytes in the whole file.
    """
    start = head[:64].tobytes()
    for magic, what, do in _MAGIC:
        if start.lower().startswith(magic.lower()):
            return Foreign(what, do)
    if size == 0:
        return Foreign("an empty file", "Copy it again")
    if size < FILE_HEADER_BYTES:
        return Foreign(
            f"{size} bytes, fewer than the {FILE_HEADER_BYTES} of a SEG-Y file header",
            "Copy it again",
        )
    if size == FILE_HEADER_BYTES:
        return Foreign("a file header without any trace", "Copy it again")
    return _without_file_header(head, size)


def _without_file_header(head: NDArray[np.uint8], size: int) -> Foreign | None:
    """Recognise traces, or a tape label, where the file header should be."""
    label = head[:128].tobytes()
    if label[4:6] == b"SY" and (b"RECORD" in label or b"FIXED" in label):
        return Foreign(
            "a SEG-Y tape label of 128 bytes before the file header",
            "Cut it off: tail -c +129 FILE > NEW",
        )
    passcal = _passcal_samples(head, size)
    if passcal is not None:
        return Foreign(
            f"a PASSCAL trace of {passcal} samples without a file header",
            "Convert it to SEG-Y with the recorder's software, or with ObsPy",
        )
    samples = _su_samples(head, size)
    if samples is not None:
        return Foreign(
            f"a Seismic Unix (SU) file: traces of {samples} samples without a file header",
            "Convert it with `segywrite`",
        )
    return None


def _passcal_samples(head: NDArray[np.uint8], size: int) -> int | None:
    """Return the samples of a lone trace in PASSCAL's way: a long count, 16 or 32 bits each."""
    if is_text(head[:3200]):
        return None
    for order in ("big", "little"):
        samples = int(trace_words(head[None, :240], PASSCAL_SAMPLES, order)[0])
        form = int(trace_words(head[None, :240], PASSCAL_FORM, order)[0])
        if form in PASSCAL_SIZES and samples > 0:
            if size == TRACE_HEADER_BYTES + samples * PASSCAL_SIZES[form]:
                return samples
    return None


def _su_samples(head: NDArray[np.uint8], size: int) -> int | None:
    """Return samples per trace if the file reads as SU: trace headers from the first byte on."""
    if is_text(head[:3200]):
        return None
    if any(int(file_word(head, FORMAT, order)) in FORMATS for order in ("big", "little")):
        return None
    for order in ("little", "big"):
        samples = int(trace_words(head[None, :TRACE_HEADER_BYTES], TRACE_SAMPLES, order)[0])
        if samples and size % (TRACE_HEADER_BYTES + 4 * samples) == 0:
            return samples
    return None
