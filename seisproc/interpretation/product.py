"""The product of an interpretation: its arrays, created empty and filled region by region.

It is built in the work folder beside the store, where no reader meets it;
:mod:`seisproc.interpretation.publication` puts it in its place.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

import fsspec
import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.atomic import write_atomic
from seisproc.fingerprint import fingerprint, volume_checksum
from seisproc.interpretation.plan import InterpretationPlan, NetworkPlan
from seisproc.interpretation.regions import Area
from seisproc.interpretation.wholeness import shards_mark, shards_of
from seisproc.places import open_place, reaching
from seisproc.schema import CLASS_SETS, CODES, NONE
from seisproc.survey import (
    Survey,
    create_array,
    write_array,
    write_coordinates,
)


def product_url(work: str) -> str:
    """Where the product is built."""
    return f"{work}/product"


def create_product(plan: InterpretationPlan, work: str) -> None:
    """Create the product's arrays, empty, and its coordinates, as far as they are not there yet.

    They are made in memory and put in place file by file. Nothing that is there is removed or
    changed: a run that stood still in here, and wakes while another one goes on, spoils nothing.
    """
    url, memory = product_url(work), fsspec.filesystem("memory")
    made = f"/seisproc-{uuid.uuid4().hex}"
    try:
        _create_arrays(plan, f"memory:/{made}")
        fs, root = open_place(url)
        for path in sorted(memory.find(made)):
            name = path.removeprefix(made)
            with reaching(url):
                there = fs.exists(root + name)
            if not there:
                write_atomic(url + name, memory.cat_file(path))
    finally:
        with contextlib.suppress(FileNotFoundError):
            memory.rm(made, recursive=True)


def _create_arrays(plan: InterpretationPlan, url: str) -> None:
    survey = Survey(plan.store_url)
    dims = survey.grid.dims
    for network in plan.networks:
        classes = tuple(network.recipe.classes)
        for name, lead in network.volumes.items():
            create_array(
                url,
                name,
                (*lead, *plan.shape),
                "uint8",
                (*(("facies_class",) if lead else ()), *dims),
                chunks=(*(1 for _ in lead), *plan.chunks),
                shards=(*(1 for _ in lead), *plan.shards),
                fill_value=NONE,
                attributes=_attributes(name, classes, network),
            )
            if lead:
                codes = np.arange(lead[0], dtype="int32")
                meanings = {"flag_values": codes.tolist(), "flag_meanings": _meanings(classes)}
                write_array(url, "facies_class", codes, ("facies_class",), meanings)
    write_coordinates(url, survey.grid)


def _attributes(name: str, classes: tuple[str, ...], network: NetworkPlan) -> dict[str, Any]:
    if name == "facies":
        # A _FillValue would make float32 of the classes on opening; so 255 is a flag of its own.
        attributes: dict[str, Any] = {
            "flag_values": [*range(len(classes)), NONE],
            "flag_meanings": _meanings((*classes, "none")),
            "classes": list(classes),
        }
        colours = _colours(classes)
        if colours is not None:
            attributes["flag_colors"] = " ".join(colours)
    else:
        attributes = {"scale_factor": 1.0 / CODES, "_FillValue": NONE}
        if name.endswith("_variance"):
            attributes["counts_as_one"] = network.largest_variance
    return {**attributes, "network": network.recipe.name}


def _meanings(classes: tuple[str, ...]) -> str:
    """CF wants the meanings in one string, parted by blanks."""
    return " ".join(name.replace(" ", "_") for name in classes)


def _colours(classes: tuple[str, ...]) -> list[str] | None:
    """Colours of a known class set, with white for none."""
    known = {each.name: each.colour for classset in CLASS_SETS.values() for each in classset}
    if all(name in known for name in classes):
        return [*(known[name] for name in classes), "#ffffff"]
    return None


_DAMAGED = (ValueError, RuntimeError)
"""What Zarr and its codecs raise at a shard that is not whole."""


class ShardWriter:
    """Collects a region's volumes slab by slab and writes whole shards, each once.

    Attributes
    ----------
    checksums : dict of int
        Per volume, the checksum of what was written (:func:`volume_checksum`).
    class_counts : int64 (256,)
        How often each facies code was written.
    """

    def __init__(self, plan: InterpretationPlan, work: str, area: Area) -> None:
        self._plan, self._area = plan, area
        self._url = product_url(work)
        self._arrays: dict[str, zarr.Array[Any]] = {}
        depth = min(plan.shards[2], plan.shape[2])
        self._buffers = {
            name: np.full((*lead, *area.shape, depth), NONE, np.uint8)
            for name, lead in plan.volumes.items()
        }
        self._start = 0
        self.checksums = dict.fromkeys(plan.volumes, 0)
        self.class_counts = np.zeros(256, np.int64)

    def put(self, values: Mapping[str, NDArray[np.uint8]], area: Area, start: int) -> None:
        """Take values of some traces from sample ``start`` on."""
        i, j = area.within(self._area)
        first = start - self._start
        for name, part in values.items():
            self._buffers[name][..., i, j, first : first + part.shape[-1]] = part

    def advance(self, stop: int) -> None:
        """Write the shards that end at or before sample ``stop``, up to which all has been put."""
        end = min(self._start + self._plan.shards[2], self._plan.shape[2])
        if stop < end:
            return
        corner = (self._area.i_start, self._area.j_start, self._start)
        for name, buffer in self._buffers.items():
            block = buffer[..., : end - self._start]
            self._write(name, block, end)
            self.checksums[name] += volume_checksum(block, corner, self._plan.shape)
            self.checksums[name] %= 2**64
            if name == "facies":
                self.class_counts += np.bincount(block.ravel(), minlength=256)
        self._start = end

    def _write(self, name: str, block: NDArray[np.uint8], end: int) -> None:
        if name not in self._arrays:
            self._arrays[name] = zarr.open_array(f"{self._url}/{name}", mode="r+")
        area, volume = self._area, self._arrays[name]
        box = (
            ...,
            slice(area.i_start, area.i_stop),
            slice(area.j_start, area.j_stop),
            slice(self._start, end),
        )
        try:
            volume[box] = block
        except _DAMAGED:  # Zarr reads the shard that is there before it puts another in its place
            if not self._remove_damaged(name):
                raise
            volume[box] = block

    def _remove_damaged(self, name: str) -> int:
        """Remove shards that a power loss has torn from where others are to be; how many."""
        fs, root = open_place(f"{self._url}/{name}")
        shards, removed = self._plan.shards, 0
        for place in shards_of(self._plan, self._area, self._plan.volumes[name]):
            whole = (*place, self._start // shards[2])
            box = (slice(n * edge, (n + 1) * edge) for n, edge in
                   zip(whole[-3:], shards, strict=True))
            index: tuple[int | slice, ...] = (*place[:-2], *box)
            try:
                self._arrays[name][index]
            except _DAMAGED:
                path = "/".join([root, "c", *map(str, whole)])
                with reaching(self._url), contextlib.suppress(FileNotFoundError):
                    fs.rm_file(path)
                removed += 1
        return removed

    def shards_mark(self) -> int:
        """Mark of the files that the region's shards lie in."""
        return shards_mark(self._plan, self._url, self._area)


def combine(checksums: Mapping[str, int]) -> str:
    """Join the volumes' checksums into one of the product.

    >>> combine({"fault": 255, "facies": 1}) == combine({"facies": 1, "fault": 255})
    True
    """
    return fingerprint({name: f"{value:016x}" for name, value in checksums.items()})[:16]
