"""The two tasks of an ingest: convert a column of shards, and copy a block of trace headers.

A task writes whole chunks and shards that no other task touches, so it may be run again at any
time. It reports a hash of the source bytes that it used.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.records import Records, write_atomic
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.gather import gather, residuals
from seisproc.segy.plan import IngestJob, Task
from seisproc.segy.shards import ShardedArray, as_space_error
from seisproc.segy.statistics import Tally

CHECKSUM_DIGITS = 32


@dataclass(frozen=True)
class TaskResult:
    """What a task reports: its key and the hash of the source bytes it used."""

    key: str
    checksum: str


def run_task(job: IngestJob, task: Task) -> TaskResult:
    """Convert one piece and record it as done."""
    return _run(job, task, write=True)


def check_task(job: IngestJob, task: Task) -> TaskResult:
    """Hash the source bytes of one piece without writing anything."""
    return _run(job, task, write=False)


def _run(job: IngestJob, task: Task, *, write: bool) -> TaskResult:
    try:
        body = _column if task.kind == "column" else _headers
        checksum, payload = body(job, task, write)
        if write:
            Records(job.work).mark(task.key, "done", checksum, payload)
    except OSError as error:
        raise as_space_error(error, job.target) from error
    return TaskResult(task.key, checksum)


def _headers(job: IngestJob, task: Task, write: bool) -> tuple[str, dict[str, Any]]:
    first, stop = task.first[0], task.stop[0]
    block = np.concatenate(
        [
            layout.headers(max(first, start) - start, min(stop, end) - start)
            for layout, start, end in zip(
                job.layouts, job.bounds[:-1].tolist(), job.bounds[1:].tolist(), strict=True
            )
            if start < stop and end > first
        ]
    )
    checksum = hashlib.sha256(block.tobytes()).hexdigest()[:CHECKSUM_DIGITS]
    if write:
        zarr.open_array(f"{job.target}/trace_header", mode="r+")[first:stop] = block
    return checksum, {}


def _column(job: IngestJob, task: Task, write: bool) -> tuple[str, dict[str, Any]]:
    (i0, j0), (i1, j1) = task.first, task.stop
    stored = zarr.open_array(f"{job.target}/trace_index", mode="r")
    index = np.asarray(stored[i0:i1, j0:j1])
    converter = _ColumnConverter(job, task, index, write)
    for first in range(0, job.shape[2], job.shards[2]):
        converter.convert(first, min(first + job.shards[2], job.shape[2]))
    return converter.checksum(), converter.finish()


class _ColumnConverter:
    """State of one column while its shards are converted from top to bottom."""

    def __init__(
        self, job: IngestJob, task: Task, index: NDArray[np.int64], write: bool
    ) -> None:
        self.job, self.task, self.index = job, task, index
        self.write = write
        self.array = ShardedArray(f"{job.target}/amplitude")
        self.tally = Tally.empty(job.dtype)
        self.nonzero = np.zeros(index.shape, bool)
        self.digest = hashlib.sha256()
        self.residual: list[NDArray[np.uint64]] = []

    def convert(self, first: int, stop: int) -> None:
        """Convert one shard: samples [first, stop) of the column."""
        job = self.job
        edge_i, edge_j, edge_k = job.chunks
        depth = -(-(stop - first) // edge_k)
        bundle = np.empty((depth, edge_i, edge_j, edge_k), job.dtype)
        encoded: dict[tuple[int, ...], bytes] = {}
        for i in range(0, self.index.shape[0], edge_i):
            for j in range(0, self.index.shape[1], edge_j):
                cells = self.index[i : i + edge_i, j : j + edge_j]
                live = cells >= 0
                if not live.any():
                    continue
                whole = cells.shape == (edge_i, edge_j) and (stop - first) % edge_k == 0
                if not (whole and live.all()):
                    bundle[...] = self.array.fill
                self._gather(cells, first, stop, bundle)
                if not self.write:
                    continue
                seen = self.nonzero[i : i + edge_i, j : j + edge_j]
                self.tally.add(bundle, live, stop - first, seen)
                for k in range(depth):
                    chunk = self.array.encode(bundle[k])
                    if chunk is not None:
                        encoded[(i // edge_i, j // edge_j, k)] = chunk
        if self.write:
            place = (
                self.task.first[0] // job.shards[0],
                self.task.first[1] // job.shards[1],
                first // job.shards[2],
            )
            self.array.write(place, encoded)

    def _gather(
        self, cells: NDArray[np.int64], first: int, stop: int, bundle: NDArray[Any]
    ) -> None:
        """Fill a bundle of chunks from whichever files its traces lie in."""
        for number, layout, traces in _by_file(self.job, cells):
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
                sample = trace * self.job.shape[2] + first + where[:, 1]
                self.residual.append(np.stack([sample.astype("uint64"), what], axis=1))

    def checksum(self) -> str:
        """Hash of all source words of the column."""
        return self.digest.hexdigest()[:CHECKSUM_DIGITS]

    def finish(self) -> dict[str, Any]:
        """Write the residual aside and hand over what the record holds."""
        live = self.index >= 0
        self.tally.zero_traces = int(np.count_nonzero(live & ~self.nonzero))
        found = np.concatenate(self.residual) if self.residual else np.empty((0, 2), "uint64")
        if len(found) and self.write:
            content = io.BytesIO()
            np.save(content, found[np.argsort(found[:, 0])])
            write_atomic(residual_url(self.job, self.task.key), content.getvalue())
        return {"statistics": self.tally.to_payload(), "residual": len(found)}


def residual_url(job: IngestJob, key: str) -> str:
    """Where a column's residual waits until the survey is finished: uint64 (n, 2)."""
    return f"{job.work}/residual-{key}.npy"


def _by_file(
    job: IngestJob, cells: NDArray[np.int64]
) -> Iterator[tuple[int, FileLayout, NDArray[np.int64]]]:
    """Split cells by source file: file number, its layout, trace within the file or -1."""
    live = cells[cells >= 0]
    for number in np.unique(np.searchsorted(job.bounds, live, side="right") - 1).tolist():
        first, stop = job.bounds[number], job.bounds[number + 1]
        inside = (cells >= first) & (cells < stop)
        yield number, job.layouts[number], np.where(inside, cells - first, -1)
