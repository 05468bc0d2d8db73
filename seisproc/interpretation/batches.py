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

from seisproc.interpretation.regions import Regions
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


def laterals(
    lattice: Lattice,
    live: NDArray[np.bool_],
    regions: Regions,
    choose: Callable[[Lattice, tuple[int, int], int], slice],
) -> Counter[int]:
    """Count the regions that run so many windows at each level: windows -> regions.

    ``live``, bool (inline, crossline), says which lateral positions of the lattice are run at all;
    ``choose`` which of them a region runs, as :meth:`Regions.owned` does.
    """
    rows, columns = regions.counts
    i_runs = [choose(lattice, (row, 0), 0) for row in range(rows)]
    j_runs = [choose(lattice, (0, column), 1) for column in range(columns)]
    found = Counter(int(live[i, j].sum()) for i in i_runs for j in j_runs)
    del found[0]
    return found


def all_slots(
    levels: Iterable[tuple[Lattice, Counter[int]]], size: int, slab: int, unit: int
) -> int:
    """Count the slots of all batches of a network, by :func:`laterals` of each of its lattices."""
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
