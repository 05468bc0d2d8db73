"""What an ingest will do, as a value: arrays, tasks, keys, sizes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.fileheader import FileLayout
from seisproc.segy.scan import SegyScan
from seisproc.survey import layout
from seisproc.volume import Box, boxes

ALGORITHM = 1
"""Raised when the same file would make another store."""

HEADER_BLOCK = 1 << 16
"""Trace headers in a chunk of ``trace_header``: 15 MiB."""


@dataclass(frozen=True, order=True)
class Task:
    """A piece of an ingest: a column of shards, or a block of trace headers.

    ``kind`` is ``column`` or ``headers``; ``first`` and ``stop`` are (inline, crossline) cells, or
    (trace, 0).
    """

    kind: str
    first: tuple[int, int]
    stop: tuple[int, int]

    @property
    def key(self) -> str:
        """Name in the records; keys sort in the tasks' order."""
        return f"{self.kind}-{self.first[0]:010d}-{self.first[1]:010d}"


@dataclass(frozen=True)
class IngestJob:
    """What every task of an ingest must know; small, since it travels with each.

    Attributes
    ----------
    layouts : tuple of FileLayout
        The source files.
    target : str
        The store under construction.
    work : str
        Folder of its records and residuals.
    shape, chunks, shards
        Of the amplitude array.
    """

    layouts: tuple[FileLayout, ...]
    target: str
    work: str
    shape: tuple[int, int, int]
    chunks: tuple[int, int, int]
    shards: tuple[int, int, int]

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """First trace of each file, and the number of traces in all."""
        counts = [item.trace_count for item in self.layouts]
        return np.concatenate([[0], np.cumsum(counts)]).astype("int64")

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the samples in the store."""
        return np.dtype(self.layouts[0].sample_format.dtype)

    def tasks(self) -> list[Task]:
        """All tasks: columns first, they take longest."""
        lateral = (self.shards[0], self.shards[1], self.shape[2])
        columns = [_column(box) for box in boxes(self.shape, lateral)]
        total = int(self.bounds[-1])
        blocks = [
            Task("headers", (first, 0), (min(first + HEADER_BLOCK, total), 0))
            for first in range(0, total, HEADER_BLOCK)
        ]
        return [*columns, *blocks]


def _column(box: Box) -> Task:
    return Task("column", box.start[:2], box.stop[:2])


def plan_ingest(scanned: SegyScan, target: str, work: str) -> IngestJob:
    """Lay out the amplitude array and cut the work into tasks."""
    chunks, shards = layout(scanned.shape)
    return IngestJob(
        layouts=scanned.layouts,
        target=target,
        work=work,
        shape=scanned.shape,
        chunks=(chunks[0], chunks[1], chunks[2]),
        shards=(shards[0], shards[1], shards[2]),
    )


def source_key(scanned: SegyScan) -> str:
    """Hash of all that the headers say and the user overrode, but of no sample.

    Two runs with one key want the same store, unless samples changed in between; the tasks'
    content hashes tell.
    """
    digest = hashlib.sha256()
    facts = {
        "algorithm": ALGORITHM,
        "overrides": scanned.overrides.to_dict(),
        "files": [
            [item.source.size, item.data_offset, item.trace_bytes, item.byte_order,
             item.sample_format.code]
            for item in scanned.layouts
        ],
        "domain": scanned.grid.domain,
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for item in scanned.layouts:
        digest.update(item.source.read(0, item.data_offset).tobytes())
    grid = scanned.grid
    for values in (grid.inline, grid.crossline, grid.sample, scanned.trace_index,
                   scanned.cdp_x, scanned.cdp_y):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def fingerprint(key: str, checksums: dict[str, str]) -> str:
    """Hash of the source's whole content: the source key and every task's content hash."""
    digest = hashlib.sha256(key.encode())
    for name in sorted(checksums):
        digest.update(f"{name} {checksums[name]}\n".encode())
    return digest.hexdigest()


def stored_bytes(scanned: SegyScan) -> int:
    """Upper estimate of the store's size: samples as if nothing compressed, and headers."""
    samples = scanned.trace_count * scanned.shape[2] * scanned.dtype.itemsize
    headers = scanned.trace_count * scanned.layouts[0].header_bytes
    return int(1.02 * samples + 0.3 * headers + 33 * scanned.live.size + 1_000_000)
