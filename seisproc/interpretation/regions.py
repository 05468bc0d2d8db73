"""Regions of a survey, the windows that each owns, and the seams between them.

A region is a column of whole shards over the full depth: the work of one task and what it alone
writes. Each window belongs to the one region in which its centre lies, and is run once, there. It
may reach into neighbours:

::

     region A          :  region B
    +------------------:------------------+
    |               +--:--------+         |      a window of B reaches into A, so A's voxels there
    |   interior    |  :        |         |      need B's partial sums
    |       of A    +--:--------+         |
    +------------------:------------------+
                    |<-->|
                     seam

A region's *interior* is what only its own windows cover; it is final as soon as they have run. The
rest of it, its *seams*, is the sum of what several regions hand in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seisproc.interpretation.tiling import Lattice

Number = tuple[int, int]
"""A region's place among the regions, counted along inline and crossline."""


@dataclass(frozen=True, order=True)
class Area:
    """A rectangle of traces, [i_start, i_stop) x [j_start, j_stop), perhaps empty."""

    i_start: int
    i_stop: int
    j_start: int
    j_stop: int

    @property
    def shape(self) -> tuple[int, int]:
        """Extents along inline and crossline, 0 where empty."""
        return (max(0, self.i_stop - self.i_start), max(0, self.j_stop - self.j_start))

    @property
    def size(self) -> int:
        """Number of traces."""
        return math.prod(self.shape)

    def within(self, outer: Area) -> tuple[slice, slice]:
        """Index of this area in an array of the outer one."""
        i, j = self.i_start - outer.i_start, self.j_start - outer.j_start
        return (slice(i, i + self.shape[0]), slice(j, j + self.shape[1]))

    def intersection(self, other: Area) -> Area:
        """Find the common part.

        >>> Area(0, 4, 0, 4).intersection(Area(2, 9, 3, 9))
        Area(i_start=2, i_stop=4, j_start=3, j_stop=4)
        """
        return Area(
            max(self.i_start, other.i_start),
            min(self.i_stop, other.i_stop),
            max(self.j_start, other.j_start),
            min(self.j_stop, other.j_stop),
        )

    def hull(self, other: Area) -> Area:
        """Find the smallest area that holds both."""
        return Area(
            min(self.i_start, other.i_start),
            max(self.i_stop, other.i_stop),
            min(self.j_start, other.j_start),
            max(self.j_stop, other.j_stop),
        )

    def without(self, inner: Area) -> list[Area]:
        """Cut this area minus an inner one into at most four strips.

        >>> Area(0, 9, 0, 9).without(Area(2, 7, 0, 6)) == [
        ...     Area(0, 2, 0, 9), Area(7, 9, 0, 9), Area(2, 7, 6, 9)]
        True
        """
        if not inner.size:
            return [self] if self.size else []
        strips = [
            Area(self.i_start, inner.i_start, self.j_start, self.j_stop),
            Area(inner.i_stop, self.i_stop, self.j_start, self.j_stop),
            Area(inner.i_start, inner.i_stop, self.j_start, inner.j_start),
            Area(inner.i_start, inner.i_stop, inner.j_stop, self.j_stop),
        ]
        return [strip for strip in strips if strip.size]


@dataclass(frozen=True)
class Regions:
    """All regions of a survey.

    Parameters
    ----------
    survey : (int, int)
        Traces of the survey along inline and crossline.
    edge : (int, int)
        Traces of a region; those at the far side are cut off by the survey.
    """

    survey: tuple[int, int]
    edge: tuple[int, int]

    @property
    def counts(self) -> tuple[int, int]:
        """Regions along inline and crossline."""
        return (
            math.ceil(self.survey[0] / self.edge[0]),
            math.ceil(self.survey[1] / self.edge[1]),
        )

    @property
    def largest(self) -> tuple[int, int]:
        """Traces of the largest region: of all but those at the far side, unless one is all."""
        return min(self.edge[0], self.survey[0]), min(self.edge[1], self.survey[1])

    def __len__(self) -> int:
        return math.prod(self.counts)

    def __iter__(self) -> Iterator[Number]:
        rows, columns = self.counts
        return itertools.product(range(rows), range(columns))

    def area(self, number: Number) -> Area:
        """Find the region's traces."""
        (i, j), (a, b) = number, self.edge
        return Area(
            i * a, min((i + 1) * a, self.survey[0]), j * b, min((j + 1) * b, self.survey[1])
        )

    def span(self, area: Area) -> Iterator[Number]:
        """Numbers of the regions that an area meets."""
        (a, b) = self.edge
        for i in range(area.i_start // a, (area.i_stop - 1) // a + 1):
            for j in range(area.j_start // b, (area.j_stop - 1) // b + 1):
                yield (i, j)

    # What follows is about the lattices of one network, which are blended into one volume.

    def owned(self, lattice: Lattice, number: Number, axis: int) -> slice:
        """Which windows along an axis a region owns, as a range of their counts."""
        owners = lattice.owners(axis, self.edge[axis])
        first, last = np.searchsorted(owners, [number[axis], number[axis] + 1])
        return slice(int(first), int(last))

    def touching(self, lattice: Lattice, number: Number, axis: int) -> slice:
        """Which windows along an axis touch a region, whoever owns them."""
        area = self.area(number)
        start, stop = ((area.i_start, area.i_stop), (area.j_start, area.j_stop))[axis]
        origins = lattice.origins(axis)
        first = np.searchsorted(origins, start - lattice.window[axis], side="right")
        return slice(int(first), int(np.searchsorted(origins, stop)))

    def reach(self, lattices: Sequence[Lattice], number: Number) -> Area | None:
        """Find the smallest area that holds all windows of a region; None where it owns none."""
        areas = [self._reach(lattice, number) for lattice in lattices]
        found = [area for area in areas if area is not None]
        if not found:
            return None
        hull = found[0]
        for area in found[1:]:
            hull = hull.hull(area)
        return hull

    def _reach(self, lattice: Lattice, number: Number) -> Area | None:
        ends = []
        for axis in (0, 1):
            own = self.owned(lattice, number, axis)
            if own.start == own.stop:
                return None
            last = (own.stop - 1) * lattice.stride[axis] + lattice.window[axis]
            ends += [own.start * lattice.stride[axis], min(last, self.survey[axis])]
        return Area(*ends)

    def interior(self, lattices: Sequence[Lattice], number: Number) -> Area:
        """Find the part of a region that only its own windows cover, perhaps empty."""
        interior = self.area(number)
        for lattice in lattices:
            ends = []
            for axis in (0, 1):
                own = self.owned(lattice, number, axis)
                before = (own.start - 1) * lattice.stride[axis] + lattice.window[axis]
                after = own.stop * lattice.stride[axis]
                ends += [
                    before if own.start > 0 else 0,
                    after if own.stop < lattice.counts[axis] else self.survey[axis],
                ]
            interior = interior.intersection(Area(*ends))
        return interior if interior.size else Area(0, 0, 0, 0)

    def destinations(self, lattices: Sequence[Lattice], number: Number) -> list[Number]:
        """Regions that a region's windows touch, itself among them as a rule; sorted."""
        found: set[Number] = set()
        for lattice in lattices:
            area = self._reach(lattice, number)
            if area is not None:
                found.update(self.span(area))
        return sorted(found)
