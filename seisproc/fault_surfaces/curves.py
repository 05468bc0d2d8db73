"""A fault surface on one section: a curve, and whether it goes on as one on the next line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

GAP = 6.0
"""Voxels across which a curve goes on within a section."""

LEAST = 4
"""Voxels that a curve is long, at least."""

ASIDE = 2.0
"""Voxels, for each line between them, by which curves of one sheet may lie apart."""

TOLERANCE = 0.5
"""Voxels by which a stick may leave the curve that it draws."""

Curve = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trace:
    """A curve on one line.

    Attributes
    ----------
    line : int
        Index of the inline or crossline.
    along : bool
        Whether ``places`` are given by sample; else samples by trace, where a fault is flat.
    first : int
        Sample (or trace) of the first place.
    places : float64 (n,)
        Trace (or sample) at each step from ``first`` on, in voxels.
    """

    line: int
    along: bool
    first: int
    places: Curve

    def points(self) -> Curve:
        """(trace, sample) of the whole curve: float64 (n, 2)."""
        steps = self.first + np.arange(len(self.places), dtype=np.float64)
        pair = (self.places, steps) if self.along else (steps, self.places)
        return np.stack(pair, axis=1)

    def overlap(self, other: Trace) -> int:
        """Count the steps on which two curves lie side by side."""
        if self.along != other.along:
            return 0
        first = max(self.first, other.first)
        stop = min(self.first + len(self.places), other.first + len(other.places))
        if stop <= first:
            return 0
        ours = self.places[first - self.first : stop - self.first]
        theirs = other.places[first - other.first : stop - other.first]
        return int((np.abs(ours - theirs) <= ASIDE * abs(self.line - other.line)).sum())


def traces(line: int, places: NDArray[np.int64], along: bool) -> list[Trace]:
    """Draw the curves of one surface on one line.

    Parameters
    ----------
    line : int
        Index of the line.
    places : int64 (n, 2)
        (trace, sample) of the surface's voxels.
    along : bool
        Whether the surface is steep: one trace for each sample.
    """
    if len(places) < 2:
        return []
    pairs = cKDTree(places).query_pairs(GAP, output_type="ndarray")
    ones = np.ones(len(pairs), np.int8)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(places),) * 2)
    count, piece = connected_components(graph, directed=False)
    found = []
    for number in range(count):
        mine = places[piece == number]
        step, place = (mine[:, 1], mine[:, 0]) if along else (mine[:, 0], mine[:, 1])
        first, last = int(step.min()), int(step.max())
        if last - first + 1 < LEAST:
            continue
        counts = np.bincount(step - first)
        known = np.flatnonzero(counts)
        mean = np.bincount(step - first, place)[known] / counts[known]
        every = np.interp(np.arange(last - first + 1), known, mean)
        found.append(Trace(line, along, first, every))
    return found


def simplified(points: Curve) -> Curve:
    """Leave out points that a curve does without, within TOLERANCE.

    Ramer 1972, doi 10.1016/S0146-664X(72)80017-0; Douglas and Peucker 1973.

    Parameters
    ----------
    points : float64 (n, 2)

    Examples
    --------
    >>> simplified(np.array([[0.0, 0], [1, 0.2], [2, 0], [3, 4]])).tolist()
    [[0.0, 0.0], [2.0, 0.0], [3.0, 4.0]]
    """
    kept = np.zeros(len(points), bool)
    kept[[0, -1]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        a, b = spans.pop()
        if b - a < 2:
            continue
        way = points[b] - points[a]
        way = way / np.hypot(*way)
        away = points[a + 1 : b] - points[a]
        off = np.abs(away[:, 0] * way[1] - away[:, 1] * way[0])
        worst = int(off.argmax())
        if off[worst] > TOLERANCE:
            kept[a + 1 + worst] = True
            spans += [(a, a + 1 + worst), (a + 1 + worst, b)]
    return points[kept]
