"""What a region hands over for later: partial sums for seams, and its finished interior.

Both are kept in the work folder until the region that needs them is written, so that a run can be
killed between any two steps. A *bundle* is a Zarr array (slab, value): one row holds the raveled
pieces of one slab of depth, one after the other. Bundles of an attempt lie under a name of their
own and are never written again; a region's record says which attempt counts.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray

from seisproc.interpretation_plan import HAND_OVER, InterpretationPlan
from seisproc.regions import Area, Number
from seisproc.survey import create_array


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
    """For each network, the part of a region that needs nothing from its neighbours."""
    if plan.borders != HAND_OVER:
        return [plan.regions.area(number) for _ in plan.networks]
    return [plan.regions.interior(network.lattices, number) for network in plan.networks]


def is_seamless(plan: InterpretationPlan, number: Number) -> bool:
    """Whether a region needs nothing from its neighbours at all, so that one step finishes it."""
    area = plan.regions.area(number)
    return all(interior == area for interior in interiors(plan, number))


def contributors(plan: InterpretationPlan, number: Number) -> list[Number]:
    """Regions that hand partial sums to this one, itself perhaps among them; sorted."""
    if is_seamless(plan, number):
        return []
    found: set[Number] = set()
    for network in plan.networks:
        found.update(plan.regions.contributors(network.lattices, number))
    return sorted(found)


def destinations(plan: InterpretationPlan, number: Number) -> list[Number]:
    """Regions that this one hands partial sums to, itself perhaps among them; sorted."""
    if plan.borders != HAND_OVER:
        return []
    found: set[Number] = set()
    for network in plan.networks:
        found.update(plan.regions.destinations(network.lattices, number))
    return sorted(other for other in found if pieces(plan, number, other))


def pieces(plan: InterpretationPlan, giver: Number, taker: Number) -> list[Piece]:
    """List what one region hands to another, or keeps for its own seams; both sides agree."""
    regions, found = plan.regions, []
    taken = regions.area(taker)
    for n, network in enumerate(plan.networks):
        reach = regions.reach(network.lattices, giver)
        if reach is None or taker not in regions.destinations(network.lattices, giver):
            continue
        reach = reach.intersection(taken)
        if giver == taker:
            interior = regions.interior(network.lattices, giver)
            found += [Piece(n, strip) for strip in reach.without(interior)]
        elif reach.size:
            found.append(Piece(n, reach))
    return found


def sums_url(work: str, taker: Number, giver: Number, attempt: str) -> str:
    """Where a region's partial sums for another lie; all of a taker's in one folder."""
    return f"{work}/{seams_of(taker)}/from-{region_key(giver)}-{attempt}"


def interior_url(work: str, number: Number, attempt: str) -> str:
    """Where a region's finished interior lies."""
    return f"{work}/{seams_of(number)}/interior-{attempt}"


def seams_of(number: Number) -> str:
    """Folder of all that a region needs to be finished."""
    return f"handover/{region_key(number)}"


class BundleWriter:
    """Writes a bundle row by row."""

    def __init__(self, url: str, rows: int, width: int, dtype: DTypeLike) -> None:
        group, name = url.rsplit("/", 1)
        self._array = create_array(
            group, name, (rows, width), dtype, ("slab", "value"), chunks=(1, width)
        )

    def write(self, row: int, parts: Sequence[NDArray[Any]]) -> None:
        """Write one row: the parts raveled in order, filled up with zeros."""
        values = np.concatenate([part.ravel() for part in parts])
        self._array[row, : len(values)] = values


class BundleReader:
    """Reads a bundle row by row."""

    def __init__(self, url: str) -> None:
        self._array = zarr.open_array(url, mode="r")

    def read(self, row: int, shapes: Sequence[tuple[int, ...]]) -> list[NDArray[Any]]:
        """Read one row back as parts of the given shapes."""
        values = np.asarray(self._array[row])
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        parts = np.split(values[: ends[-1]], ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def discard(work: str, number: Number) -> None:
    """Remove what a region needed to be finished, now that it is."""
    fs, path = fsspec.core.url_to_fs(f"{work}/{seams_of(number)}")
    with contextlib.suppress(FileNotFoundError):
        fs.rm(path, recursive=True)
