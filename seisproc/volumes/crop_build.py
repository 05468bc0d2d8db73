"""Building a crop: a volume whose traces have headers and things of their own."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import VolumeError
from seisproc.jobs import Task, TaskResult
from seisproc.manifest import SEAL
from seisproc.records import Record, write_atomic
from seisproc.survey import (
    Survey,
    create_array,
    ensure_group,
    publish,
    write_array,
    write_coordinates,
)
from seisproc.survey_arrays import write_cells
from seisproc.volumes.build import VolumeBuild
from seisproc.volumes.column import VolumeJob
from seisproc.volumes.crop_traces import write_others, write_residual
from seisproc.volumes.cut import CropHeaders, Cut
from seisproc.volumes.parts import FLAT_CHUNK
from seisproc.volumes.volume import Volume


class CropBuild(VolumeBuild):
    """A part of a survey: a volume with the traces' own things."""

    source = "another survey or other ranges"

    def __init__(self, volume: Volume, cut: Cut) -> None:
        super().__init__(volume)
        self.cut = cut
        digest = hashlib.sha256(self.key.encode())
        digest.update(cut.survey.fingerprint.encode())
        digest.update(repr(cut.box).encode())
        for path in _groups(cut.survey):
            digest.update(str(cut.survey.group_attributes(path).get(SEAL)).encode())
        self.key = digest.hexdigest()

    @property
    def parent(self) -> Survey:
        """The survey that is cut."""
        return self.cut.survey

    def plan(self, target: str, work: str) -> VolumeJob:
        """Lay out the store."""
        job = super().plan(target, work)
        parts = tuple(
            dataclasses.replace(part, rows=f"{work}/kept.i64")
            if isinstance(part, CropHeaders) else part
            for part in job.parts
        )
        return dataclasses.replace(job, parts=parts)

    def worker(self, job: VolumeJob, *, write: bool) -> Callable[[Task], TaskResult]:
        """Say which traces are kept, then return the function that does a piece."""
        for part in job.parts:
            if isinstance(part, CropHeaders):
                write_atomic(part.rows, self.cut.kept.astype("<i8").tobytes())
        return super().worker(job, write=write)

    def identities(self, job: VolumeJob) -> list[str]:
        """Return nothing: the whole's fingerprint is in the key."""
        return []

    def require_unchanged(self, job: VolumeJob) -> None:
        """Raise VolumeError if the whole was replaced while it was read."""
        if Survey(self.parent.url).fingerprint != self.parent.fingerprint:
            raise VolumeError(
                f"{self.parent.url} was replaced while it was being read",
                do="Run the same command again",
            )

    def write_index(self, job: VolumeJob, live: NDArray[np.bool_]) -> None:
        """Write the number of every kept trace, in the order of the file."""
        cut, target = self.cut, job.target
        index = np.where(cut.index >= 0, np.searchsorted(cut.kept, cut.index), -1)
        lattice = self.volume.lattice
        write_cells(target, "trace_index", index, lattice.lateral, job.shards[:-1], -1)

    def create(self, job: VolumeJob) -> None:
        """Create the arrays, and fill those that are known."""
        super().create(job)
        cut, target = self.cut, job.target
        if not cut.segy:
            return
        sources = np.unique(cut.source_of_kept, return_inverse=True)[1]
        if sources.any():
            chunk = (min(len(sources), FLAT_CHUNK),)
            array = create_array(target, "trace_source", sources.shape, "int32", ("trace",),
                                 chunks=chunk)
            array[...] = sources
        if cut.shift is not None:
            write_array(target, "trace_shift", cut.shift, ("trace",))
        if len(cut.others):
            write_others(cut, target)
        write_residual(cut, target)

    def finish(self, job: VolumeJob, mark: str, recorded: Mapping[str, Record]) -> None:
        """Publish labels and interpretations, then the survey."""
        for path in _groups(self.parent):
            ensure_group(f"{job.target}/{path.split('/')[0]}")
            write_coordinates(f"{job.target}/{path}", self.volume.lattice)
            publish(f"{job.target}/{path}", _group_attributes(self.parent, path, mark))
        super().finish(job, mark, recorded)


def _groups(survey: Survey) -> list[str]:
    return [
        f"{kind}/{name}" for kind in ("labels", "interpretation") for name in survey.groups(kind)
    ]


def _group_attributes(survey: Survey, path: str, mark: str) -> dict[str, Any]:
    """Attributes of a cropped group: its own, made from the part of the survey."""
    anew = ("seisproc_schema", "Conventions", SEAL, "voxels")
    told = {key: value for key, value in survey.group_attributes(path).items() if key not in anew}
    old = str(told.get("fingerprint", ""))
    told["fingerprint"] = hashlib.sha256(f"{old} {mark}".encode()).hexdigest()
    if "survey_fingerprint" in told:
        told["survey_fingerprint"] = mark
    return {**told, "cropped_from": old}
