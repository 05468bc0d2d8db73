"""What a region hands over for later: partial sums for seams, and its finished interior.

Both are kept in the work folder until the region that needs them is written, so that a run can be
killed between any two steps. A *bundle* is a row of objects, one a slab of depth, each holding the
pieces of that slab one after the other, compressed. Bundles of an attempt lie under a name of
their own and are never written again; a region's record says which attempt counts. Where a
region's windows are run in parts, each part has bundles of its own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
from google_crc32c import value as crc32c
from numcodecs import Blosc
from numpy.typing import DTypeLike, NDArray

from seisproc.background import Outbox
from seisproc.errors import SeisprocError
from seisproc.folders import remove_tree
from seisproc.interpretation.areas import summed_areas
from seisproc.interpretation.parts import Part
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.regions import Area, Number
from seisproc.places import has_folders, read_object

ATTEMPT = 12
"""Letters of an attempt's name."""


@dataclass(frozen=True)
class Piece:
    """One network's sums over some traces: what one region adds to another's seams."""

    network: int
    area: Area


def region_key(number: Number) -> str:
    """Name of a region in records and folders.

    >>> region_key((3, 14))
    '3-14'
    """
    return f"{number[0]}-{number[1]}"


def interiors(plan: InterpretationPlan, number: Number) -> list[Area]:
    """For each network, the part of a region that is finished as soon as its windows have run.

    It needs nothing from its neighbours. There is none where windows are run in parts.
    """
    if not plan.hands_over:
        return [plan.regions.area(number) for _ in plan.networks]
    if is_in_parts(plan):
        return [Area(0, 0, 0, 0) for _ in plan.networks]
    return [plan.regions.interior(network.lattices, number) for network in plan.networks]


def is_in_parts(plan: InterpretationPlan) -> bool:
    """Whether a region's windows are run in parts, whose sums are all handed over."""
    return None not in plan.parts


def is_seamless(plan: InterpretationPlan, number: Number) -> bool:
    """Whether a region needs nothing from its neighbours at all, so that one step finishes it."""
    area = plan.regions.area(number)
    return not plan.hands_over or all(
        plan.regions.interior(network.lattices, number) == area for network in plan.networks
    )


def destinations(
    plan: InterpretationPlan, number: Number, part: Part | None = None
) -> list[Number]:
    """Regions that this one hands partial sums to, itself perhaps among them; sorted."""
    if not plan.hands_over:
        return []
    found: set[Number] = set()
    for network in plan.networks:
        found.update(plan.regions.destinations(network.lattices, number))
    return sorted(other for other in found if pieces(plan, number, other, part))


def pieces(
    plan: InterpretationPlan, giver: Number, taker: Number, part: Part | None = None
) -> list[Piece]:
    """List what one region hands to another, or keeps for its own seams; both sides agree.

    Each lies within one of the giver's :func:`summed_areas`.
    """
    regions, found = plan.regions, []
    for n, network in enumerate(plan.networks):
        reach = regions.reach(network.lattices, giver)
        if reach is None:
            continue
        reach = reach.intersection(regions.area(taker))
        areas = [
            area.intersection(reach) for area in summed_areas(plan, network, giver, part)
        ]
        if giver == taker and part is None:
            interior = regions.interior(network.lattices, giver)
            areas = [rest for each in areas for rest in each.without(each.intersection(interior))]
        found += [Piece(n, area) for area in areas if area.size]
    return found


def sums_url(
    work: str, taker: Number, giver: Number, attempt: str, part: Part | None = None
) -> str:
    """Where a region's partial sums for another lie; all of a taker's in one folder."""
    of_part = f"-{part}" if part else ""
    return f"{work}/{seams_of(taker)}/from-{region_key(giver)}-{attempt}{of_part}"


def interior_url(work: str, number: Number, attempt: str) -> str:
    """Where a region's finished interior lies."""
    return f"{work}/{seams_of(number)}/interior-{attempt}"


def seams_of(number: Number) -> str:
    """Folder of all that a region needs to be finished."""
    return f"handover/{region_key(number)}"


CHECK_BYTES = 4
"""Behind every slab: its crc32c."""


class HandOverError(SeisprocError):
    """A slab that a region has handed over is missing or damaged: it must run again.

    Attributes
    ----------
    giver : (int, int)
    """

    def __init__(self, giver: Number, path: str, found: str) -> None:
        super().__init__(f"{path}, which region {region_key(giver)} has written, is lost",
                         found=found)
        self.giver, self._path = giver, path

    def __reduce__(self) -> tuple[object, ...]:
        return (HandOverError, (self.giver, self._path, self.found))


class BundleWriter:
    """Writes a bundle, slab by slab, each with its checksum.

    A power loss may take any of it: the system is not waited for, since it can be made again.
    """

    def __init__(self, url: str, outbox: Outbox) -> None:
        self._fs, self._path = fsspec.core.url_to_fs(url)
        if has_folders(self._fs):
            self._fs.makedirs(self._path.rsplit("/", 1)[0], exist_ok=True)
        self._outbox = outbox

    def write(self, row: int, parts: Sequence[NDArray[Any]]) -> None:
        """Write the parts of one slab, all of one dtype."""
        values = np.empty(sum(part.size for part in parts), parts[0].dtype)
        start = 0
        for part in parts:  # each once: the largest may be of a region's size
            values[start : start + part.size].reshape(part.shape)[...] = part
            start += part.size
        codec = Blosc(cname="lz4", clevel=9, shuffle=Blosc.BITSHUFFLE)
        content = codec.encode(values)
        del values
        put = functools.partial(self._fs.pipe_file, f"{self._path}.{row}")
        self._outbox.send(put, content + _check_of(content))


class BundleReader:
    """Reads a bundle of values of some dtype, which a region has written, slab by slab."""

    def __init__(self, url: str, dtype: DTypeLike, giver: Number) -> None:
        self._fs, self._path = fsspec.core.url_to_fs(url)
        self._dtype, self._giver = dtype, giver

    def parts(
        self, row: int, packed: bytes, shapes: Sequence[tuple[int, ...]]
    ) -> list[NDArray[Any]]:
        """Unpack what was fetched of one slab into parts of the given shapes.

        Raises
        ------
        HandOverError
            If it is not what was written.
        """
        content = Blosc().decode(packed)
        values = np.frombuffer(content, self._dtype)
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        if len(values) != ends[-1]:  # of another version, which handed over other traces
            path = f"{self._path}.{row}"
            raise HandOverError(self._giver, path, f"{len(values)} values, not {ends[-1]}")
        parts = np.split(values, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def fetch(self, row: int) -> bytes:
        """Fetch one slab as it was packed.

        Raises
        ------
        HandOverError
            If it is not there, or not what was written.
        """
        path = f"{self._path}.{row}"
        try:
            stored = read_object(self._fs, path)
        except FileNotFoundError:
            raise HandOverError(self._giver, path, "nothing") from None
        content, check = stored[:-CHECK_BYTES], stored[-CHECK_BYTES:]
        if _check_of(content) != check:
            raise HandOverError(self._giver, path, "a wrong checksum")
        return content


def _check_of(content: bytes) -> bytes:
    return int(crc32c(content)).to_bytes(CHECK_BYTES, "little")


def discard(work: str, number: Number) -> None:
    """Remove what a region needed to be finished, now that it is."""
    remove_tree(f"{work}/{seams_of(number)}")
