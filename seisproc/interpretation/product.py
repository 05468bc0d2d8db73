"""The product of an interpretation: its arrays, created empty and filled region by region.

It is built in the work folder beside the store, where no reader meets it;
:mod:`seisproc.interpretation.publication` puts it in its place.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

from seisproc.atomic import write_atomic
from seisproc.background import THREADS
from seisproc.fingerprint import fingerprint, volume_checksum
from seisproc.interpretation.memory import WRITERS
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
from seisproc.whole_shards import open_for_whole_shards


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
        with ThreadPoolExecutor(THREADS) as threads:
            names = [path.removeprefix(made) for path in memory.find(made)]
            contents = [memory.cat_file(made + name) for name in names]
            list(threads.map(_put_if_lacking, [url + name for name in names], contents))
    finally:
        with contextlib.suppress(FileNotFoundError):
            memory.rm(made, recursive=True)


def _put_if_lacking(url: str, content: bytes) -> None:
    fs, path = open_place(url)
    with reaching(url):
        there = fs.exists(path)
    if not there:
        write_atomic(url, content)


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
    """CF wants the meanings in one string, parted by blanks; so none has blanks in it."""
    return " ".join("_".join(name.split()) for name in classes)


def _colours(classes: tuple[str, ...]) -> list[str] | None:
    """Colours of a known class set, with white for none."""
    known = {each.name: each.colour for classset in CLASS_SETS.values() for each in classset}
    if all(name in known for name in classes):
        return [*(known[name] for name in classes), "#ffffff"]
    return None


class ShardWriter:
    """Collects a region's volumes slab by slab and writes whole shards, each once.

    Parameters
    ----------
    plan : InterpretationPlan
    work : str
    area : Area
    threads : Executor
        They write, while what comes next is computed.

    Attributes
    ----------
    checksums : dict of int
        Per volume, the checksum of what was written (:func:`volume_checksum`).
    class_counts : int64 (256,)
        How often each facies code was written.
    """

    def __init__(
        self, plan: InterpretationPlan, work: str, area: Area, threads: Executor
    ) -> None:
        self._plan, self._area = plan, area
        self._url = product_url(work)
        depth = min(plan.shards[2], plan.shape[2])
        self._buffers = {
            name: np.full((*lead, *area.shape, depth), NONE, np.uint8)
            for name, lead in plan.volumes.items()
        }
        self._start = 0
        self._threads = threads
        self._under_way: list[Future[None]] = []
        self._files: set[tuple[str, str]] = set()
        self.checksums = dict.fromkeys(plan.volumes, 0)
        self.class_counts = np.zeros(256, np.int64)

    def put(self, values: Mapping[str, NDArray[np.uint8]], area: Area, start: int) -> None:
        """Take values of some traces from sample ``start`` on."""
        self.settle()
        i, j = area.within(self._area)
        first = start - self._start
        for name, part in values.items():
            self._buffers[name][..., i, j, first : first + part.shape[-1]] = part

    def advance(self, stop: int) -> None:
        """Write the shards that end at or before sample ``stop``, up to which all has been put."""
        end = min(self._start + self._plan.shards[2], self._plan.shape[2])
        if stop < end:
            return
        self.settle()
        corner = (self._area.i_start, self._area.j_start, self._start)
        blocks = [(name, buf[..., : end - self._start]) for name, buf in self._buffers.items()]
        there = self._threads.submit(self._require_there)
        for n in range(WRITERS):
            mine = blocks[n::WRITERS]
            self._under_way.append(self._threads.submit(self._write, mine, self._start, end, there))
        for name, block in blocks:
            self._files.update((name, path) for path in self._files_of(block))
            self.checksums[name] += volume_checksum(block, corner, self._plan.shape)
            self.checksums[name] %= 2**64
            if name == "facies":
                self.class_counts += np.bincount(block.ravel(), minlength=256)
        self._start = end

    def settle(self) -> None:
        """Wait until all that ``advance`` has begun to write is written."""
        while self._under_way:
            self._under_way.pop().result()  # no name holds it, should it raise

    def _require_there(self) -> None:
        """Write no shard of a product that another run has taken away."""
        fs, path = open_place(f"{self._url}/{next(iter(self._buffers))}/zarr.json")
        with reaching(self._url):
            if not fs.exists(path):
                raise FileNotFoundError(f"{path} is not there any more")

    def _write(
        self,
        blocks: list[tuple[str, NDArray[np.uint8]]],
        start: int,
        stop: int,
        there: Future[None],
    ) -> None:
        there.result()  # each time: Zarr would make the folders of what was cleared again
        i, j = self._area.within(Area(0, self._plan.shape[0], 0, self._plan.shape[1]))
        for name, block in blocks:
            open_for_whole_shards(f"{self._url}/{name}")[..., i, j, start:stop] = block

    def _files_of(self, block: NDArray[np.uint8]) -> Iterator[str]:
        """Yield within their volume the files of a block's shards; those of nothing have none."""
        depth = self._start // self._plan.shards[2]
        rows, columns = self._plan.shards[:2]
        for *lead, row, column in shards_of(self._plan, self._area, block.shape[:-3]):
            top, left = row * rows - self._area.i_start, column * columns - self._area.j_start
            shard = block[tuple(lead)][top : top + rows, left : left + columns]
            if (shard != NONE).any():
                yield "/".join(map(str, ("c", *lead, row, column, depth)))

    def shards_mark(self) -> int:
        """Mark of the files that the region's shards lie in.

        Raises
        ------
        FileNotFoundError
            If one that was written is not there.
        """
        return shards_mark(self._plan, self._url, self._area, self._files, self._threads)


def combine(checksums: Mapping[str, int]) -> str:
    """Join the volumes' checksums into one of the product.

    >>> combine({"fault": 255, "facies": 1}) == combine({"facies": 1, "fault": 255})
    True
    """
    return fingerprint({name: f"{value:016x}" for name, value in checksums.items()})[:16]
