"""Who hands partial sums to whom, for any number of regions, without a list of any.

Windows stand on lattices, so that two regions meet where they meet along inline and along
crossline. Two short tables, one an axis, answer for all regions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from seisproc.interpretation.regions import Number, Regions
from seisproc.interpretation.tiling import Lattice

Table = list[tuple[int, ...]]
"""Of each place along an axis, the places that it has to do with."""


class Neighbours:
    """Givers and takers of every region.

    Parameters
    ----------
    regions : Regions
    lattices : iterable of Lattice
        Those whose windows are run once and handed over, of all networks.
    """

    def __init__(self, regions: Regions, lattices: Iterable[Lattice]) -> None:
        self.counts = regions.counts
        self._givers: list[tuple[Table, Table]] = []
        self._seamless: list[list[bool]] = [[True] * count for count in self.counts]
        for lattice in lattices:
            tables = (_givers(regions, lattice, 0), _givers(regions, lattice, 1))
            if tables not in self._givers:
                self._givers.append(tables)
            for seamless, givers in zip(self._seamless, tables, strict=True):
                for place, those in enumerate(givers):
                    seamless[place] &= set(those) <= {place}
        self._takers = [(_turned(i), _turned(j)) for i, j in self._givers]

    def is_seamless(self, number: Number) -> bool:
        """Whether one step finishes a region."""
        return self._seamless[0][number[0]] and self._seamless[1][number[1]]

    def givers(self, number: Number) -> set[Number]:
        """Regions that must have run before this one can be finished: itself, and who hands to it.

        A region without seams waits for itself alone.
        """
        found = {number}
        if not self.is_seamless(number):
            for i, j in self._givers:
                found.update(itertools.product(i[number[0]], j[number[1]]))
        return found

    def takers(self, number: Number) -> set[Number]:
        """Regions that may be ready to be finished once this one has run: itself, its takers."""
        found = {number}
        for i, j in self._takers:
            found.update(itertools.product(i[number[0]], j[number[1]]))
        return found

    def in_order(self) -> Iterator[Number]:
        """Yield all regions so that neighbours come soon after each other.

        Row by row along the shorter side: what is handed over waits for one short row. Of 12 x 48
        regions 26 hold sums of neighbours at a time, along the long side 98; Hilbert's curve and
        Morton's order leave more open (79 and 56).
        """
        rows, columns = self.counts
        if columns <= rows:
            yield from itertools.product(range(rows), range(columns))
        else:
            yield from ((i, j) for j in range(columns) for i in range(rows))


def _givers(regions: Regions, lattice: Lattice, axis: int) -> Table:
    """Of each place along an axis, the owners of the windows that touch it."""
    owners = lattice.owners(axis, regions.edge[axis])
    return [
        tuple(sorted(set(owners[regions.touching(lattice, (place, place), axis)].tolist())))
        for place in range(regions.counts[axis])
    ]


def _turned(givers: Table) -> Table:
    """Turn a table of givers into one of takers."""
    takers: list[list[int]] = [[] for _ in givers]
    for taker, those in enumerate(givers):
        for giver in those:
            takers[giver].append(taker)
    return [tuple(each) for each in takers]
