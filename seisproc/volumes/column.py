"""One piece of a volume's way into a store: a column of shards, read in blocks from top to bottom.

A piece writes whole chunks and shards that no other piece touches, so it may be run again at any
time. It reports a hash of what it read.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.jobs import Task, TaskResult, piece_bytes
from seisproc.pieces import require_current
from seisproc.records import Records
from seisproc.segy.decode import decode, encode
from seisproc.segy.layout import IBM
from seisproc.shards import ShardedArray, as_space_error
from seisproc.statistics import Tally
from seisproc.volume import tiles
from seisproc.volumes.parts import CHECKSUM_DIGITS, Part
from seisproc.volumes.reading import Reader

BLOCK_BYTES = 1 << 26
"""Most that is read at a time, 64 MiB, unless one shard is more: a common column is one block, and
what holds it compressed is unpacked once."""


@dataclass(frozen=True)
class VolumeJob:
    """What every piece must know; small, since it travels with each.

    Attributes
    ----------
    reader : Reader
        Reads the samples.
    target, work : str
        The store under construction, and the folder of its records.
    shape, chunks, shards : tuple of int
        Of the amplitude array; samples last.
    finds_live : bool
        Which traces exist is found here: one of ``dead_value`` or NaN only does not.
    parts : tuple of Part
        What else is copied.
    checks_ibm : bool
        Samples that no IBM float holds are counted.
    """

    reader: Reader
    target: str
    work: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...]
    finds_live: bool
    dead_value: float | None
    parts: tuple[Part, ...] = ()
    checks_ibm: bool = False

    @property
    def piece_bytes(self) -> int:
        """Memory that a column takes at most, about: samples are read and written 8 bytes wide."""
        return piece_bytes(self.chunks, self.shards, 8)

    def tasks(self) -> list[Task]:
        """All tasks: columns first, they take longest."""
        columns = [
            Task("column", tuple(cut.start for cut in cuts), tuple(cut.stop for cut in cuts))
            for cuts in tiles(self.shape[:-1], self.shards[:-1])
        ]
        return [*columns, *(task for part in self.parts for task in part.tasks())]

    @property
    def block_samples(self) -> int:
        """Samples of a column that are read at a time: whole shards."""
        shard = math.prod(self.shards) * self.reader.dtype.itemsize
        return self.shards[-1] * max(1, BLOCK_BYTES // shard)


def run_task(job: VolumeJob, task: Task) -> TaskResult:
    """Convert one piece and record it as done."""
    return _run(job, task, write=True)


def check_task(job: VolumeJob, task: Task) -> TaskResult:
    """Hash what one piece reads without writing anything."""
    return _run(job, task, write=False)


def _run(job: VolumeJob, task: Task, *, write: bool) -> TaskResult:
    payload: dict[str, Any] = {}
    try:
        if task.kind == "column":
            column = _Column(job, task, write)
            column.convert()
            content = column.checksum()
            payload = column.finish()
        else:
            part = next(part for part in job.parts if part.kind == task.kind)
            if write:
                require_current(job)
            content = part.copy(job.target, task, write=write)
        if write:
            require_current(job)
            Records(job.work).mark(task.key, "done", content, payload)
    except OSError as error:
        raise as_space_error(error, job.target) from error
    return TaskResult(task.key, content)


class _Column:
    """State of one column while its shards are converted from top to bottom."""

    def __init__(self, job: VolumeJob, task: Task, write: bool) -> None:
        self.job, self.task, self.write = job, task, write
        self.cells = tuple(b - a for a, b in zip(task.first, task.stop, strict=True))
        self.array = ShardedArray(f"{job.target}/amplitude")
        self.tally = Tally.empty(job.reader.dtype)
        self.nonzero = np.zeros(self.cells, bool)
        self.energy = np.zeros(self.cells, "float64")
        self.digest = hashlib.sha256()
        self.no_ibm = 0
        self.live = np.ones(self.cells, bool)
        if not job.finds_live:
            stored = zarr.open_array(f"{job.target}/live", mode="r")
            self.live = np.asarray(stored[task.cells]).astype(bool)

    def convert(self) -> None:
        """Read the column, and write its shards."""
        blocks = [
            slice(first, min(first + self.job.block_samples, self.job.shape[-1]))
            for first in range(0, self.job.shape[-1], self.job.block_samples)
        ]
        is_float = self.job.reader.dtype.kind == "f"
        find = self.job.finds_live and (is_float or self.job.dead_value is not None)
        if find and self.write and len(blocks) > 1:
            # what a trace is shows at its end, and its first shard is written before that
            self.live = ~self._dead(self._read(depth) for depth in blocks)
            find = False
        for depth in blocks:
            block = self._read(depth)
            shards = range(0, block.shape[-1], self.job.shards[-1])
            for first in shards:  # whatever is read at a time, the hash is the same
                part = block[..., first : first + self.job.shards[-1]]
                self.digest.update(np.ascontiguousarray(part).data)
            if not self.write:
                continue
            if find:
                self.live = ~self._dead([block])
            if self.job.checks_ibm:
                again = decode(encode(block, IBM, "big"), IBM, "big")
                self.no_ibm += int(np.count_nonzero((again != block) & self.live[..., None]))
            for first in shards:
                self._shard(block[..., first : first + self.job.shards[-1]], depth.start + first)

    def _read(self, depth: slice) -> NDArray[Any]:
        return self.job.reader.read((*self.task.cells, depth))

    def _dead(self, blocks: Iterable[NDArray[Any]]) -> NDArray[np.bool_]:
        """Where all samples of a trace are NaN, or all are the dead value."""
        value = self.job.dead_value
        empty, flat = np.ones(self.cells, bool), np.full(self.cells, value is not None)
        for block in blocks:
            empty &= np.isnan(block).all(axis=-1)
            if value is not None:
                flat &= (block == value).all(axis=-1)
        return np.asarray(empty | flat)

    def _shard(self, values: NDArray[Any], first: int) -> None:
        """Write the shard whose samples these are, (lateral, sample), and count them."""
        *lateral, edge = self.job.chunks
        samples = values.shape[-1]
        depth = -(-samples // edge)
        # the loops see a map of traces: what lies between first and last axis is one
        face = (lateral[0], math.prod(lateral[1:]))
        bundle = np.empty((depth, *lateral, edge), values.dtype)
        encoded: dict[tuple[int, ...], bytes] = {}
        for cuts in tiles(self.cells, tuple(lateral)):
            live = self.live[cuts]
            if not live.any():
                continue
            inside = tuple(map(slice, live.shape))
            wide = np.zeros(tuple(lateral), bool)
            wide[inside] = live
            if not wide.all() or samples % edge:
                bundle[...] = self.array.fill
            for k in range(depth):
                part = values[(*cuts, slice(k * edge, (k + 1) * edge))]
                bundle[k][(*inside, slice(part.shape[-1]))] = part
            if not live.all():
                bundle[:, ~wide] = self.array.fill
            seen, energy = np.zeros(face, bool), np.zeros(face, "float64")
            self.tally.add(
                bundle.reshape(depth, *face, edge), wide.reshape(face), samples, seen, energy
            )
            self.nonzero[cuts] |= seen.reshape(lateral)[inside]
            self.energy[cuts] += energy.reshape(lateral)[inside]
            position = tuple(cut.start // size for cut, size in zip(cuts, lateral, strict=True))
            for k in range(depth):
                chunk = self.array.encode(bundle[k])
                if chunk is not None:
                    encoded[(*position, k)] = chunk
        begin = (*self.task.first, first)
        place = [at // size for at, size in zip(begin, self.job.shards, strict=True)]
        require_current(self.job)
        self.array.write(place, encoded)

    def checksum(self) -> str:
        """Hash of all that was read of the column."""
        return self.digest.hexdigest()[:CHECKSUM_DIGITS]

    def finish(self) -> dict[str, Any]:
        """Write the traces' rms and which of them exist; hand over what the record holds."""
        self.tally.zero_traces = int(np.count_nonzero(self.live & ~self.nonzero))
        if self.write:
            rms = np.sqrt(self.energy / self.job.shape[-1])
            require_current(self.job)
            stored = zarr.open_array(f"{self.job.target}/trace_rms", mode="r+")
            stored[self.task.cells] = np.where(self.live, rms, np.nan).astype("float32")
            if self.job.finds_live:
                zarr.open_array(f"{self.job.target}/live", mode="r+")[self.task.cells] = self.live
        return {"statistics": self.tally.to_payload(), "no_ibm": self.no_ibm}
