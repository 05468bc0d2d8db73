"""The arrays of a survey store: created empty before the pieces, completed and published after."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

from seisproc.folders import remove_tree
from seisproc.records import Record
from seisproc.segy.converter import residual_url
from seisproc.segy.plan import ALGORITHM, HEADER_BLOCK, HEADER_CHUNK, IngestJob
from seisproc.segy.scan import SegyScan
from seisproc.survey import create_array, publish, write_array
from seisproc.survey_arrays import (
    clear_target,
    column_records,
    complete_survey,
    create_survey_arrays,
    provenance,
    write_cells,
    write_places,
)

FLAT_CHUNK = 1 << 20
"""Elements in a chunk of a one-dimensional array."""


def create_store(job: IngestJob, scanned: SegyScan) -> None:
    """Create all arrays but the residual, and fill those that the scan knows.

    What an earlier run left unfinished at the place is removed.

    Raises
    ------
    OutputExistsError
        If something lies there that no ingest has made.
    """
    clear_target(job.target)
    target, lattice = job.target, scanned.lattice
    lateral, cells = lattice.lateral, job.shards[:-1]
    create_survey_arrays(target, lattice, job.dtype, job.chunks, job.shards)
    units = scanned.coordinates.units
    write_places(target, lattice, cells, (scanned.cdp_x, scanned.cdp_y), units)
    write_cells(target, "live", scanned.live, lateral, cells, False)
    write_cells(target, "trace_index", scanned.trace_index, lateral, cells, -1)
    _create_others(job, scanned)
    if scanned.shift is not None:
        write_array(target, "trace_shift", scanned.shift, ("trace",))
    traces, header_bytes = scanned.trace_count, job.layouts[0].header_bytes
    chunk = min(traces, HEADER_CHUNK)
    create_array(
        target, "trace_header", (traces, header_bytes), "uint8", ("trace", "byte"),
        chunks=(chunk, header_bytes),
        shards=(min(HEADER_BLOCK, chunk * math.ceil(traces / chunk)), header_bytes),
    )
    source = create_array(
        target, "trace_source", (traces,), "int32", ("trace",), chunks=(min(traces, FLAT_CHUNK),)
    )
    for number, (first, stop) in enumerate(zip(job.bounds[:-1], job.bounds[1:], strict=True)):
        if number:
            source[first:stop] = number
    prefix, suffix = _outside(job)
    write_array(target, "file_prefix", prefix, ("prefix_byte",))
    write_array(target, "file_suffix", suffix, ("suffix_byte",))


def _create_others(job: IngestJob, scanned: SegyScan) -> None:
    """Say which traces share a cell; their samples follow, piece by piece."""
    if not job.others:
        return
    write_array(job.target, "other_trace", scanned.others, ("other",))
    write_array(job.target, "other_cell", scanned.other_cells, ("other",))
    shape = (job.others, job.trace_samples_bytes)
    create_array(
        job.target, "other_samples", shape, "uint8", ("other", "sample_byte"),
        chunks=(min(job.others, job.other_block), shape[1]),
    )


def is_created(job: IngestJob) -> bool:
    """Whether the arrays stand that :func:`create_store` makes, ready for the pieces."""
    fs, path = fsspec.core.url_to_fs(job.target)
    return all(
        fs.exists(f"{path}/{name}/zarr.json")
        for name in ("amplitude", "trace_header", "trace_index", "file_suffix")
    )


def _outside(job: IngestJob) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bytes before the first and after the last trace of every file, one file after another."""
    prefix = [item.source.read(0, item.data_offset) for item in job.layouts]
    suffix = [item.source.read(item.data_end, item.source.size) for item in job.layouts]
    return np.concatenate(prefix), np.concatenate(suffix)


def finish_store(
    job: IngestJob, scanned: SegyScan, key: str, mark: str, recorded: Mapping[str, Record]
) -> None:
    """Add what only all pieces together tell, then publish."""
    columns = column_records(recorded)
    complete_survey(job.target, scanned.lattice, job.shards, columns, job.dtype)
    _write_residual(job, columns)
    publish(job.target, _attributes(job, scanned, key, mark))


def _write_residual(job: IngestJob, columns: list[Record]) -> None:
    """Join the columns' residuals; a survey without any has no such arrays."""
    counts = [int(record.payload["residual"]) for record in columns]
    total = sum(counts)
    for name in ("sample_residual_index", "sample_residual_word"):
        remove_tree(f"{job.target}/{name}")
    if not total:
        return
    chunk = (min(total, FLAT_CHUNK),)
    index = create_array(job.target, "sample_residual_index", (total,), "int64", ("residual",),
                         chunks=chunk)
    word = create_array(job.target, "sample_residual_word", (total,), "uint64", ("residual",),
                        chunks=chunk)
    done = 0
    for record, count in zip(columns, counts, strict=True):
        if count:
            fs, path = fsspec.core.url_to_fs(residual_url(job, record.key))
            pairs = np.load(io.BytesIO(fs.cat_file(path)))
            index[done : done + count] = pairs[:, 0].astype("int64")
            word[done : done + count] = pairs[:, 1]
            done += count


def _attributes(
    job: IngestJob, scanned: SegyScan, key: str, mark: str
) -> dict[str, Any]:
    """Attributes of the survey's group.

    The time of making is left to the file system: a store's bytes depend on its source alone.
    """
    told = scanned.to_dict()
    first = job.layouts[0]
    return {
        "title": ", ".join(item.source.name for item in job.layouts[:3]),
        "kind": scanned.kind,
        "domain": scanned.lattice.domain,
        "fingerprint": mark,
        "source_key": key,
        "source": [
            {
                "name": item.source.name,
                "bytes": item.source.size,
                "traces": item.trace_count,
                "prefix_bytes": item.data_offset,
                "suffix_bytes": item.source.size - item.data_end,
            }
            for item in job.layouts
        ],
        "segy": {
            "sample_format": first.sample_format.code,
            "byte_order": first.byte_order,
            "samples": first.samples,
            "header_bytes": first.header_bytes,
            "revision": first.revision,
            "sorting": first.sorting,
            "measurement_system": first.measurement_system,
        },
        "text_header": told["text"],
        "crs": scanned.crs,
        "coordinates_from": told["coordinates"],
        "evidence": told["evidence"],
        "warnings": told["warnings"],
        "overrides": told["overrides"],
        "provenance": provenance(ALGORITHM),
    }
