"""Which part of a survey a crop keeps: cells, samples, and the traces in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.grid import Lattice
from seisproc.jobs import Task
from seisproc.places import open_place
from seisproc.segy.layout import DELAY
from seisproc.survey import Survey
from seisproc.volumes.crop_headers import HeaderPatch, crop_prefix
from seisproc.volumes.parts import checksum, create_headers, header_tasks, write_headers


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
            mine = int(np.count_nonzero(self.source_of_kept == number))
            if mine:
                found.append({**source, "traces": mine})
        whole = int(self.segy["samples"])
        length = self.samples.stop - self.samples.start if self.is_short else whole
        return {"source": found, "segy": {**self.segy, "samples": length}}

    @cached_property
    def source_of_kept(self) -> NDArray[np.int64]:
        """Number of the source file of each kept trace, int64 (n,)."""
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
            mine = int(np.count_nonzero(self.source_of_kept == number))
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
