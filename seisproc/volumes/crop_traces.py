"""What belongs to traces rather than to cells, cut to a part: shared traces, words aside."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.layout import FORMATS
from seisproc.survey import create_array, write_array
from seisproc.volumes.cut import Cut
from seisproc.volumes.parts import FLAT_CHUNK

RESIDUAL_BLOCK = 1 << 20
OTHER_BYTES = 1 << 24


def write_others(cut: Cut, target: str) -> None:
    """Keep the traces that share a cell with another one, cut as the rest."""
    survey = cut.survey
    cells = np.unravel_index(survey.read("other_cell")[cut.others], survey.live.shape)
    moved = tuple(at - part.start for at, part in zip(cells, cut.box[:-1], strict=True))
    place = np.ravel_multi_index(moved, cut.live.shape).astype("int64")
    trace = np.searchsorted(cut.kept, survey.read("other_trace")[cut.others]).astype("int64")
    write_array(target, "other_trace", trace, ("other",))
    write_array(target, "other_cell", place, ("other",))
    size = FORMATS[int(cut.segy["sample_format"])].size
    samples = cut.samples if cut.is_short else slice(0, int(cut.segy["samples"]))
    stored = survey.array("other_samples")
    width = size * (samples.stop - samples.start)
    rows = max(1, min(len(cut.others), OTHER_BYTES // max(1, width)))
    array = create_array(
        target, "other_samples", (len(cut.others), width), "uint8", ("other", "sample_byte"),
        chunks=(rows, width),
    )
    shifted = cut.is_short and survey.has("trace_shift")
    shift = survey.read("trace_shift") if shifted else None
    numbers = survey.read("other_trace")[cut.others]
    for begin in range(0, len(cut.others), rows):
        part = cut.others[begin : begin + rows]
        raw = np.asarray(stored.oindex[part, :])
        if shift is None:
            block = raw[:, size * samples.start : size * samples.stop]
        else:
            starts = size * (samples.start - shift[numbers[begin : begin + rows]])
            block = np.stack([row[at : at + width] for row, at in zip(raw, starts, strict=True)])
        array[begin : begin + rows] = block


def write_residual(cut: Cut, target: str) -> None:
    """Keep the raw words that encoding does not give back, of the kept samples."""
    total = sum(len(index) for index, _ in _residual(cut))
    if not total:
        return
    chunk = (min(total, FLAT_CHUNK),)
    index = create_array(target, "sample_residual_index", (total,), "int64", ("residual",),
                         chunks=chunk)
    word = create_array(target, "sample_residual_word", (total,), "uint64", ("residual",),
                        chunks=chunk)
    done = 0
    for places, words in _residual(cut):
        index[done : done + len(places)] = places
        word[done : done + len(places)] = words
        done += len(places)


def _residual(cut: Cut) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
    """Places, trace * samples + sample of the part, and words, block by block."""
    survey = cut.survey
    if not survey.has("sample_residual_index"):
        return
    index, word = survey.array("sample_residual_index"), survey.array("sample_residual_word")
    whole, kept = int(cut.segy["samples"]), cut.kept
    shift = survey.read("trace_shift") if survey.has("trace_shift") and cut.is_short else None
    first, stop = (cut.samples.start, cut.samples.stop) if cut.is_short else (0, whole)
    for begin in range(0, index.shape[0], RESIDUAL_BLOCK):
        part = slice(begin, begin + RESIDUAL_BLOCK)
        trace, sample = np.divmod(np.asarray(index[part]), whole)
        if shift is not None:
            sample = sample + shift[trace]
        at = np.minimum(np.searchsorted(kept, trace), len(kept) - 1)
        inside = (kept[at] == trace) & (sample >= first) & (sample < stop)
        places = at[inside] * (stop - first) + sample[inside] - first
        yield places.astype("int64"), np.asarray(word[part])[inside]
