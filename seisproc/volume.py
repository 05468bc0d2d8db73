"""Volumes cut into boxes of whole shards.

A plan is a list of frozen :class:`Box` values; :func:`seisproc.bounded.map_bounded` carries it out,
in this process or on a Dask cluster, with a handful of tasks in flight however long the list is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from seisproc.bounded import Outcome, map_bounded

__all__ = ["Box", "Outcome", "Shape3", "boxes", "map_bounded", "tiles"]

Shape3 = tuple[int, int, int]


@dataclass(frozen=True, order=True)
class Box:
    """A half-open box of voxels, [start, stop) along inline, crossline and sample."""

    start: Shape3
    stop: Shape3

    @property
    def shape(self) -> Shape3:
        """Extents along the three axes."""
        a, b = self.start, self.stop
        return (b[0] - a[0], b[1] - a[1], b[2] - a[2])

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of the box in an array of the whole volume."""
        a, b = self.start, self.stop
        return (slice(a[0], b[0]), slice(a[1], b[1]), slice(a[2], b[2]))

    @property
    def key(self) -> str:
        """Name of the box, for records: its start.

        >>> Box((0, 128, 0), (128, 256, 512)).key
        '0-128-0'
        """
        return "-".join(map(str, self.start))


def boxes(shape: Shape3, edge: Shape3) -> list[Box]:
    """Cut a volume into boxes at multiples of ``edge``, in array order.

    >>> [box.shape for box in boxes((3, 1, 4), (2, 2, 4))]
    [(2, 1, 4), (1, 1, 4)]
    """
    return [
        Box((i.start, j.start, k.start), (i.stop, j.stop, k.stop))
        for i, j, k in tiles(shape, edge)
    ]


def tiles(shape: tuple[int, ...], edge: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Cut an array of any number of dimensions at multiples of ``edge``, in array order.

    >>> tiles((3, 1), (2, 2))
    [(slice(0, 2, None), slice(0, 1, None)), (slice(2, 3, None), slice(0, 1, None))]
    """
    cuts = (
        [slice(first, min(first + step, extent)) for first in range(0, extent, step)]
        for extent, step in zip(shape, edge, strict=True)
    )
    return list(itertools.product(*cuts))
