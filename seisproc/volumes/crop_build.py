"""Building a crop: the kept traces' headers, and what belongs to traces rather than to cells."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.building import Task, TaskResult
from seisproc.errors import GeometryError, VolumeError
from seisproc.grid import Lattice
from seisproc.manifest import SEAL
from seisproc.places import open_place
from seisproc.records import Record, write_atomic
from seisproc.segy.layout import DELAY, FORMATS
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
from seisproc.volumes.crop_headers import HeaderPatch, crop_prefix
from seisproc.volumes.parts import (
    FLAT_CHUNK,
    checksum,
    create_headers,
    header_tasks,
    write_headers,
)
from seisproc.volumes.volume import Volume

RESIDUAL_BLOCK = 1 << 20
OTHER_BYTES = 1 << 24


@dataclass(frozen=True, eq=False)
class Cut:
    """Which part of a survey is kept, and which traces that are.

    Attributes
    ----------
    survey : Survey
        The whole.
    box : tuple of slice
        What is kept of its amplitude.
    lattice : Lattice
        Axes of the part.
    live : bool (lateral shape)
        Where the part has traces.
    """

    survey: Survey
    box: tuple[slice, ...]
    lattice: Lattice
    live: NDArray[np.bool_]

    @cached_property
    def segy(self) -> dict[str, Any]:
        """What the store knows of its SEG-Y files; empty if it is not made from any."""
        return dict(self.survey.attributes.get("segy") or {})

    @cached_property
    def index(self) -> NDArray[np.int64]:
        """Trace of each kept cell, int64 (lateral shape), numbered as in the whole."""
        return np.asarray(self.survey.array("trace_index")[self.box[:-1]])

    @cached_property
    def others(self) -> NDArray[np.int64]:
        """Rows of ``other_trace`` that lie in kept cells, int64 (n,)."""
        if not self.survey.has("other_cell"):
            return np.empty(0, "int64")
        cells = np.unravel_index(self.survey.read("other_cell"), self.survey.live.shape)
        inside = np.ones(len(cells[0]), bool)
        for at, part in zip(cells, self.box[:-1], strict=True):
            inside &= (at >= part.start) & (at < part.stop)
        return np.flatnonzero(inside)

    @cached_property
    def kept(self) -> NDArray[np.int64]:
        """Numbers of the kept traces in the whole, rising, int64 (n,)."""
        traces = [self.index[self.index >= 0]]
        if len(self.others):
            traces.append(self.survey.read("other_trace")[self.others])
        return np.unique(np.concatenate(traces))

    @property
    def samples(self) -> slice:
        """What is kept of every trace."""
        return self.box[-1]

    @cached_property
    def is_short(self) -> bool:
        """Whether traces lose samples."""
        return self.samples.stop - self.samples.start < len(self.survey.lattice.sample)

    @cached_property
    def shift(self) -> NDArray[np.int32] | None:
        """Sample of the part's axis at which each kept trace starts; None where all start with it.

        Raises
        ------
        GeometryError
            If traces lose samples that do not all cover what is kept.
        """
        if not self.survey.has("trace_shift"):
            return None
        shift = self.survey.read("trace_shift")[self.kept]
        if not self.is_short:
            return np.asarray(shift)
        first, last = int(shift.max()), int(shift.min()) + int(self.segy["samples"])
        if self.samples.start < first or self.samples.stop > last:
            sample = self.survey.lattice.sample
            common = (f"{sample[first]:g} to {sample[last - 1]:g}" if first < last else "nothing")
            raise GeometryError(
                "the traces of this survey start at different times: what is kept must lie "
                "within all of them",
                expected=common,
                do="Choose a range within it, or cut by lines only",
            )
        return None

    def segy_facts(self) -> dict[str, Any]:
        """Attributes that tell of the SEG-Y files, as the part has them."""
        if not self.segy:
            return {}
        found = []
        for number, source in enumerate(self.survey.attributes["source"]):
            mine = int(np.count_nonzero(self._source_of_kept == number))
            if mine:
                found.append({**source, "traces": mine})
        whole = int(self.segy["samples"])
        length = self.samples.stop - self.samples.start if self.is_short else whole
        return {"source": found, "segy": {**self.segy, "samples": length}}

    @cached_property
    def _source_of_kept(self) -> NDArray[np.int64]:
        ends = np.cumsum([source["traces"] for source in self.survey.attributes["source"]])
        return np.searchsorted(ends, self.kept, side="right")

    def file_arrays(self) -> dict[str, NDArray[np.uint8]]:
        """Bytes before and after the traces of the files that are left."""
        if not self.segy:
            return {}
        prefix, suffix = self.survey.read("file_prefix"), self.survey.read("file_suffix")
        heads, tails, at, end = [], [], 0, 0
        for number, source in enumerate(self.survey.attributes["source"]):
            head = prefix[at : at + source["prefix_bytes"]]
            tail = suffix[end : end + source["suffix_bytes"]]
            at, end = at + len(head), end + len(tail)
            mine = int(np.count_nonzero(self._source_of_kept == number))
            if mine:
                heads.append(crop_prefix(head, self.segy, self.lattice, mine, source["traces"],
                                         self._samples_now()))
                tails.append(tail)
        return {"file_prefix": np.concatenate(heads), "file_suffix": np.concatenate(tails)}

    def _samples_now(self) -> int:
        return int(self.segy_facts()["segy"]["samples"])

    def header_parts(self) -> list[CropHeaders]:
        """Return what copies the trace headers; nothing where there are none."""
        if not self.segy:
            return []
        whole, shifted = self.survey.lattice.sample, self.survey.has("trace_shift")
        start = float(self.lattice.sample[0])
        overrides = self.survey.attributes.get("overrides") or {}
        delay = overrides.get("delay") or {"byte": DELAY.byte, "type": "int16"}
        patch = HeaderPatch(
            byte_order=str(self.segy["byte_order"]),
            samples=self._samples_now() if self.is_short else None,
            later=0.0 if shifted else start - float(whole[0]),
            starts_at=start if shifted and self.shift is None else None,
            delay=(delay["byte"], delay["type"]),
        )
        return [CropHeaders(
            source=f"{self.survey.url}/trace_header", total=len(self.kept),
            header_bytes=int(self.segy["header_bytes"]), patch=patch,
        )]


@dataclass(frozen=True)
class CropHeaders:
    """Headers of the kept traces, patched where the part differs from the whole.

    Attributes
    ----------
    source : str
        ``trace_header`` of the whole.
    rows : str
        Where the numbers of the kept traces are, int64 little-endian, one after the other.
    """

    source: str
    total: int
    header_bytes: int
    patch: HeaderPatch
    rows: str = ""
    kind: str = "headers"

    def tasks(self) -> list[Task]:
        """Blocks of traces."""
        return header_tasks(self.kind, self.total)

    def identity(self) -> str:
        """Return nothing: a survey is replaced as a whole, and its fingerprint is in the key."""
        return ""

    def create(self, target: str) -> None:
        """Create ``trace_header``."""
        create_headers(target, self.total, self.header_bytes)

    def copy(self, target: str, task: Task, *, write: bool) -> str:
        """Copy one block of headers."""
        fs, path = open_place(self.rows)
        content = fs.cat_file(path, start=8 * task.first[0], end=8 * task.stop[0])
        rows = np.frombuffer(content, "<i8")
        source = zarr.open_array(self.source, mode="r")
        block = np.asarray(source.oindex[rows, :])
        self.patch.apply(block)
        if write:
            write_headers(target, task, block)
        return checksum(block)


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
        sources = np.unique(cut._source_of_kept, return_inverse=True)[1]
        if sources.any():
            chunk = (min(len(sources), FLAT_CHUNK),)
            array = create_array(target, "trace_source", sources.shape, "int32", ("trace",),
                                 chunks=chunk)
            array[...] = sources
        if cut.shift is not None:
            write_array(target, "trace_shift", cut.shift, ("trace",))
        if len(cut.others):
            _write_others(cut, target)
        _write_residual(cut, target)

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


def _write_others(cut: Cut, target: str) -> None:
    """Keep the traces that share a cell with another one, cut as the rest."""
    survey = cut.survey
    cells = np.unravel_index(survey.read("other_cell")[cut.others], survey.live.shape)
    moved = tuple(at - part.start for at, part in zip(cells, cut.box[:-1], strict=True))
    place = np.ravel_multi_index(moved, cut.live.shape).astype("int64")
    trace = np.searchsorted(cut.kept, survey.read("other_trace")[cut.others]).astype("int64")
    write_array(target, "other_trace", trace, ("other",))
    write_array(target, "other_cell", place, ("other",))
    size = FORMATS[int(cut.segy["sample_format"])].size
    samples = cut.samples if cut.is_short else slice(0, int(cut.segy["samples"]))
    stored = survey.array("other_samples")
    width = size * (samples.stop - samples.start)
    rows = max(1, min(len(cut.others), OTHER_BYTES // max(1, width)))
    array = create_array(
        target, "other_samples", (len(cut.others), width), "uint8", ("other", "sample_byte"),
        chunks=(rows, width),
    )
    shifted = cut.is_short and survey.has("trace_shift")
    shift = survey.read("trace_shift") if shifted else None
    numbers = survey.read("other_trace")[cut.others]
    for begin in range(0, len(cut.others), rows):
        part = cut.others[begin : begin + rows]
        raw = np.asarray(stored.oindex[part, :])
        if shift is None:
            block = raw[:, size * samples.start : size * samples.stop]
        else:
            starts = size * (samples.start - shift[numbers[begin : begin + rows]])
            block = np.stack([row[at : at + width] for row, at in zip(raw, starts, strict=True)])
        array[begin : begin + rows] = block


def _write_residual(cut: Cut, target: str) -> None:
    """Keep the raw words that encoding does not give back, of the kept samples."""
    total = sum(len(index) for index, _ in _residual(cut))
    if not total:
        return
    chunk = (min(total, FLAT_CHUNK),)
    index = create_array(target, "sample_residual_index", (total,), "int64", ("residual",),
                         chunks=chunk)
    word = create_array(target, "sample_residual_word", (total,), "uint64", ("residual",),
                        chunks=chunk)
    done = 0
    for places, words in _residual(cut):
        index[done : done + len(places)] = places
        word[done : done + len(places)] = words
        done += len(places)


def _residual(cut: Cut) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
    """Places, trace * samples + sample of the part, and words, block by block."""
    survey = cut.survey
    if not survey.has("sample_residual_index"):
        return
    index, word = survey.array("sample_residual_index"), survey.array("sample_residual_word")
    whole, kept = int(cut.segy["samples"]), cut.kept
    shift = survey.read("trace_shift") if survey.has("trace_shift") and cut.is_short else None
    first, stop = (cut.samples.start, cut.samples.stop) if cut.is_short else (0, whole)
    for begin in range(0, index.shape[0], RESIDUAL_BLOCK):
        part = slice(begin, begin + RESIDUAL_BLOCK)
        trace, sample = np.divmod(np.asarray(index[part]), whole)
        if shift is not None:
            sample = sample + shift[trace]
        at = np.minimum(np.searchsorted(kept, trace), len(kept) - 1)
        inside = (kept[at] == trace) & (sample >= first) & (sample < stop)
        places = at[inside] * (stop - first) + sample[inside] - first
        yield places.astype("int64"), np.asarray(word[part])[inside]
