"""A volume into a survey store, piece by piece (:mod:`seisproc.building`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.building import build_store
from seisproc.chunking import layout
from seisproc.errors import VolumeError
from seisproc.jobs import BUDGET_MIB, Built, IngestReceipt, Progress, Task, TaskResult
from seisproc.records import Record
from seisproc.segy.layout import FORMAT, IEEE, TEXT_BYTES, Field, put_trace_words
from seisproc.survey import Survey, create_array, publish, write_array
from seisproc.survey_arrays import (
    clear_target,
    column_records,
    complete_survey,
    create_survey_arrays,
    provenance,
    write_cells,
    write_places,
)
from seisproc.volumes.column import VolumeJob, check_task, run_task
from seisproc.volumes.volume import Volume

if TYPE_CHECKING:
    from distributed import Client

ALGORITHM = 1
"""Raised when the same volume would make another store."""


def build_volume(
    build: VolumeBuild,
    store_url: str,
    *,
    client: Client | None = None,
    overwrite: bool = False,
    drop_labels: Collection[str] = (),
    budget_mib: int = BUDGET_MIB,
    on_progress: Progress | None = None,
) -> IngestReceipt:
    """Build and publish the store of a volume; see :func:`seisproc.building.build_store`."""
    built = build_store(
        build, store_url, client=client, overwrite=overwrite, drop_labels=drop_labels,
        budget_mib=budget_mib, on_progress=on_progress,
    )
    return receipt(built)


def receipt(built: Built) -> IngestReceipt:
    """Receipt of a store, as the store itself tells."""
    survey = Survey(built.store)
    traces = int(np.count_nonzero(survey.live))
    return IngestReceipt(
        store=built.store,
        fingerprint=built.fingerprint,
        kind=survey.kind,
        shape=survey.amplitude.shape,
        dtype=str(survey.amplitude.dtype),
        domain=survey.domain,
        traces=traces,
        missing_traces=survey.live.size - traces,
        zero_traces=int(survey.statistics["zero_traces"]),
        tasks=built.tasks,
        resumed=built.resumed,
        reused=built.reused,
        warnings=tuple(survey.attributes.get("warnings", ())),
    )


class VolumeBuild:
    """What :func:`seisproc.building.build_store` must know to make a store of a volume."""

    source = "other content or other settings"

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.key = volume_key(volume)
        self._seen: list[str] | None = None

    def plan(self, target: str, work: str) -> VolumeJob:
        """Lay out the store."""
        chunks, shards = layout(self.volume.shape)
        return VolumeJob(
            reader=self.volume.reader,
            target=target,
            work=work,
            shape=self.volume.shape,
            chunks=chunks,
            shards=shards,
            finds_live=self.volume.live is None,
            dead_value=self.volume.dead_value,
            parts=self.volume.parts,
            checks_ibm=self.volume.checks_ibm,
        )

    def worker(self, job: VolumeJob, *, write: bool) -> Callable[[Task], TaskResult]:
        """Return the function that does a piece, or only hashes what it reads."""
        if self._seen is None:
            self._seen = self.identities(job)
        return partial(run_task if write else check_task, job)

    def create(self, job: VolumeJob) -> None:
        """Create the arrays, and fill those that are known."""
        volume, target = self.volume, job.target
        clear_target(target)
        lattice, cells = volume.lattice, job.shards[:-1]
        create_survey_arrays(target, lattice, volume.dtype, job.chunks, job.shards)
        write_places(target, lattice, cells, (volume.cdp_x, volume.cdp_y), volume.units)
        if volume.live is None:
            create_array(
                target, "live", lattice.shape[:-1], "bool", lattice.lateral, chunks=cells,
                fill_value=False,
            )
        else:
            write_cells(target, "live", volume.live, lattice.lateral, cells, False)
            self.write_index(job, volume.live)
        for part in job.parts:
            part.create(target)
        for name in ("file_prefix", "file_suffix") if volume.arrays else ():
            values = volume.arrays.get(name, np.empty(0, "uint8"))
            write_array(target, name, values, (name.replace("file_", "") + "_byte",))

    def write_index(self, job: VolumeJob, live: NDArray[np.bool_]) -> None:
        """Write the number of every trace, counted row by row."""
        index = np.cumsum(live.ravel()).reshape(live.shape).astype("int64") - 1
        lattice = self.volume.lattice
        write_cells(
            job.target, "trace_index", np.where(live, index, -1), lattice.lateral,
            job.shards[:-1], -1,
        )

    def is_created(self, job: VolumeJob) -> bool:
        """Whether the arrays stand."""
        fs, path = fsspec.core.url_to_fs(job.target)
        return all(fs.exists(f"{path}/{name}/zarr.json") for name in ("amplitude", "live"))

    def identities(self, job: VolumeJob) -> list[str]:
        """Return what changes whenever the source is written to."""
        return [job.reader.identity(), *(part.identity() for part in job.parts)]

    def require_unchanged(self, job: VolumeJob) -> None:
        """Raise VolumeError if the source was written to since its first piece was read."""
        if self._seen is not None and self._seen != self.identities(job):
            raise VolumeError(
                f"{self.volume.name} was changed while it was read",
                do="Run the same command again once nothing writes to it",
            )

    def stored_bytes(self) -> int:
        """Upper estimate of the store's size: samples as if nothing compressed."""
        samples = int(np.prod(self.volume.shape, dtype="int64")) * self.volume.dtype.itemsize
        cells = int(np.prod(self.volume.shape[:-1], dtype="int64"))
        return int(1.02 * samples) + 100 * cells + 1_000_000 + self.volume.staged_bytes

    def finish(self, job: VolumeJob, mark: str, recorded: Mapping[str, Record]) -> None:
        """Add statistics, and the traces' numbers where they were found; publish.

        Raises
        ------
        VolumeError
            If no trace is alive.
        """
        columns = column_records(recorded)
        if self.volume.live is None:
            live = np.asarray(zarr.open_array(f"{job.target}/live", mode="r")[...]).astype(bool)
            if not live.any():
                raise VolumeError(
                    f"{self.volume.name} holds no trace: all samples are NaN or the dead value",
                    do="Check --dataset and --dead-value",
                )
            self.write_index(job, live)
        complete_survey(job.target, self.volume.lattice, job.shards, columns, self.volume.dtype)
        attributes = self.attributes(mark)
        if any(record.payload["no_ibm"] for record in columns):
            attributes["segy"] = {**attributes["segy"], "sample_format": IEEE}
            prefix = self.volume.arrays["file_prefix"].copy()
            place = Field(FORMAT.byte - TEXT_BYTES, FORMAT.kind)
            order = attributes["segy"]["byte_order"]
            put_trace_words(prefix[None, TEXT_BYTES:], place, IEEE, order)
            write_array(job.target, "file_prefix", prefix, ("prefix_byte",))
        self.publish(job, attributes)

    def publish(self, job: VolumeJob, attributes: dict[str, Any]) -> None:
        """Make the store visible."""
        publish(job.target, attributes)

    def attributes(self, mark: str) -> dict[str, Any]:
        """Attributes of the survey's group."""
        volume = self.volume
        return {
            "title": volume.name,
            "kind": volume.lattice.kind,
            "domain": volume.lattice.domain,
            "fingerprint": mark,
            "source_key": self.key,
            "source": [{"name": volume.name, "format": volume.format}],
            "coordinates_from": {"units": volume.units, "affine": volume.affine},
            "warnings": list(volume.warnings),
            **volume.facts,
            "provenance": provenance(ALGORITHM),
        }


def volume_key(volume: Volume) -> str:
    """Hash of all that decides the store, but of no sample."""
    digest = hashlib.sha256()
    lattice = volume.lattice
    facts = {
        "algorithm": ALGORITHM,
        "kind": lattice.kind,
        "axes": [*lattice.dims],
        "dtype": str(volume.dtype),
        "dead": None if volume.dead_value is None else float(volume.dead_value).hex(),
        "facts": volume.facts,
        "parts": [
            {"kind": part.kind, "tasks": len(part.tasks())} for part in volume.parts
        ],
    }
    digest.update(json.dumps(facts, sort_keys=True, default=str).encode())
    arrays: list[NDArray[Any]] = [*lattice.axes.values(), *lattice.words.values(), lattice.sample]
    arrays += [volume.cdp_x, volume.cdp_y]
    arrays += [volume.arrays[name] for name in sorted(volume.arrays)]
    for values in (*arrays, *([] if volume.live is None else [volume.live])):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


