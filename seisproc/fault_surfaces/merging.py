"""Pieces of surfaces from all boxes joined to whole surfaces, numbered from the largest down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from seisproc.fault_surfaces.linking import COUNT, FIELDS, FIRST, HIGH, LOW, Pieces


@dataclass(frozen=True, eq=False)
class Merged:
    """Whole surfaces.

    Attributes
    ----------
    numbers : tuple of int32 (pieces + 1,)
        For each box, number of the surface by number of the piece; 0 = dropped.
    sums : int64 (surfaces, FIELDS)
        Of each surface, the largest first.
    dropped : int
        Surfaces with too few voxels, those that were dropped within a box not among them.
    """

    numbers: tuple[NDArray[np.int32], ...]
    sums: NDArray[np.int64]
    dropped: int


def merge(pieces: Sequence[Pieces], least_voxels: int) -> Merged:
    """Join pieces by the links that leave their boxes.

    Parameters
    ----------
    pieces : sequence of Pieces
        Of all boxes; their ``labels`` are not looked at.
    least_voxels : int
        Surfaces of fewer voxels are dropped.

    Returns
    -------
    Merged
        Numbers by size, the first voxel in array order deciding between equals: the same whatever
        the boxes and their order.
    """
    counts = np.array([len(each.sums) for each in pieces], np.int64)
    first = np.concatenate([[0], np.cumsum(counts)])
    total = int(first[-1])
    voxel = np.concatenate([each.border_voxel for each in pieces])
    owner = np.concatenate([each.border_piece.astype(np.int64) - 1 + at
                            for each, at in zip(pieces, first, strict=False)])
    order = np.argsort(voxel, kind="stable")
    voxel, owner = voxel[order], owner[order]
    ends = []
    for each, at in zip(pieces, first, strict=False):
        place = np.searchsorted(voxel, each.link_voxel)
        ends.append(np.stack([each.link_piece.astype(np.int64) - 1 + at, owner[place]]))
    a, b = np.concatenate(ends, axis=1)
    graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(total, total))
    count, member = connected_components(graph, directed=False)
    sums = np.zeros((count, FIELDS), np.int64)
    each_piece = (np.concatenate([each.sums for each in pieces]) if total
                  else np.zeros((0, FIELDS), np.int64))
    sums[:, LOW : LOW + 3] = sums[:, FIRST, None] = np.iinfo(np.int64).max
    added = [n for n in range(FIELDS) if n != FIRST and not LOW <= n < HIGH + 3]
    for n in added:
        np.add.at(sums[:, n], member, each_piece[:, n])
    for n in (FIRST, *range(LOW, LOW + 3)):
        np.minimum.at(sums[:, n], member, each_piece[:, n])
    for n in range(HIGH, HIGH + 3):
        np.maximum.at(sums[:, n], member, each_piece[:, n])
    large = np.flatnonzero(sums[:, COUNT] >= least_voxels)
    ranked = large[np.lexsort((sums[large, FIRST], -sums[large, COUNT]))]
    number = np.zeros(count, np.int32)
    number[ranked] = np.arange(1, len(ranked) + 1)
    numbers = tuple(
        np.concatenate([[0], number[member[at : at + n]]]).astype(np.int32)
        for at, n in zip(first, counts, strict=False)
    )
    return Merged(numbers, sums[ranked], count - len(ranked))
