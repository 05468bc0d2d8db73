"""Put what a store holds into the bytes of a SEG-Y file: headers, samples, and what lies beside.

Beside the amplitude lie raw words that decoding loses, and traces that share a cell with another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.product import Product
from seisproc.segy.scatter import scatter
from seisproc.shards import ShardedArray
from seisproc.survey import Survey

HEADER_BLOCK = 1 << 16
RESIDUAL_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class File:
    """One file to write: the traces [first, stop) of the store between two runs of raw bytes."""

    url: str
    first: int
    stop: int
    prefix: NDArray[np.uint8]
    suffix: NDArray[np.uint8]
    trace_bytes: int

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return len(self.prefix) + (self.stop - self.first) * self.trace_bytes + len(self.suffix)


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
    def read(cls, survey: Survey, file: File) -> _Shared:
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


@dataclass(frozen=True, eq=False)
class TraceWriter:
    """Writes a volume of a survey into the bytes of one file.

    Attributes
    ----------
    survey : Survey
    product : Product
        The volume.
    file : File
    content : uint8 (file.size,)
        The file, writable.
    """

    survey: Survey
    product: Product
    file: File
    content: NDArray[np.uint8]

    @cached_property
    def shared(self) -> _Shared:
        """Traces of the file that share a cell."""
        return _Shared.read(self.survey, self.file)

    @cached_property
    def shift(self) -> NDArray[np.int32] | None:
        """Sample of the axis where each trace starts; None where all start at its first."""
        return self.survey.read("trace_shift") if self.survey.has("trace_shift") else None

    @cached_property
    def samples(self) -> int:
        """Samples of a trace in the file."""
        return int(self.survey.attributes["segy"]["samples"])

    @cached_property
    def _header_bytes(self) -> int:
        return int(self.survey.attributes["segy"]["header_bytes"])

    def write_headers(self) -> None:
        """Write everything but the samples."""
        file, content = self.file, self.content
        content[: len(file.prefix)] = file.prefix
        content[len(content) - len(file.suffix) :] = file.suffix
        count = file.stop - file.first
        data = content[len(file.prefix) : len(file.prefix) + count * file.trace_bytes]
        traces = data.reshape(count, file.trace_bytes)
        stored = self.survey.array("trace_header")
        for first in range(file.first, file.stop, HEADER_BLOCK):
            headers = np.asarray(stored[first : min(first + HEADER_BLOCK, file.stop)])
            at = first - file.first
            traces[at : at + len(headers), : headers.shape[1]] = headers

    def write_box(self, box: tuple[slice, ...]) -> None:
        """Write the samples of one box of cells, a whole shard, as far as they are the file's."""
        *lateral, depth = box
        index = np.asarray(self.survey.array("trace_index")[tuple(lateral)])
        inside = (index >= self.file.first) & (index < self.file.stop)
        if not inside.any() and not len(self.shared.trace):
            return
        for start, values in self._pieces(box):
            *first, k = start
            cells = tuple(
                slice(at, at + n) for at, n in zip(first, values.shape[:-1], strict=True)
            )
            traces = np.where(inside[cells], index[cells], -1)
            # a piece may reach beyond the volume, as the outermost chunks do
            here = values[(*map(slice, traces.shape), slice(depth.stop - depth.start - k))]
            flat = here.reshape(traces.shape[0], -1, here.shape[-1])
            self._write(flat, traces.reshape(flat.shape[:2]), depth.start + k)
            if len(self.shared.trace) and not self.product.is_source:
                place = tuple(cut.start + at for cut, at in zip(lateral, first, strict=True))
                also = self.shared.inside(place, here.shape[:-1])
                within = tuple(
                    at[also] - begin for at, begin in zip(self.shared.cell, place, strict=True)
                )
                self._write(here[within][None], self.shared.trace[also][None], depth.start + k)

    def _pieces(
        self, box: tuple[slice, ...]
    ) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
        """Yield places within a box and the values there; amplitude chunk by chunk, as stored.

        A piece may reach beyond the volume, as the outermost chunks do.
        """
        if not self.product.is_source:
            yield (0,) * len(box), self.product.values(box)
            return
        stored = ShardedArray(f"{self.survey.url}/{self.product.variable}")
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

    def _write(self, values: NDArray[Any], traces: NDArray[np.int64], first: int) -> None:
        """Write samples from ``first`` of the axis on into traces (i, j), of which -1 is none."""
        form, order = self.product.form, self.product.byte_order
        live = traces >= 0
        if self.shift is None:
            begins = np.where(live, self._starts(traces, first), -1)
            scatter(values, begins, form, order, self.content)
            return
        starts = np.where(live, self.shift[np.maximum(traces, 0)], -1)
        for start in np.unique(starts[live]).tolist():
            begin, end = max(first, start), min(first + values.shape[-1], start + self.samples)
            if begin < end:
                begins = np.where(starts == start, self._starts(traces, begin - start), -1)
                part = values[..., begin - first : end - first]
                scatter(part, begins, form, order, self.content)

    def _starts(self, trace: NDArray[np.int64], sample: int) -> NDArray[np.int64]:
        """Byte in the file of one sample of each trace."""
        file = self.file
        within = len(file.prefix) + self._header_bytes + sample * self.product.form.size
        return within + (trace - file.first) * file.trace_bytes

    def restore_residual(self) -> None:
        """Put back the raw words that decoding and encoding does not give."""
        if not self.survey.has("sample_residual_index"):
            return
        file, size = self.file, self.product.form.size
        mark = ">" if self.product.byte_order == "big" else "<"
        index, word = (
            self.survey.array(f"sample_residual_{name}") for name in ("index", "word")
        )
        for first in range(0, index.shape[0], RESIDUAL_BLOCK):
            part = slice(first, first + RESIDUAL_BLOCK)
            trace, sample = np.divmod(np.asarray(index[part]), self.samples)
            inside = (trace >= file.first) & (trace < file.stop)
            starts = self._starts(trace[inside], 0) + sample[inside] * size
            words = np.asarray(word[part])[inside]
            raw = words.astype(f"{mark}u{size}").view("uint8").reshape(-1, size)
            for byte in range(size):
                self.content[starts + byte] = raw[:, byte]

    def restore_shared(self) -> None:
        """Put back the samples of traces that share a cell, as they stood in the source."""
        shared = self.shared
        if not len(shared.trace):
            return
        stored = self.survey.array("other_samples")
        block = stored.chunks[0]
        starts = self._starts(shared.trace, 0)
        for first in range(0, stored.shape[0], block):
            mine = np.flatnonzero((shared.row >= first) & (shared.row < first + block))
            if len(mine):
                raw = np.asarray(stored[first : first + block])
                for number in mine.tolist():
                    begin = starts[number]
                    self.content[begin : begin + raw.shape[1]] = raw[shared.row[number] - first]
