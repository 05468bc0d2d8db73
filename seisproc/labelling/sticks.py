"""Fault sticks: joined to surfaces of triangles, and those turned into voxels.

Sticks are the polylines that an interpreter draws along a fault, one on each of some sections.
Neighbouring sticks are joined by a ruled surface: places at the same share of their lengths belong
together, so that the surface ends where the sticks end. Sticks that run across each other, drawn on
inlines and on crosslines, are joined by a Delaunay triangulation of all their points in the plane
that fits them best.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

from seisproc.errors import GeometryError
from seisproc.schema import NONE

SPACING = 1.0
"""Longest step along a stick between the corners of triangles, in voxels."""

CROSSWISE = 0.7
"""Sticks whose directions have a smaller cosine than this run across each other."""

WIDE = 5.0
"""A gap between neighbouring sticks this many times the usual one is worth a warning."""

THICKNESS = 0.05
"""Added to half the L1 norm of the normal, as for the labels of synthetic faults."""

SLACK = 0.5
"""Voxels may lie this far beyond a triangle's edge."""

Triangles = NDArray[np.float64]


def join_sticks(
    sticks: list[NDArray[np.float64]], what: str
) -> tuple[Triangles, tuple[str, ...]]:
    """Join the sticks of one fault to a surface.

    Parameters
    ----------
    sticks : list of float64 (n, 3)
        Points in voxels, in the order they were drawn; in any order of the sticks.
    what : str
        Name of the fault, for messages.

    Returns
    -------
    triangles : float64 (n, 3, 3)
        Corners in voxels.
    warnings : tuple of str

    Raises
    ------
    GeometryError
        If the points span no surface.
    """
    usable = [stick for stick in sticks if len(stick) > 1]
    if len(usable) < 2 and sum(map(len, sticks)) < 3:
        raise GeometryError(f"{what}: its points span no surface",
                            found=f"{len(sticks)} sticks, {sum(map(len, sticks))} points",
                            expected="two sticks of two points at least")
    directions = [_unit(stick[-1] - stick[0]) for stick in usable]
    along = bool(usable) and all(abs(d @ directions[0]) >= CROSSWISE for d in directions)
    if along and len(usable) > 1:
        aligned = [s if d @ directions[0] > 0 else s[::-1]
                   for s, d in zip(usable, directions, strict=True)]
        return _ruled(aligned, what)
    return _spanned(np.concatenate([_dense(stick) for stick in sticks]), what), ()


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _dense(stick: NDArray[np.float64], count: int | None = None) -> NDArray[np.float64]:
    """Points at equal steps along a stick: at most SPACING apart, or ``count`` of them."""
    steps = np.linalg.norm(np.diff(stick, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    count = count or max(2, int(np.ceil(at[-1] / SPACING)) + 1)
    wanted = np.linspace(0.0, at[-1], count)
    return np.stack([np.interp(wanted, at, stick[:, axis]) for axis in range(3)], axis=1)


def _ruled(
    sticks: list[NDArray[np.float64]], what: str
) -> tuple[Triangles, tuple[str, ...]]:
    """Join sticks that run alike, in their order across."""
    middles = np.array([stick.mean(axis=0) for stick in sticks])
    centred = middles - middles.mean(axis=0)
    across = np.linalg.svd(centred, full_matrices=False)[2][0]
    order = np.argsort(centred @ across, kind="stable")
    gaps = np.diff(np.sort(centred @ across))
    warnings: tuple[str, ...] = ()
    if len(gaps) > 2 and gaps.max() > WIDE * max(1.0, float(np.median(gaps))):
        warnings = (
            f"{what}: neighbouring sticks are up to {gaps.max():.0f} traces apart, usually "
            f"{np.median(gaps):.0f}; they are taken for one fault",
        )
    parts = []
    for left, right in zip(order[:-1], order[1:], strict=True):
        count = max(len(_dense(sticks[left])), len(_dense(sticks[right])))
        a, b = _dense(sticks[left], count), _dense(sticks[right], count)
        parts += [np.stack([a[:-1], a[1:], b[:-1]], axis=1),
                  np.stack([a[1:], b[1:], b[:-1]], axis=1)]
    return np.concatenate(parts), warnings


def _spanned(points: NDArray[np.float64], what: str) -> Triangles:
    """Triangulate points in the plane that fits them best."""
    centred = points - points.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    try:
        corners = Delaunay(centred @ axes[:2].T).simplices
    except QhullError:
        raise GeometryError(f"{what}: its points span no surface",
                            found=f"{len(points)} points on one line",
                            expected="sticks beside each other") from None
    return np.asarray(points[corners], np.float64)


class SurfaceVolume:
    """Surfaces of triangles as a fault label volume: 1 on them, 0 elsewhere, 255 on dead traces.

    A voxel is on a surface if its centre is no further from it along the normal than half the L1
    norm of the unit normal and a little: the thinnest layer of voxels without a passage between
    face neighbours, however steep (as for synthetic labels,
    :mod:`seisproc.synthetic.faults`).

    Parameters
    ----------
    triangles : float64 (n, 3, 3)
        Corners in voxels.
    live : bool (inline, crossline)
        Where traces exist.
    samples : int
        Of a trace.
    """

    def __init__(self, triangles: Triangles, live: NDArray[np.bool_], samples: int) -> None:
        self._triangles, self._live = triangles, live
        self._low, self._high = triangles.min(axis=1) - 1.5, triangles.max(axis=1) + 1.5
        self.shape = (*live.shape, samples)

    def __getitem__(self, index: Any, /) -> NDArray[np.uint8]:
        ranges = [range(*part.indices(n)) for part, n in zip(index, self.shape, strict=True)]
        first = np.array([each.start for each in ranges], np.float64)
        last = np.array([each.stop for each in ranges], np.float64)
        values = np.zeros([len(each) for each in ranges], np.uint8)
        here = ((self._high >= first) & (self._low < last)).all(axis=1)
        _draw(values, first, np.ascontiguousarray(self._triangles[here]))
        values[~self._live[index[:2]]] = NONE
        return values


@njit(cache=True, error_model="numpy")
def _draw(
    values: NDArray[np.uint8], first: NDArray[np.float64], triangles: NDArray[np.float64]
) -> None:
    """Set the voxels of a box, whose first voxel is ``first``, that lie on triangles."""
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0] - first, triangles[t, 1] - first, triangles[t, 2] - first
        ab, ac, bc = b - a, c - a, c - b
        normal = np.array([
            ab[1] * ac[2] - ab[2] * ac[1],
            ab[2] * ac[0] - ab[0] * ac[2],
            ab[0] * ac[1] - ab[1] * ac[0],
        ])
        area = np.sqrt((normal**2).sum())
        if area < 1e-9:
            continue
        normal /= area
        reach = 0.5 * np.abs(normal).sum() + THICKNESS
        lower, upper = np.empty(3, np.int64), np.empty(3, np.int64)
        for axis in range(3):
            smallest = min(a[axis], b[axis], c[axis])
            largest = max(a[axis], b[axis], c[axis])
            lower[axis] = max(0, int(np.floor(smallest - 1.5)))
            upper[axis] = min(values.shape[axis], int(np.ceil(largest + 1.5)) + 1)
        # Distances beyond each edge, in the plane: outward normals of the edges.
        for i in range(lower[0], upper[0]):
            for j in range(lower[1], upper[1]):
                for k in range(lower[2], upper[2]):
                    if values[i, j, k] == 1:
                        continue
                    p = np.array([float(i), float(j), float(k)])
                    if abs(((p - a) * normal).sum()) > reach:
                        continue
                    if (
                        _beyond(p, a, ab, normal) <= SLACK
                        and _beyond(p, b, bc, normal) <= SLACK
                        and _beyond(p, c, -ac, normal) <= SLACK
                    ):
                        values[i, j, k] = 1


@njit(cache=True, error_model="numpy", inline="always")
def _beyond(
    point: NDArray[np.float64], corner: NDArray[np.float64], edge: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> float:
    """How far a point lies outside an edge, within the triangle's plane."""
    outward0 = edge[1] * normal[2] - edge[2] * normal[1]
    outward1 = edge[2] * normal[0] - edge[0] * normal[2]
    outward2 = edge[0] * normal[1] - edge[1] * normal[0]
    length = np.sqrt(outward0**2 + outward1**2 + outward2**2)
    d0, d1, d2 = point[0] - corner[0], point[1] - corner[1], point[2] - corner[2]
    return (d0 * outward0 + d1 * outward1 + d2 * outward2) / length
