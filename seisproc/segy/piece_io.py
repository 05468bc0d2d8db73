"""What the pieces of an ingest share: arrays that are opened once, and samples as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.segy.fileheader import FileLayout
from seisproc.segy.plan import IngestJob
from seisproc.shards import ShardedArray

CHECKSUM_DIGITS = 32


def job_array(job: IngestJob, name: str) -> zarr.Array[Any]:
    """Return an array of the store under construction, for reading and writing."""
    return _opened(job.target, job.work, name)


@lru_cache(maxsize=16)
def _opened(target: str, work: str, name: str) -> zarr.Array[Any]:
    """Open an array once for all tasks of an ingest, as that costs milliseconds.

    ``work`` is named after all that the headers say: under it, a store has the same arrays always.
    """
    return zarr.open_array(f"{target}/{name}", mode="r+", zarr_format=3)


def job_shards(job: IngestJob, name: str) -> ShardedArray:
    """Return an array of the store under construction, for writing whole shards."""
    return _sharded(job.target, job.work, name)


@lru_cache(maxsize=4)
def _sharded(target: str, work: str, name: str) -> ShardedArray:
    return ShardedArray(f"{target}/{name}")


def raw_samples(job: IngestJob, traces: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Bytes of all samples of some traces, uint8 (trace, sample byte)."""
    raw = np.empty((len(traces), job.trace_samples_bytes), "uint8")
    for _, layout, mine in by_file(job, traces):
        wanted = mine >= 0
        starts = layout.data_offset + layout.header_bytes + mine[wanted] * layout.trace_bytes
        buffer, places = layout.source.fetch(starts, raw.shape[1])
        raw[wanted] = [buffer[at : at + raw.shape[1]] for at in places.tolist()]
    return raw


def by_file(
    job: IngestJob, cells: NDArray[np.int64]
) -> Iterator[tuple[int, FileLayout, NDArray[np.int64]]]:
    """Split cells by source file: file number, its layout, trace within the file or -1."""
    live = cells[cells >= 0]
    for number in np.unique(np.searchsorted(job.bounds, live, side="right") - 1).tolist():
        first, stop = job.bounds[number], job.bounds[number + 1]
        inside = (cells >= first) & (cells < stop)
        yield number, job.layouts[number], np.where(inside, cells - first, -1)
