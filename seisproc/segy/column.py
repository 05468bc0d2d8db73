"""The tasks of an ingest: convert a column of shards, copy trace headers, copy shared traces.

A task writes whole chunks and shards that no other task touches, so it may be run again at any
time. It reports a hash of the source bytes that it used.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from seisproc.jobs import Task, TaskResult
from seisproc.pieces import require_current
from seisproc.records import Records
from seisproc.segy.converter import ColumnConverter
from seisproc.segy.piece_io import CHECKSUM_DIGITS, job_array, job_shards, raw_samples
from seisproc.segy.plan import IngestJob
from seisproc.shards import as_space_error


def run_task(job: IngestJob, task: Task) -> TaskResult:
    """Convert one piece and record it as done."""
    return _run(job, task, write=True)


def check_task(job: IngestJob, task: Task) -> TaskResult:
    """Hash the source bytes of one piece without writing anything."""
    return _run(job, task, write=False)


def _run(job: IngestJob, task: Task, *, write: bool) -> TaskResult:
    try:
        body = {"column": _column, "headers": _headers, "others": _others}[task.kind]
        checksum, payload = body(job, task, write)
        if write:
            require_current(job)
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
    checksum = hashlib.sha256(block.data).hexdigest()[:CHECKSUM_DIGITS]
    if write:
        array = job_shards(job, "trace_header")
        chunk = array.chunk_shape[0]
        encoded: dict[tuple[int, ...], bytes] = {}
        for number, at in enumerate(range(0, len(block), chunk)):
            part = block[at : at + chunk]
            if len(part) < chunk:
                part = np.concatenate([part, np.zeros((chunk - len(part), part.shape[1]), "uint8")])
            content = array.encode(part)
            if content is not None:
                encoded[(number, 0)] = content
        require_current(job)
        array.write((first // array.shard_shape[0], 0), encoded)
    return checksum, {}


def _others(job: IngestJob, task: Task, write: bool) -> tuple[str, dict[str, Any]]:
    """Copy the samples of traces that share a cell, as they stand in the files."""
    first, stop = task.first[0], task.stop[0]
    traces = np.asarray(job_array(job, "other_trace")[first:stop])
    raw = raw_samples(job, traces)
    checksum = hashlib.sha256(raw.tobytes()).hexdigest()[:CHECKSUM_DIGITS]
    if write:
        require_current(job)
        job_array(job, "other_samples")[first:stop] = raw
    return checksum, {}


def _column(job: IngestJob, task: Task, write: bool) -> tuple[str, dict[str, Any]]:
    index = np.asarray(job_array(job, "trace_index")[task.cells])
    converter = ColumnConverter(job, task, index, write)
    for first in range(0, job.shape[-1], job.shards[-1]):
        converter.convert(first, min(first + job.shards[-1], job.shape[-1]))
    return converter.checksum(), converter.finish()


