"""Where a fault probability is highest across the fault: its ridges, one sheet of voxels thick.

A network answers with a band of some voxels around a fault. The fault is the middle of the band,
where the probability, smoothed, is highest along the fault's normal. That is found in 3-D, not
section by section: thinning of sections has no say in what happens between them, cuts faults that
strike along a section to pieces, and gives another answer on inlines than on crosslines.
Topological thinning of the volume keeps every bump as a leaf of its own, and peels from outside in,
so that a voxel's answer depends on what is far away.

The normal is the direction in which the second derivative is most negative, and the distance to
the ridge follows from the first and second derivative along it (Steger 1998, IEEE Trans. Pattern
Anal. Mach. Intell. 20, 113-125, doi 10.1109/34.659930, in three dimensions, and of the logarithm,
for which a Gaussian across the fault is a parabola). A voxel lies on the
ridge if its centre is no further from it than half the L1 norm of the normal: the thinnest sheet
without a passage between face neighbours, as the labels of synthetic faults and of fault sticks
are (:mod:`seisproc.labelling.sticks`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from seisproc.schema import CODES, NONE

TRUNCATE = 3.0
"""The Gaussian ends at this many standard deviations."""

THICKNESS = 0.05
"""Added to half the L1 norm of the normal, as for labels."""

AROUND = 3
"""Voxels within which the normals of a sheet are averaged."""

AGREEMENT = 0.96
"""Least share of the squared normals around a voxel that point their common way: on average they
lie within 12 degrees of it. Where there is less agreement, two faults meet."""

FLAT = 1e-3
"""Curvature per voxel squared below which nothing is a ridge."""

NORMAL_SCALE = 127
"""Normals are kept as round(component * 127) in int8."""


@dataclass(frozen=True, eq=False)
class Ridges:
    """Voxels on ridges, and which way these face.

    Attributes
    ----------
    kind : uint8 (inline, crossline, sample)
        0 = none, 1 = where ridges meet or end, 2 = on a sheet.
    normal : int8 (inline, crossline, sample, 3)
        Unit normal times NORMAL_SCALE, in voxels, averaged over the ridge voxels within AROUND; of
        either sign, 0 off the ridges.
    core : bool (inline, crossline, sample)
        Voxels that are the nearest to the ridge along the axis that its normal is closest to: one
        for each bin of that face, which is how an area is counted.
    """

    kind: NDArray[np.uint8]
    normal: NDArray[np.int8]
    core: NDArray[np.bool_]


def halo(smoothing: float) -> int:
    """Voxels around a box that its ridges depend on.

    >>> halo(2.0)
    10
    """
    return _radius(smoothing) + 1 + AROUND


def _radius(smoothing: float) -> int:
    return int(TRUNCATE * smoothing + 0.5)


def find_ridges(codes: NDArray[np.uint8], threshold: float, smoothing: float) -> Ridges:
    """Find the ridges of a box of fault probability.

    Parameters
    ----------
    codes : uint8 (inline, crossline, sample)
        Probability times 254, 255 = none. With a halo of :func:`halo` voxels on every side, 255
        where that lies outside the survey.
    threshold : float
        Least probability on a ridge.
    smoothing : float
        Standard deviation of the Gaussian in voxels; values without an answer weigh nothing.

    Returns
    -------
    Ridges
        Of the box without its halo. The same voxel has the same answer in any box.
    """
    known = codes != NONE
    weight = known.astype(np.float32)
    smooth = np.where(known, codes, 0).astype(np.float32) / np.float32(CODES)
    for axis in range(3):
        smooth = _smoothed(smooth, smoothing, axis)
        if not known.all():
            weight = _smoothed(weight, smoothing, axis)
    np.divide(smooth, weight, out=smooth, where=weight > 1e-6)
    least = int(np.ceil(threshold * CODES - 1e-9))
    ridge, core = _ridges(smooth, codes, _radius(smoothing) + 1, least)
    kind, normal = _agreeing(ridge)
    return Ridges(kind, normal, core[(slice(AROUND, -AROUND),) * 3])


def _smoothed(values: NDArray[np.float32], sigma: float, axis: int) -> NDArray[np.float32]:
    # Each line along an axis is summed in the same order wherever it begins.
    return np.asarray(gaussian_filter1d(
        values, sigma, axis=axis, mode="constant", cval=0.0, radius=_radius(sigma)
    ))


@njit(cache=True, nogil=True, error_model="numpy")
def _ridges(
    smooth: NDArray[np.float32], codes: NDArray[np.uint8], margin: int, least: int
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    ni, nj, nk = smooth.shape
    shape = (ni - 2 * margin, nj - 2 * margin, nk - 2 * margin)
    normal = np.zeros((shape[0], shape[1], shape[2], 3), np.int8)
    core = np.zeros(shape, np.bool_)
    for i in range(margin, ni - margin):
        for j in range(margin, nj - margin):
            for k in range(margin, nk - margin):
                if codes[i, j, k] < least or codes[i, j, k] == NONE:
                    continue
                s = smooth[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2].astype(np.float64)
                gi = 0.5 * (s[2, 1, 1] - s[0, 1, 1])
                gj = 0.5 * (s[1, 2, 1] - s[1, 0, 1])
                gk = 0.5 * (s[1, 1, 2] - s[1, 1, 0])
                hii = s[2, 1, 1] - 2 * s[1, 1, 1] + s[0, 1, 1]
                hjj = s[1, 2, 1] - 2 * s[1, 1, 1] + s[1, 0, 1]
                hkk = s[1, 1, 2] - 2 * s[1, 1, 1] + s[1, 1, 0]
                hij = 0.25 * (s[2, 2, 1] - s[2, 0, 1] - s[0, 2, 1] + s[0, 0, 1])
                hik = 0.25 * (s[2, 1, 2] - s[2, 1, 0] - s[0, 1, 2] + s[0, 1, 0])
                hjk = 0.25 * (s[1, 2, 2] - s[1, 2, 0] - s[1, 0, 2] + s[1, 0, 0])
                first, _, a, b, c = _steepest(hii, hjj, hkk, hij, hik, hjk)
                if first > -FLAT:
                    continue
                slope = gi * a + gj * b + gk * c
                # exact for a Gaussian across, where slope / curvature goes too far
                distance = slope * s[1, 1, 1] / (slope * slope - s[1, 1, 1] * first)
                if abs(distance) > 0.5 * (abs(a) + abs(b) + abs(c)) + THICKNESS:
                    continue
                at = (i - margin, j - margin, k - margin)
                lead = a if abs(a) >= max(abs(b), abs(c)) else b if abs(b) >= abs(c) else c
                core[at] = -0.5 < distance / lead <= 0.5
                normal[at[0], at[1], at[2], 0] = np.int8(round(a * NORMAL_SCALE))
                normal[at[0], at[1], at[2], 1] = np.int8(round(b * NORMAL_SCALE))
                normal[at[0], at[1], at[2], 2] = np.int8(round(c * NORMAL_SCALE))
    return normal, core


@njit(cache=True, nogil=True, error_model="numpy")
def _agreeing(ridge: NDArray[np.int8]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Average the normals of a ridge over its voxels nearby, and see whether they agree."""
    wide = ridge.shape
    ni, nj, nk = wide[0] - 2 * AROUND, wide[1] - 2 * AROUND, wide[2] - 2 * AROUND
    kind = np.zeros((ni, nj, nk), np.uint8)
    normal = np.zeros((ni, nj, nk, 3), np.int8)
    for i in range(ni):
        for j in range(nj):
            for k in range(nk):
                if not ridge[i + AROUND, j + AROUND, k + AROUND].any():
                    continue
                t = np.zeros(6, np.int64)
                for di in range(-AROUND, AROUND + 1):
                    for dj in range(-AROUND, AROUND + 1):
                        for dk in range(-AROUND, AROUND + 1):
                            if di * di + dj * dj + dk * dk > AROUND * AROUND:
                                continue
                            n = ridge[i + AROUND + di, j + AROUND + dj, k + AROUND + dk]
                            p, q, r = np.int64(n[0]), np.int64(n[1]), np.int64(n[2])
                            t += np.array([p * p, q * q, r * r, p * q, p * r, q * r])
                scale = -1.0 / float(t[0] + t[1] + t[2])
                common, _, a, b, c = _steepest(
                    t[0] * scale, t[1] * scale, t[2] * scale, t[3] * scale, t[4] * scale,
                    t[5] * scale,
                )
                kind[i, j, k] = 2 if -common >= AGREEMENT else 1
                normal[i, j, k, 0] = np.int8(round(a * NORMAL_SCALE))
                normal[i, j, k, 1] = np.int8(round(b * NORMAL_SCALE))
                normal[i, j, k, 2] = np.int8(round(c * NORMAL_SCALE))
    return kind, normal


@njit(cache=True, nogil=True, error_model="numpy")
def _steepest(
    xx: float, yy: float, zz: float, xy: float, xz: float, yz: float
) -> tuple[float, float, float, float, float]:
    """Two lowest eigenvalues of a symmetric matrix, and the unit vector of the lowest.

    By Jacobi rotations: few, and right for eigenvalues that nearly agree, unlike closed forms.
    """
    m = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    v = np.eye(3)
    for _ in range(12):
        off = abs(m[0, 1]) + abs(m[0, 2]) + abs(m[1, 2])
        if off < 1e-12:
            break
        for p in range(2):
            for q in range(p + 1, 3):
                if abs(m[p, q]) < 1e-15:
                    continue
                theta = 0.5 * (m[q, q] - m[p, p]) / m[p, q]
                t = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
                if theta < 0:
                    t = -t
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                for r in range(3):
                    left, right = m[r, p], m[r, q]
                    m[r, p], m[r, q] = c * left - s * right, s * left + c * right
                for r in range(3):
                    left, right = m[p, r], m[q, r]
                    m[p, r], m[q, r] = c * left - s * right, s * left + c * right
                for r in range(3):
                    left, right = v[r, p], v[r, q]
                    v[r, p], v[r, q] = c * left - s * right, s * left + c * right
    order = np.argsort(np.array([m[0, 0], m[1, 1], m[2, 2]]))
    low = order[0]
    return m[low, low], m[order[1], order[1]], v[0, low], v[1, low], v[2, low]
