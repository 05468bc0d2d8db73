"""Are the shards there that were recorded? Asked before a product is published.

Zarr reads a missing shard as fill value, so nobody would miss it. And it may be missing, though its
region is recorded: Zarr leaves it to the system when a file reaches the disk, and a power loss
takes what has not. So each region notes in its record's name a *mark* of the files that its shards
lie in, of their paths and sizes, once it has seen all that it wrote; shards of nothing but fill
value have none. Content is left to the checksums within.
"""

from __future__ import annotations

import itertools
import math
import re
import zlib
from array import array
from collections.abc import Iterator, Set
from concurrent.futures import Executor

from fsspec import AbstractFileSystem

from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.regions import Area, Number
from seisproc.manifest import chunk_files
from seisproc.places import open_place, reaching
from seisproc.records import Records

_SHARD = re.compile(r"c/(?:[0-9]+/)?([0-9]+)/([0-9]+)/[0-9]+")
"""Path of a shard within its volume, after a leading dimension perhaps."""

_FINISHED = re.compile(r"([0-9]+)-([0-9]+)")


def recorded_as(content: int, shards: int, attempt: str) -> str:
    """Say in a record's name what was written, in which files, and by which attempt.

    >>> recorded_as(255, 4095, "0123456789ab")
    '00000000000000ff-fff-0123456789ab'
    """
    return f"{content:016x}-{shards:x}-{attempt}"


def shards_of(
    plan: InterpretationPlan, area: Area, lead: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    """Yield the places of a region's shards in a volume, the one along the depth left out."""
    rows = range(area.i_start // plan.shards[0], math.ceil(area.i_stop / plan.shards[0]))
    columns = range(area.j_start // plan.shards[1], math.ceil(area.j_stop / plan.shards[1]))
    return itertools.product(*map(range, lead), rows, columns)


def shards_mark(
    plan: InterpretationPlan,
    product: str,
    area: Area,
    written: Set[tuple[str, str]],
    threads: Executor,
) -> int:
    """Mark of the files in which a region's shards lie now, in the product that is built.

    ``written`` are the volume and the path within it of each shard that must be there. Else a step
    that went on while its work folder was cleared, and made anew, would record what is left.

    Raises
    ------
    FileNotFoundError
        If one of those is not there.
    """
    fs, root = open_place(product)

    def listed(name: str, place: tuple[int, ...]) -> list[tuple[str, str, int]]:
        folder = "/".join(["c", *map(str, place)])
        return [(name, *shard) for shard in _listed(fs, f"{root}/{name}", folder)]

    with reaching(product):
        fs.invalidate_cache()
        places = [
            (name, place)
            for name, lead in plan.volumes.items()
            for place in shards_of(plan, area, lead)
        ]
        there = list(itertools.chain(*threads.map(listed, *zip(*places, strict=True))))
    for name, path in written - {(name, path) for name, path, _ in there}:
        raise FileNotFoundError(f"{root}/{name}/{path} is not there any more")
    return sum(_mark(*shard) for shard in there)


def lacking(plan: InterpretationPlan, product: str, records: Records) -> Iterator[Number]:
    """Yield the finished regions whose shards are not those that were recorded.

    Eight bytes of memory a region. Records of older versions say nothing of shards.
    """
    columns = plan.regions.counts[1]
    marks = array("Q", bytes(8 * len(plan.regions)))
    for (i, j), mark in _marks(plan, product):
        marks[i * columns + j] += mark
    for name in records.names():
        key, told = _FINISHED.fullmatch(name.key), name.checksum.split("-")
        if key is None or name.state != "done" or len(told) != 3:
            continue
        number = (int(key[1]), int(key[2]))
        if int(told[1], 16) != marks[number[0] * columns + number[1]]:
            yield number


def _marks(plan: InterpretationPlan, product: str) -> Iterator[tuple[Number, int]]:
    """Yield of every shard the region and its mark."""
    fs, root = open_place(product)
    grid = [math.ceil(n / shard) for n, shard in zip(plan.shape, plan.shards, strict=True)]
    edge = [n // shard for n, shard in zip(plan.regions.edge, plan.shards, strict=False)]
    with reaching(product):
        fs.invalidate_cache()  # other processes wrote the shards
        for name, lead in plan.volumes.items():
            for path, size in chunk_files(fs, f"{root}/{name}", (*lead, *grid)):
                if shard := _SHARD.fullmatch(path):
                    number = (int(shard[1]) // edge[0], int(shard[2]) // edge[1])
                    yield number, _mark(name, path, size)


def _listed(fs: AbstractFileSystem, volume: str, folder: str) -> Iterator[tuple[str, int]]:
    """Yield path within the volume and size of each shard in a folder."""
    try:
        entries = fs.ls(f"{volume}/{folder}", detail=True)
    except FileNotFoundError:
        return
    for entry in entries:
        path = f"{folder}/{str(entry['name']).rsplit('/', 1)[-1]}"
        if _SHARD.fullmatch(path):
            yield path, int(entry["size"])


def _mark(volume: str, path: str, size: int) -> int:
    return zlib.crc32(f"{size} {volume}/{path}".encode())
