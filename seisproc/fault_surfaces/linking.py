"""Ridge voxels linked to pieces of surfaces within a box, and how these go on outside it.

Two voxels of a sheet belong together if their normals agree and neither lies off the other's
plane. Neighbours that touch are asked for the angle alone. Others up to :data:`REACH` voxels apart
may be linked too, across a small hole or across a line where another fault runs through, which is
what lets two faults that cross go on as two, and not end as one. Each link depends on its two
voxels only, so the surfaces are the same however the volume is cut.

A voxel where ridges meet, or where one ends, links nothing. It is given to the sheet near it whose
normal is most like its own. (Wu and Hale 2016, Geophysics 81, IM47-IM62, grow surfaces in the order
of the probability instead, one after the other; that needs the whole volume at once.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from seisproc.fault_surfaces.ridges import NORMAL_SCALE, Ridges
from seisproc.volume import Box, Shape3

REACH = 12
"""Voxels across which a surface goes on."""

FAR_COSINE = 0.9962
"""Between normals across a gap, at least: 5 degrees."""

TOUCHING = 13
"""Offsets, the nearest, to voxels that touch: half of 26."""

NEAR = 2
"""Voxels within which a voxel where ridges meet is given to a sheet."""

OFF_PLANE = 1.0
"""Voxels by which the ends of a link across a gap may lie off each other's plane."""

COUNT, CODE, LOW, HIGH, FIRST, TENSOR, AREA = 0, 1, 2, 5, 8, 9, 15
FIELDS = 17
"""Columns of a piece's sums: voxels; sum of probability codes; lowest and highest indices (three
each); lowest flat index; sum of the normals' products (ii, jj, kk, ij, ik, jk); areas (two, in the
fixed point of :data:`seisproc.fault_surfaces.metric.AREA_UNIT`)."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of surfaces in one box.

    Attributes
    ----------
    labels : uint32 (inline, crossline, sample)
        Number of the piece, from 1; 0 off the surfaces.
    sums : int64 (pieces, FIELDS)
        Of each piece, see :data:`FIELDS`.
    border_voxel, border_piece : int64 (n,), uint32 (n,)
        Flat index in the survey, and piece, of all voxels that a link from elsewhere may end at.
    link_piece, link_voxel : uint32 (m,), int64 (m,)
        Links that leave the box: from which piece, to which voxel (flat index in the survey).
    """

    labels: NDArray[np.uint32]
    sums: NDArray[np.int64]
    border_voxel: NDArray[np.int64]
    border_piece: NDArray[np.uint32]
    link_piece: NDArray[np.uint32]
    link_voxel: NDArray[np.int64]


def half_ball() -> NDArray[np.int64]:
    """Offsets within REACH, one of each opposite pair: int64 (n, 3), nearest first.

    Beyond the neighbours only the even ones: a sheet has voxels enough, and these are an eighth.
    """
    span = np.arange(-REACH, REACH + 1)
    every = np.stack(np.meshgrid(span, span, span, indexing="ij"), axis=-1).reshape(-1, 3)
    far = (every**2).sum(axis=1)
    positive = (every @ np.array([(2 * REACH + 1) ** 2, 2 * REACH + 1, 1])) > 0
    near, even = np.abs(every).max(axis=1) <= 1, (every % 2 == 0).all(axis=1)
    kept = every[positive & (far <= REACH**2) & (near | even)]
    return kept[np.argsort((kept**2).sum(axis=1), kind="stable")].astype(np.int64)


def link(
    ridges: Ridges,
    codes: NDArray[np.uint8],
    areas: NDArray[np.int64],
    box: Box,
    shape: Shape3,
    least_cosine: float,
    least_voxels: int,
) -> Pieces:
    """Link the ridge voxels of a box.

    Parameters
    ----------
    ridges : Ridges
        Of the box with REACH voxels more on every side.
    codes : uint8 (inline, crossline, sample)
        Probability of the box itself.
    areas : int64 (inline, crossline, sample, 2)
        Share of each voxel of the box in the area of a surface, in fixed point.
    box : Box
        Where it lies.
    shape : (int, int, int)
        Extents of the survey.
    least_cosine : float
        Between the normals of linked voxels.
    least_voxels : int
        Pieces of fewer voxels that nothing outside can link to are dropped at once.
    """
    root, link_from, link_to = _joined(
        ridges.kind, ridges.normal, half_ball(), least_cosine * NORMAL_SCALE**2,
        np.array(box.start), np.array(shape),
    )
    inner = (slice(REACH, -REACH),) * 3
    kind, normal = ridges.kind[inner], ridges.normal[inner]
    on = np.flatnonzero(kind.ravel())
    roots, piece = np.unique(root[on], return_inverse=True)
    local = np.stack(np.unravel_index(on, box.shape), axis=1)
    flat = np.ravel_multi_index(tuple((local + box.start).T), shape)
    sums = _sums(piece, len(roots), codes.ravel()[on], local + box.start, flat,
                 normal.reshape(-1, 3)[on].astype(np.int64), areas.reshape(-1, 2)[on])
    edge = ((local < REACH) | (local >= np.array(box.shape) - REACH)).any(axis=1)
    kept = sums[:, COUNT] >= least_voxels
    kept[piece[edge]] = True
    number = np.where(kept, np.cumsum(kept), 0).astype(np.uint32)
    labels = np.zeros(box.shape, np.uint32)
    labels.ravel()[on] = number[piece]
    # many voxels of a piece are linked to the same one outside
    volume = math.prod(shape)
    source = number[np.searchsorted(roots, root[link_from])].astype(np.int64)
    leaving = np.unique(source * volume + link_to)
    return Pieces(labels, sums[kept], flat[edge], number[piece[edge]],
                  (leaving // volume).astype(np.uint32), leaving % volume)


def _sums(
    piece: NDArray[np.int64], count: int, codes: NDArray[np.uint8], place: NDArray[np.int64],
    flat: NDArray[np.int64], normal: NDArray[np.int64], areas: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Integer sums of each piece: they do not depend on the order."""
    sums = np.zeros((count, FIELDS), np.int64)
    sums[:, LOW : LOW + 3] = sums[:, FIRST, None] = np.iinfo(np.int64).max
    np.add.at(sums[:, COUNT], piece, 1)
    np.add.at(sums[:, CODE], piece, codes)
    np.minimum.at(sums[:, FIRST], piece, flat)
    pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
    for axis in range(3):
        np.minimum.at(sums[:, LOW + axis], piece, place[:, axis])
        np.maximum.at(sums[:, HIGH + axis], piece, place[:, axis])
    for n, (a, b) in enumerate(pairs):
        np.add.at(sums[:, TENSOR + n], piece, normal[:, a] * normal[:, b])
    for n in range(2):
        np.add.at(sums[:, AREA + n], piece, areas[:, n])
    return sums


@njit(cache=True, nogil=True)
def _joined(
    kind: NDArray[np.uint8], normal: NDArray[np.int8], offsets: NDArray[np.int64],
    least: float, start: NDArray[np.int64], shape: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Root voxel of each voxel of the inner box, and links that leave it."""
    ni, nj, nk = kind.shape[0] - 2 * REACH, kind.shape[1] - 2 * REACH, kind.shape[2] - 2 * REACH
    parent = np.arange(ni * nj * nk)
    sources, targets = [np.int64(0) for _ in range(0)], [np.int64(0) for _ in range(0)]
    for i in range(ni):
        for j in range(nj):
            for k in range(nk):
                at = (i + REACH, j + REACH, k + REACH)
                if kind[at] == 0:
                    continue
                here = (i * nj + j) * nk + k
                sheet = kind[at] == 2
                p0 = np.int64(normal[at[0], at[1], at[2], 0])
                p1 = np.int64(normal[at[0], at[1], at[2], 1])
                p2 = np.int64(normal[at[0], at[1], at[2], 2])
                for n in range(offsets.shape[0] if sheet else 1):
                    di, dj, dk = offsets[n, 0], offsets[n, 1], offsets[n, 2]
                    if not sheet:
                        di, dj, dk = _nearest_sheet(kind, normal, at)
                    if di > REACH:
                        continue
                    if sheet and not _linked(
                        kind, normal, at, p0, p1, p2, di, dj, dk, n >= TOUCHING, least
                    ):
                        continue
                    a, b, c = i + di, j + dj, k + dk
                    if 0 <= a < ni and 0 <= b < nj and 0 <= c < nk:
                        there = (a * nj + b) * nk + c
                        if parent[here] != parent[there]:  # most are one long since
                            _unite(parent, here, there)
                    else:
                        sources.append(here)
                        targets.append(
                            ((a + start[0]) * shape[1] + b + start[1]) * shape[2] + c + start[2]
                        )
    for n in range(len(parent)):
        parent[n] = _root(parent, n)
    return parent, np.array(sources), np.array(targets)


@njit(cache=True, nogil=True, inline="always")
def _linked(
    kind: NDArray[np.uint8], normal: NDArray[np.int8], at: tuple[int, int, int],
    p0: np.int64, p1: np.int64, p2: np.int64, di: int, dj: int, dk: int, far: bool, least: float,
) -> bool:
    limit = OFF_PLANE * NORMAL_SCALE
    # most offsets leave the plane: that costs no look at the other voxel
    if far and abs(di * p0 + dj * p1 + dk * p2) > limit:
        return False
    to = (at[0] + di, at[1] + dj, at[2] + dk)
    if kind[to] != 2:
        return False
    q0 = np.int64(normal[to[0], to[1], to[2], 0])
    q1 = np.int64(normal[to[0], to[1], to[2], 1])
    q2 = np.int64(normal[to[0], to[1], to[2], 2])
    product = abs(p0 * q0 + p1 * q1 + p2 * q2)
    if product < (max(least, FAR_COSINE * NORMAL_SCALE**2) if far else least):
        return False
    return not far or bool(abs(di * q0 + dj * q1 + dk * q2) <= limit)


@njit(cache=True, nogil=True)
def _nearest_sheet(
    kind: NDArray[np.uint8], normal: NDArray[np.int8], at: tuple[int, int, int]
) -> tuple[int, int, int]:
    """Offset to the voxel on a sheet nearby whose normal agrees best, the nearest of equals.

    Beyond REACH where there is none.
    """
    best, nearest, found = -1, 99, (REACH + 1, 0, 0)
    p = normal[at]
    for di in range(-NEAR, NEAR + 1):
        for dj in range(-NEAR, NEAR + 1):
            for dk in range(-NEAR, NEAR + 1):
                to = (at[0] + di, at[1] + dj, at[2] + dk)
                if kind[to] != 2:
                    continue
                q = normal[to]
                product = int(abs(
                    np.int64(p[0]) * q[0] + np.int64(p[1]) * q[1] + np.int64(p[2]) * q[2]
                ))
                far = di * di + dj * dj + dk * dk
                if product > best or (product == best and far < nearest):
                    best, nearest, found = product, far, (di, dj, dk)
    return found


@njit(cache=True, nogil=True)
def _root(parent: NDArray[np.int64], n: int) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@njit(cache=True, nogil=True)
def _unite(parent: NDArray[np.int64], a: int, b: int) -> None:
    a, b = _root(parent, a), _root(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b
