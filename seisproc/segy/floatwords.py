"""Line numbers that some software writes as 4-byte floats into words meant for integers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seisproc.segy import scratch
from seisproc.segy.columns import Columns
from seisproc.segy.geometry import Candidate, distinct, usual_labels
from seisproc.segy.kernels import decode_ibm

_Reader = Callable[[NDArray[np.int32]], NDArray[np.float32]]


def whole_floats(candidate: Candidate, columns: Columns) -> dict[Candidate, str]:
    """Read a pair of words again as floats where they make no line numbers as integers.

    The columns of the words are replaced, int32 (trace,), where all their values are small whole
    numbers as IEEE or IBM floats.

    Returns
    -------
    dict
        The candidate with words for the user; empty where nothing was changed.
    """
    pair = (candidate.inline, candidate.crossline)
    if any(field.kind != "i4" for field in pair):
        return {}
    labels = [distinct(columns[field])[0] for field in pair]
    if all(usual_labels(numbers) for numbers in labels):
        return {}
    for name, read in (("IEEE", _ieee), ("IBM", _ibm)):
        if all(_are_whole(read(numbers.astype("int32"))) for numbers in labels):
            for field in pair:
                columns[field] = _read(columns[field], read)
            return {candidate: f"the line numbers at bytes {pair[0].byte} and {pair[1].byte} are "
                               f"{name} floats, and read as such"}
    return {}


def _are_whole(values: NDArray[np.float32]) -> bool:
    whole = np.isfinite(values) & (np.abs(values) < 1 << 24)
    # a tiny number is an integer that was read as a float
    return bool(whole.all() and (values == np.rint(values)).all() and values.any())


def _read(column: NDArray[np.signedinteger], read: _Reader) -> NDArray[np.int32]:
    if column.strides == (0,):
        number = read(column[:1].astype("int32")).astype("int32")
        return np.broadcast_to(number[0], column.shape)
    found = scratch.empty(len(column), "int32")
    for part in scratch.blocks(len(column)):
        found[part] = read(column[part].astype("int32"))
    return found


def _ieee(words: NDArray[np.int32]) -> NDArray[np.float32]:
    return words.view("float32")


def _ibm(words: NDArray[np.int32]) -> NDArray[np.float32]:
    bits = np.empty(len(words), "uint32")
    decode_ibm(np.ascontiguousarray(words).view("uint32"), bits)
    return bits.view("float32")
