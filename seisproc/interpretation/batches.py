"""How a region's windows are dealt out to batches, and what stays empty in them.

A network pads each batch to its full size, so that a window's bits do not depend on how many
others came with it. What is padded is computed for nothing. So a lattice's windows run on from slab
to slab in one sequence, from the top of the region down, and only its last batch has empty slots::

    slab 0 | w w w w w        batches of 4:  [w w w w] [w|w w w] [w w . .]
    slab 1 |   w w w w w                                slab 1 begins within the second

A batch reaches no further than into the slab after the one in which it begins, so that memory stays
that of a few slabs. On a GPU, where batches may be large, a plan takes fewer windows a batch than
would fit if that leaves less empty.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seisproc.interpretation.regions import Number, Regions
from seisproc.interpretation.tiling import Lattice

FEW_EMPTY = 0.1
"""Empty slots, for each window, that are put up with for larger batches."""

LEAST, LEAST_VOXELS = 4, 2**20
"""Windows of a batch, or voxels if fewer windows hold as many, below which no GPU has to go."""


def batch_ends(lattice: Lattice, lateral: int, size: int, slab: int) -> Iterator[int]:
    """Yield the end of each batch in the sequence of a region's windows, level by level.

    Parameters
    ----------
    lattice : Lattice
    lateral : int
        Windows of a level: those of the region with a live trace.
    size : int
        Windows of a batch at most.
    slab : int
        Samples of a slab.

    Examples
    --------
    >>> lattice = Lattice((8, 8, 60), (8, 8, 16), (8, 8, 12))
    >>> lattice.origins(2).tolist()
    [0, 12, 24, 36, 48]
    >>> list(batch_ends(lattice, 3, 4, slab=24))
    [4, 8, 12, 15]
    >>> list(batch_ends(lattice, 1, 4, slab=12))  # two slabs hold two of them
    [2, 4, 5]
    """
    slabs = lattice.origins(2) // slab
    reach = np.searchsorted(slabs, slabs + 1, side="right") * lateral
    done, total = 0, lateral * lattice.counts[2]
    while done < total:
        done = min(done + size, int(reach[done // lateral]))
        yield done


def slots(lattice: Lattice, lateral: int, size: int, slab: int, unit: int) -> int:
    """Count the slots of a region's batches, each padded to a whole number of ``unit`` windows.

    >>> lattice = Lattice((8, 8, 60), (8, 8, 16), (8, 8, 12))
    >>> slots(lattice, 3, 4, slab=24, unit=4)
    16
    """
    total, start = 0, 0
    for end in batch_ends(lattice, lateral, size, slab):
        total += -(-(end - start) // unit) * unit
        start = end
    return total


Runs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Some runs along an axis: the first of each, and the one after its last."""


class TrueCounts:
    """Counts of what is true in boxes of a plane, from a table of sums that is made once.

    Parameters
    ----------
    flags : bool (inline, crossline)

    Examples
    --------
    >>> counts = TrueCounts(np.array([[True, False, True], [True, True, False]]))
    >>> rows, columns = np.array([[0, 1], [2, 2]]), np.array([[0, 2], [2, 3]])
    >>> counts.within(tuple(rows), tuple(columns)).tolist()
    [[3, 1], [2, 0]]
    """

    def __init__(self, flags: NDArray[np.bool_]) -> None:
        self._sums = np.zeros((flags.shape[0] + 1, flags.shape[1] + 1), np.int64)
        self._sums[1:, 1:] = flags
        for axis in (0, 1):
            np.cumsum(self._sums, axis, out=self._sums)

    def within(self, rows: Runs, columns: Runs) -> NDArray[np.int64]:
        """Count in each box of some rows and some columns, int64 (row, column)."""
        sums, (i, i_end), (j, j_end) = self._sums, rows, columns
        found: NDArray[np.int64] = (
            sums[np.ix_(i_end, j_end)] - sums[np.ix_(i, j_end)]
            - sums[np.ix_(i_end, j)] + sums[np.ix_(i, j)]
        )
        return found


def laterals(
    lattice: Lattice,
    run: TrueCounts,
    regions: Regions,
    choose: Callable[[Lattice, Number, int], slice],
) -> Counter[int]:
    """Count the regions that run so many windows at each level: windows -> regions.

    ``run`` knows which lateral positions of the lattice are run at all, (inline, crossline);
    ``choose`` which of them a region runs, or a part of it, as :meth:`Regions.owned` does.
    """
    rows, columns = regions.counts
    i_runs = [choose(lattice, (row, 0), 0) for row in range(rows)]
    j_runs = [choose(lattice, (0, column), 1) for column in range(columns)]
    (i, i_end), (j, j_end) = (
        np.array([(each.start, each.stop) for each in runs]).T for runs in (i_runs, j_runs)
    )
    sizes, times = np.unique(run.within((i, i_end), (j, j_end)), return_counts=True)
    found = Counter(dict(zip(sizes.tolist(), times.tolist(), strict=True)))
    del found[0]
    return found


def all_slots(
    levels: Iterable[tuple[Lattice, Counter[int]]], size: int, slab: int, unit: int
) -> int:
    """Count the slots of all batches of a network, by :func:`laterals` of each of its lattices.

    Where regions are done in parts, by those of each part: a part has a last batch of its own.
    """
    return sum(
        times * slots(lattice, lateral, size, slab, unit)
        for lattice, regions in levels
        for lateral, times in regions.items()
    )


def least_size(window: Sequence[int]) -> int:
    """Windows of a batch below which no GPU is asked to go.

    >>> [least_size(window) for window in ((192, 256), (64, 64, 64), (128, 128, 128))]
    [4, 4, 1]
    """
    return max(1, min(LEAST, LEAST_VOXELS // math.prod(window)))


def fitting_size(
    slots_of: Callable[[int], int], windows: int, most: int, least: int = LEAST
) -> int:
    """Choose how many windows a batch has, where up to ``most`` fit.

    The largest power of two that leaves few slots empty, else, of those that are not too small, the
    one that leaves fewest.

    Parameters
    ----------
    slots_of : callable
        Slots of all batches, by their size.
    windows, most, least : int

    Examples
    --------
    >>> fitting_size(lambda size: 10 * -(-35 // size) * size, windows=350, most=64)
    4
    >>> fitting_size(lambda size: 10 * -(-217 // size) * size, windows=2170, most=64)
    32
    """
    sizes = [2**n for n in range(most.bit_length()) if 2**n >= least] or [most]
    counted = {size: slots_of(size) for size in reversed(sizes)}
    for size, found in counted.items():
        if found <= (1.0 + FEW_EMPTY) * windows:
            return size
    return min(counted, key=lambda size: counted[size])
