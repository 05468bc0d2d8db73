"""What an ingest will do, as a value: arrays, tasks, keys, sizes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.jobs import Task, piece_bytes
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.scan import SegyScan
from seisproc.volume import tiles

ALGORITHM = 3
"""Raised when the same file would make another store."""

HEADER_BLOCK = 1 << 16
"""Trace headers in a shard of ``trace_header``: 15 MiB."""

HEADER_CHUNK = 1 << 13
"""Trace headers in a chunk: 2 MiB."""

OTHER_BYTES = 1 << 24
"""Samples in a chunk of ``other_samples``."""


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
        Of the amplitude array; samples last.
    others : int
        Traces that share a cell and are kept beside the amplitude.
    averaged : bool
        A shared cell holds the mean of its traces, not the first.
    shifted : bool
        Traces start at different samples of the axis.
    """

    layouts: tuple[FileLayout, ...]
    target: str
    work: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...]
    others: int = 0
    averaged: bool = False
    shifted: bool = False

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """First trace of each file, and the number of traces in all."""
        counts = [item.trace_count for item in self.layouts]
        return np.concatenate([[0], np.cumsum(counts)]).astype("int64")

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the samples in the store."""
        return np.dtype(self.layouts[0].sample_format.dtype)

    @property
    def piece_bytes(self) -> int:
        """Memory that a column takes at most, about."""
        return piece_bytes(self.chunks, self.shards, self.dtype.itemsize)

    @property
    def trace_samples_bytes(self) -> int:
        """Bytes of one trace's samples in the files."""
        return self.layouts[0].samples * self.layouts[0].sample_format.size

    @property
    def other_block(self) -> int:
        """Traces in a chunk of ``other_samples``."""
        return max(1, OTHER_BYTES // self.trace_samples_bytes)

    def tasks(self) -> list[Task]:
        """All tasks: columns first, they take longest."""
        columns = [
            Task("column", tuple(cut.start for cut in cuts), tuple(cut.stop for cut in cuts))
            for cuts in tiles(self.shape[:-1], self.shards[:-1])
        ]
        headers = _blocks("headers", int(self.bounds[-1]), HEADER_BLOCK)
        return [*columns, *headers, *_blocks("others", self.others, self.other_block)]


def _blocks(kind: str, total: int, size: int) -> list[Task]:
    return [
        Task(kind, (first,), (min(first + size, total),)) for first in range(0, total, size)
    ]


def plan_ingest(scanned: SegyScan, target: str, work: str) -> IngestJob:
    """Lay out the amplitude array and cut the work into tasks."""
    chunks, shards = layout(scanned.shape)
    return IngestJob(
        layouts=scanned.layouts,
        target=target,
        work=work,
        shape=scanned.shape,
        chunks=chunks,
        shards=shards,
        others=len(scanned.others),
        averaged=scanned.overrides.duplicates == "mean" and len(scanned.others) > 0,
        shifted=scanned.shift is not None,
    )


def source_key(scanned: SegyScan) -> str:
    """Hash of all that the headers and trailers say and the user overrode, but of no sample.

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
        "kind": scanned.kind,
        "domain": scanned.lattice.domain,
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for item in scanned.layouts:
        digest.update(item.source.read(0, item.data_offset).tobytes())
        digest.update(item.source.read(item.data_end, item.source.size).tobytes())
    lattice = scanned.lattice
    shift = [] if scanned.shift is None else [scanned.shift]
    for values in (*shift, *lattice.axes.values(), *lattice.words.values(), lattice.sample,
                   scanned.trace_index, scanned.others, scanned.other_cells,
                   scanned.cdp_x, scanned.cdp_y):
        digest.update(np.ascontiguousarray(values).reshape(-1).view("uint8").data)
    return digest.hexdigest()


def stored_bytes(scanned: SegyScan) -> int:
    """Upper estimate of the store's size: samples as if nothing compressed, and headers."""
    samples = scanned.trace_count * scanned.shape[-1] * scanned.dtype.itemsize
    headers = scanned.trace_count * scanned.layouts[0].header_bytes
    return int(1.02 * samples + 0.3 * headers + 40 * scanned.live.size + 1_000_000)
