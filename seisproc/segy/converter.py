"""Converting one column of shards: gathered, decoded, counted and written from top to bottom."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.jobs import Task
from seisproc.pieces import require_current
from seisproc.records import write_atomic
from seisproc.segy.decode import decode
from seisproc.segy.gather import gather, residuals
from seisproc.segy.piece_io import CHECKSUM_DIGITS, by_file, job_array, job_shards, raw_samples
from seisproc.segy.plan import IngestJob
from seisproc.statistics import Tally
from seisproc.volume import tiles


class ColumnConverter:
    """State of one column while its shards are converted from top to bottom."""

    def __init__(
        self, job: IngestJob, task: Task, index: NDArray[np.int64], write: bool
    ) -> None:
        self.job, self.task, self.index = job, task, index
        self.write = write
        self.array = job_shards(job, "amplitude")
        self.tally = Tally.empty(job.dtype)
        self.nonzero = np.zeros(index.shape, bool)
        self.energy = np.zeros(index.shape, "float64")
        self.digest = hashlib.sha256()
        self.residual: list[NDArray[np.uint64]] = []
        self.shared = _Shared.read(job, task) if job.averaged else None
        self.shift = np.asarray(job_array(job, "trace_shift")[...]) if job.shifted else None

    def convert(self, first: int, stop: int) -> None:
        """Convert one shard: samples [first, stop) of the column."""
        job = self.job
        *lateral, edge = job.chunks
        depth = -(-(stop - first) // edge)
        # the loops see a map of traces: what lies between first and last axis is one
        face = (lateral[0], math.prod(lateral[1:]))
        bundle = np.empty((depth, *face, edge), job.dtype)
        encoded: dict[tuple[int, ...], bytes] = {}
        for cuts in tiles(self.index.shape, tuple(lateral)):
            cells = _padded(self.index[cuts], tuple(lateral)).reshape(face)
            live = cells >= 0
            if not live.any():
                continue
            if not live.all() or (stop - first) % edge or job.shifted:
                bundle[...] = self.array.fill
            self._gather(cells, first, stop, bundle)
            if self.shared is not None:
                self._average(self.shared, cells, first, stop, bundle)
            if not self.write:
                continue
            seen, energy = np.zeros(face, bool), np.zeros(face, "float64")
            self.tally.add(bundle, live, stop - first, seen, energy)
            inside = tuple(map(slice, self.index[cuts].shape))
            self.nonzero[cuts] |= seen.reshape(lateral)[inside]
            self.energy[cuts] += energy.reshape(lateral)[inside]
            position = tuple(cut.start // size for cut, size in zip(cuts, lateral, strict=True))
            for k in range(depth):
                chunk = self.array.encode(bundle[k])
                if chunk is not None:
                    encoded[(*position, k)] = chunk
        if self.write:
            begin = (*self.task.first, first)
            place = [at // size for at, size in zip(begin, job.shards, strict=True)]
            require_current(job)
            self.array.write(place, encoded)

    def _gather(
        self, cells: NDArray[np.int64], first: int, stop: int, bundle: NDArray[Any]
    ) -> None:
        """Fill a bundle of chunks with samples [first, stop) of the axis."""
        if self.shift is None:
            self._gather_samples(cells, first, stop, bundle)
            return
        live = cells >= 0
        starts = np.where(live, self.shift[np.maximum(cells, 0)], -1)
        for start in np.unique(starts[live]).tolist():
            begin = max(first, start)
            end = min(stop, start + self.job.layouts[0].samples)
            if begin < end:
                mine = starts == start
                part = np.empty_like(bundle)
                alike = np.where(mine, cells, -1)
                self._gather_samples(alike, begin - start, end - start, part)
                _put_shifted(part, mine, end - begin, bundle, begin - first)

    def _gather_samples(
        self, cells: NDArray[np.int64], first: int, stop: int, bundle: NDArray[Any]
    ) -> None:
        """Fill a bundle with samples [first, stop) of traces, from whichever files they lie in."""
        for number, layout, traces in by_file(self.job, cells):
            size = layout.sample_format.size
            offset = layout.data_offset + layout.header_bytes + first * size
            live = traces >= 0
            starts = np.full(traces.shape, -1, "int64")
            wanted = offset + traces[live] * layout.trace_bytes
            buffer, starts[live] = layout.source.fetch(wanted, (stop - first) * size)
            arguments = (buffer, starts, layout.sample_format, layout.byte_order, stop - first)
            content, doubtful = gather(*arguments, bundle)
            self.digest.update(content.to_bytes(8, "little"))
            if doubtful:
                where, what = residuals(*arguments)
                trace = traces.reshape(-1)[where[:, 0]] + self.job.bounds[number]
                sample = trace * layout.samples + first + where[:, 1]
                self.residual.append(np.stack([sample.astype("uint64"), what], axis=1))

    def _average(
        self, shared: _Shared, cells: NDArray[np.int64], first: int, stop: int,
        bundle: NDArray[Any],
    ) -> None:
        """Put the mean of its traces into every cell that several share."""
        for i, j in np.argwhere(np.isin(cells, shared.firsts)).tolist():
            raw = raw_samples(self.job, shared.traces_with(cells[i, j]))
            form = self.job.layouts[0]
            values = decode(raw, form.sample_format.code, form.byte_order)[:, first:stop]
            mean = values.mean(axis=0, dtype="float64")
            if self.job.dtype.kind != "f":
                mean = np.rint(mean)
            depth, edge = len(bundle), bundle.shape[-1]
            padded = np.full(depth * edge, self.array.fill, self.job.dtype)
            padded[: stop - first] = mean.astype(self.job.dtype)
            bundle[:, i, j] = padded.reshape(depth, edge)

    def checksum(self) -> str:
        """Hash of all source words of the column."""
        return self.digest.hexdigest()[:CHECKSUM_DIGITS]

    def finish(self) -> dict[str, Any]:
        """Write the traces' rms, the residual aside, and hand over what the record holds."""
        live = self.index >= 0
        # what surrounds a shifted trace is no sample of the survey
        absent = self.job.shape[-1] - self.job.layouts[0].samples
        self.tally.discount(absent * int(np.count_nonzero(live)))
        self.tally.zero_traces = int(np.count_nonzero(live & ~self.nonzero))
        if self.write:
            rms = np.sqrt(self.energy / self.job.layouts[0].samples)
            require_current(self.job)
            stored = job_array(self.job, "trace_rms")
            stored[self.task.cells] = np.where(live, rms, np.nan).astype("float32")
        found = np.concatenate(self.residual) if self.residual else np.empty((0, 2), "uint64")
        if len(found) and self.write:
            content = io.BytesIO()
            np.save(content, found[np.argsort(found[:, 0])])
            write_atomic(residual_url(self.job, self.task.key), content.getvalue())
        return {"statistics": self.tally.to_payload(), "residual": len(found)}


@dataclass(frozen=True, eq=False)
class _Shared:
    """Traces of a column's inlines that share cells.

    Attributes
    ----------
    traces : int64 (n,)
        Numbers in file order, cell by cell.
    begins : int64 (cells + 1,)
        Where in ``traces`` those of a cell begin; the cells by their first traces, rising.
    firsts : int64 (cells,)
        First trace of each cell.
    """

    traces: NDArray[np.int64]
    begins: NDArray[np.int64]
    firsts: NDArray[np.int64]

    @classmethod
    def read(cls, job: IngestJob, task: Task) -> _Shared:
        traces, cells = (
            np.asarray(job_array(job, name)[...])
            for name in ("other_trace", "other_cell")
        )
        width = math.prod(job.shape[1:-1])
        mine = (cells >= task.first[0] * width) & (cells < task.stop[0] * width)
        traces, cells = traces[mine], cells[mine]
        _, at, number, counts = np.unique(
            cells, return_index=True, return_inverse=True, return_counts=True
        )
        order = np.argsort(traces[at][number], kind="stable")
        rising = np.argsort(traces[at])
        begins = np.concatenate([[0], np.cumsum(counts[rising])])
        return cls(traces[order], begins, traces[at][rising])

    def traces_with(self, first: int) -> NDArray[np.int64]:
        """All traces of the cell whose first trace is given."""
        number = int(np.searchsorted(self.firsts, first))
        return self.traces[self.begins[number] : self.begins[number + 1]]


def _put_shifted(
    part: NDArray[Any], mine: NDArray[np.bool_], length: int, bundle: NDArray[Any], at: int
) -> None:
    """Move the first samples of some traces of one bundle to another place in a second one."""
    depth, edge = bundle.shape[0], bundle.shape[-1]
    source = part.transpose(1, 2, 0, 3)[mine].reshape(-1, depth * edge)
    target = bundle.transpose(1, 2, 0, 3)[mine].reshape(-1, depth * edge)
    target[:, at : at + length] = source[:, :length]
    bundle.transpose(1, 2, 0, 3)[mine] = target.reshape(-1, depth, edge)


def _padded(cells: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Cells of a chunk that the survey's edge cuts, filled up with -1."""
    if cells.shape == shape:
        return cells
    wide = np.full(shape, -1, "int64")
    wide[tuple(map(slice, cells.shape))] = cells
    return wide


def residual_url(job: IngestJob, key: str) -> str:
    """Where a column's residual waits until the survey is finished: uint64 (n, 2)."""
    return f"{job.work}/residual-{key}.npy"
