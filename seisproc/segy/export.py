"""A volume of a survey store out to SEG-Y, on the headers of the source and in its trace order.

The amplitude gives the source back, byte for byte. Other volumes keep all headers but say in the
text header what they are; their sample format is chosen for what they hold (:mod:`product`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import OutputExistsError, StoreError
from seisproc.places import open_place, reaching
from seisproc.segy.mapped import new_file
from seisproc.segy.product import Product, describe_product, product_header
from seisproc.segy.scatter import scatter
from seisproc.segy.shards import ShardedArray
from seisproc.survey import Survey
from seisproc.volume import tiles

Progress = Callable[[int, int], None]

HEADER_BLOCK = 1 << 16
RESIDUAL_BLOCK = 1 << 20
THREADS = 4
"""Shards read at a time at most: one takes some 50 MiB."""


@dataclass(frozen=True)
class ExportReceipt:
    """What an export wrote.

    Attributes
    ----------
    output : str
        The SEG-Y file, or the folder of several.
    variable : str
        Path of the volume in the store.
    files, traces, size : int
        Files, traces and bytes written.
    sample_format : int
        Format code of the samples.
    """

    output: str
    variable: str
    files: int
    traces: int
    size: int
    sample_format: int


@dataclass(frozen=True, eq=False)
class _File:
    """One file to write: the traces [first, stop) of the store between two runs of raw bytes."""

    url: str
    first: int
    stop: int
    prefix: NDArray[np.uint8]
    suffix: NDArray[np.uint8]
    trace_bytes: int

    @property
    def size(self) -> int:
        return len(self.prefix) + (self.stop - self.first) * self.trace_bytes + len(self.suffix)


def export(
    store_url: str,
    output: str,
    *,
    variable: str = "amplitude",
    samples_as: str = "native",
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> ExportReceipt:
    """Write a volume of a survey store as SEG-Y.

    Parameters
    ----------
    store_url : str
        The survey store.
    output : str
        The file to write. For a survey made from several files, a name that ends in ``/`` is a
        folder that gets them all under their own names; else they are joined into one.
    variable : str
        ``amplitude``, or e.g. ``interpretation/demo/fault``, ``labels/truth/facies``. One class of
        a probability volume is named by its code: ``interpretation/demo/facies_probability/2``.
    samples_as : str
        ``native`` (the amplitude gives the source back), ``float32`` (IEEE) or ``int16`` (scaled;
        the text header says how).
    overwrite : bool
        Replace what is at ``output``.
    on_progress : callable, optional
        Told (done, total) boxes.

    Raises
    ------
    StoreError
        If the store has no such volume.
    OutputExistsError
        If the output exists.
    SpaceError
        If the disk is too small.
    """
    survey = Survey(store_url)
    product = describe_product(survey, variable, samples_as)
    files = _plan(survey, product, output)
    for file in files:
        fs, path = open_place(file.url)
        with reaching(file.url):
            exists = fs.exists(path)
        if exists and not overwrite:
            raise OutputExistsError(
                f"{file.url} is already there", do="Give --overwrite to replace it"
            )
    shape = survey.amplitude.shape
    shards = product.array.shards or product.array.shape
    work = tiles(shape, shards[-len(shape) :])
    total, done = len(work) * len(files), 0
    for file in files:
        with new_file(file.url, file.size) as content:
            _write_headers(survey, file, content)
            shared = _Shared.read(survey, file)
            shift = survey.read("trace_shift") if survey.has("trace_shift") else None
            write = partial(_write_box, survey, product, file, shared, shift, content)
            for _ in _on_threads(write, work):
                done += 1
                if on_progress is not None:
                    on_progress(done, total)
            if product.is_source:
                _restore_residual(survey, product, file, content)
                _restore_shared(survey, product, file, shared, content)
    traces = sum(file.stop - file.first for file in files)
    size = sum(file.size for file in files)
    return ExportReceipt(output, variable, len(files), traces, size, product.form.code)


def _plan(survey: Survey, product: Product, output: str) -> list[_File]:
    """Split the traces over files, each with its raw bytes before and after."""
    segy = survey.attributes.get("segy")
    if segy is None:
        raise StoreError(
            f"{survey.url} was not made from SEG-Y: it has no headers to export on",
            do="Write a new file with `create_segy`",
        )
    samples = int(segy["samples"])
    trace_bytes = int(segy["header_bytes"]) + samples * product.form.size
    prefix, suffix = survey.read("file_prefix"), survey.read("file_suffix")
    found: list[_File] = []
    trace = at = end = 0
    for source in survey.attributes["source"]:
        head = prefix[at : at + source["prefix_bytes"]]
        tail = suffix[end : end + source["suffix_bytes"]]
        at, end = at + len(head), end + len(tail)
        if not product.is_source:
            head = product_header(survey, product, head)
        stop = trace + source["traces"]
        url = output + source["name"] if output.endswith("/") else output
        found.append(_File(url, trace, stop, head, tail, trace_bytes))
        trace = stop
    if output.endswith("/") or len(found) == 1:
        return found
    first, last = found[0], found[-1]
    return [_File(output, 0, last.stop, first.prefix, last.suffix, trace_bytes)]


def _on_threads(
    write: Callable[[tuple[slice, ...]], None], work: list[tuple[slice, ...]]
) -> Iterator[None]:
    """Write boxes on a few threads: their traces lie apart, and the loops release the lock."""
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(min(THREADS, cores), thread_name_prefix="export") as pool:
        try:
            yield from pool.map(write, work)
        finally:
            pool.shutdown(cancel_futures=True)


def _write_headers(survey: Survey, file: _File, content: NDArray[np.uint8]) -> None:
    """Write everything but the samples."""
    content[: len(file.prefix)] = file.prefix
    content[len(content) - len(file.suffix) :] = file.suffix
    count = file.stop - file.first
    data = content[len(file.prefix) : len(file.prefix) + count * file.trace_bytes]
    traces = data.reshape(count, file.trace_bytes)
    stored = survey.array("trace_header")
    for first in range(file.first, file.stop, HEADER_BLOCK):
        headers = np.asarray(stored[first : min(first + HEADER_BLOCK, file.stop)])
        at = first - file.first
        traces[at : at + len(headers), : headers.shape[1]] = headers


@dataclass(frozen=True, eq=False)
class _Shared:
    """Traces of a file that share a cell with another one.

    Attributes
    ----------
    row : int64 (n,)
        Where their samples are kept.
    trace : int64 (n,)
        Number in file order, through all files.
    cell : tuple of int64 (n,)
        Lateral index, one array an axis.
    """

    row: NDArray[np.int64]
    trace: NDArray[np.int64]
    cell: tuple[NDArray[np.int64], ...]

    @classmethod
    def read(cls, survey: Survey, file: _File) -> _Shared:
        if not survey.has("other_trace"):
            nothing = np.empty(0, "int64")
            return cls(nothing, nothing, (nothing,) * (survey.amplitude.ndim - 1))
        trace, cell = survey.read("other_trace"), survey.read("other_cell")
        row = np.flatnonzero((trace >= file.first) & (trace < file.stop))
        return cls(row, trace[row], np.unravel_index(cell[row], survey.amplitude.shape[:-1]))

    def inside(self, first: tuple[int, ...], extent: tuple[int, ...]) -> NDArray[np.int64]:
        """Which of them lie in a box of cells."""
        found = np.ones(len(self.trace), bool)
        for at, begin, length in zip(self.cell, first, extent, strict=True):
            found &= (at >= begin) & (at < begin + length)
        return np.flatnonzero(found)


def _write_box(
    survey: Survey, product: Product, file: _File, shared: _Shared,
    shift: NDArray[np.int32] | None, content: NDArray[np.uint8], box: tuple[slice, ...],
) -> None:
    """Write the samples of one box of cells, a whole shard, as far as they belong to the file."""
    *lateral, depth = box
    index = np.asarray(survey.array("trace_index")[tuple(lateral)])
    inside = (index >= file.first) & (index < file.stop)
    if not inside.any() and not len(shared.trace):
        return
    for start, values in _pieces(survey, product, box):
        *first, k = start
        cells = tuple(slice(at, at + n) for at, n in zip(first, values.shape[:-1], strict=True))
        traces = np.where(inside[cells], index[cells], -1)
        # a piece may reach beyond the volume, as the outermost chunks do
        here = values[(*map(slice, traces.shape), slice(depth.stop - depth.start - k))]
        flat = here.reshape(traces.shape[0], -1, here.shape[-1])
        target = (survey, product, file, shift, content)
        _write_traces(*target, flat, traces.reshape(flat.shape[:2]), depth.start + k)
        if len(shared.trace) and not product.is_source:
            place = [cut.start + at for cut, at in zip(lateral, first, strict=True)]
            also = shared.inside(tuple(place), here.shape[:-1])
            within = tuple(at[also] - begin for at, begin in zip(shared.cell, place, strict=True))
            _write_traces(*target, here[within][None], shared.trace[also][None], depth.start + k)


def _write_traces(
    survey: Survey, product: Product, file: _File, shift: NDArray[np.int32] | None,
    content: NDArray[np.uint8], values: NDArray[Any], traces: NDArray[np.int64], first: int,
) -> None:
    """Write samples from ``first`` of the axis on into traces (i, j), of which -1 is none."""
    form, order = product.form, product.byte_order
    live = traces >= 0
    if shift is None:
        begins = np.where(live, _sample_starts(survey, product, file, traces, first), -1)
        scatter(values, begins, form, order, content)
        return
    starts = np.where(live, shift[np.maximum(traces, 0)], -1)
    for start in np.unique(starts[live]).tolist():
        begin = max(first, start)
        end = min(first + values.shape[-1], start + int(survey.attributes["segy"]["samples"]))
        if begin < end:
            places = _sample_starts(survey, product, file, traces, begin - start)
            part = values[..., begin - first : end - first]
            scatter(part, np.where(starts == start, places, -1), form, order, content)


def _pieces(
    survey: Survey, product: Product, box: tuple[slice, ...]
) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
    """Yield places within a box and the values there; amplitude chunk by chunk, as it is stored.

    A piece may reach beyond the volume, as the outermost chunks do.
    """
    if not product.is_source:
        yield (0,) * len(box), product.values(box)
        return
    stored = ShardedArray(f"{survey.url}/{product.variable}")
    edge = stored.chunk_shape
    shard = [cut.start // size for cut, size in zip(box, stored.shard_shape, strict=True)]
    missing = set(np.ndindex(*stored.per_shard))
    for position, chunk in stored.read(shard):
        missing.remove(position)
        yield tuple(a * size for a, size in zip(position, edge, strict=True)), chunk
    empty = np.full(edge, stored.fill, stored.dtype)
    for position in sorted(missing):
        place = tuple(a * size for a, size in zip(position, edge, strict=True))
        if all(at < cut.stop - cut.start for at, cut in zip(place, box, strict=True)):
            yield place, empty


def _restore_shared(
    survey: Survey, product: Product, file: _File, shared: _Shared, content: NDArray[np.uint8]
) -> None:
    """Put back the samples of traces that share a cell, as they stood in the source."""
    if not len(shared.trace):
        return
    stored = survey.array("other_samples")
    block = stored.chunks[0]
    starts = _sample_starts(survey, product, file, shared.trace, 0)
    for first in range(0, stored.shape[0], block):
        mine = np.flatnonzero((shared.row >= first) & (shared.row < first + block))
        if len(mine):
            raw = np.asarray(stored[first : first + block])
            for number in mine.tolist():
                begin = starts[number]
                content[begin : begin + raw.shape[1]] = raw[shared.row[number] - first]


def _sample_starts(
    survey: Survey, product: Product, file: _File, trace: NDArray[np.int64], sample: int
) -> NDArray[np.int64]:
    """Byte in the file of one sample of each trace."""
    header_bytes = int(survey.attributes["segy"]["header_bytes"])
    within = len(file.prefix) + header_bytes + sample * product.form.size
    return within + (trace - file.first) * file.trace_bytes


def _restore_residual(
    survey: Survey, product: Product, file: _File, content: NDArray[np.uint8]
) -> None:
    """Put back the raw words that decoding and encoding does not give."""
    for index, words in _residual_blocks(survey):
        trace, sample = np.divmod(index, int(survey.attributes["segy"]["samples"]))
        inside = (trace >= file.first) & (trace < file.stop)
        trace, sample = trace[inside], sample[inside]
        size = product.form.size
        starts = _sample_starts(survey, product, file, trace, 0) + sample * size
        mark = ">" if product.byte_order == "big" else "<"
        raw = words[inside].astype(f"{mark}u{size}").view("uint8").reshape(-1, size)
        for byte in range(size):
            content[starts + byte] = raw[:, byte]


def _residual_blocks(survey: Survey) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    if not survey.has("sample_residual_index"):
        return
    index: zarr.Array[Any] = survey.array("sample_residual_index")
    word: zarr.Array[Any] = survey.array("sample_residual_word")
    for first in range(0, index.shape[0], RESIDUAL_BLOCK):
        part = slice(first, first + RESIDUAL_BLOCK)
        yield np.asarray(index[part]), np.asarray(word[part])
