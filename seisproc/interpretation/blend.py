"""Blending of overlapping windows in integers, so that the order of work cannot change a bit.

A voxel's value is the sum of weight times probability over all windows that cover it, divided by
the sum of the weights. Probabilities become integers of 16 bits, and weights integers of at least
1, one vector an axis:

    sum(x, y, z) = sum over windows of  u(i) v(j) w(k) q,        q = round(65535 p)

The weight sum is then itself a product of three vectors, known everywhere without being added up,
and a constant prediction gives exactly that constant: ``sum = q * weight_sum``. Sums fit in 32
bits, since the weights are scaled to a weight sum of at most 65,537; addition in integers is exact
in any order, and partial sums of neighbours can be handed over and added later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, SeisprocError
from seisproc.interpretation.tiling import Lattice

ONE = 65535
"""The integer for probability 1."""

MAX_WEIGHT_SUM = (2**32 - 1) // ONE
"""Largest weight sum of a voxel for which its sums fit in uint32."""

GAUSSIAN_SIGMA = 0.125
"""Standard deviation of the Gaussian in window extents, as nnU-Net and MONAI have it."""

KINDS = ("gaussian", "hann", "flat")

_TOP = 255
_SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class AxisWeights:
    """Weights of a lattice's windows: one vector an axis, and their sums over all windows.

    Attributes
    ----------
    window : three uint32 (window extent,)
        A window's weight at (i, j, k) is ``window[0][i] * window[1][j] * window[2][k]``, >= 1.
    total : three uint32 (survey extent,)
        The weight sum of a voxel at (x, y, z) is ``total[0][x] * total[1][y] * total[2][z]``.
    """

    window: tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]
    total: tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]

    @property
    def largest_sum(self) -> int:
        """The largest weight sum of any voxel."""
        return math.prod(int(total.max()) for total in self.total)


def blend_weights(kind: str, lattices: Sequence[Lattice]) -> tuple[AxisWeights, ...]:
    """Weights for lattices that are blended into one volume, as fine as 32-bit sums allow.

    ``kind`` is ``gaussian``, ``hann`` or ``flat``. All lattices share one scale, so that each
    window counts for as much as any other.

    Raises
    ------
    ConfigError
        If the kind is unknown, or so many windows overlap that the sums do not fit.
    """
    if kind not in KINDS:
        raise ConfigError("unknown kind of blend weights", found=kind, expected=", ".join(KINDS))
    for top in (1,) if kind == "flat" else range(_TOP, 3, -1):
        weights = tuple(_weights_of(kind, lattice, top) for lattice in lattices)
        if sum(each.largest_sum for each in weights) <= MAX_WEIGHT_SUM:
            return weights
    raise ConfigError(
        "so many windows overlap that their sums do not fit in 32 bits",
        found=f"stride {lattices[0].stride} for window {lattices[0].window}",
        do="Choose a smaller overlap",
    )


def _weights_of(kind: str, lattice: Lattice, top: int) -> AxisWeights:
    window, total = [], []
    for axis in range(3):
        edge, extent = lattice.window[axis], lattice.shape[axis]
        weights = axis_weights(kind, edge, top)
        origins = lattice.origins(axis)
        covered = np.zeros(int(origins[-1]) + edge, np.uint32)
        for origin in origins:
            covered[origin : origin + edge] += weights
        window.append(weights)
        total.append(covered[:extent].copy())
    return AxisWeights((window[0], window[1], window[2]), (total[0], total[1], total[2]))


def axis_weights(kind: str, extent: int, top: int) -> NDArray[np.uint32]:
    """Integer weights along one axis of a window, symmetric, from 1 at least to ``top`` at most.

    >>> axis_weights("hann", 6, 10).tolist()
    [1, 5, 10, 10, 5, 1]
    >>> axis_weights("gaussian", 1, 10).tolist()
    [1]
    """
    if extent == 1 or kind == "flat":
        return np.ones(extent, np.uint32)
    distance = np.abs(np.arange(extent) - (extent - 1) / 2) / extent  # 0 to 0.5, symmetric
    if kind == "gaussian":
        shape = np.exp(-0.5 * (distance / GAUSSIAN_SIGMA) ** 2)
    else:
        shape = np.cos(np.pi * distance) ** 2
    scaled = np.rint(top * shape / shape.max())
    return np.maximum(scaled, 1).astype(np.uint32)


def add_window(
    sums: NDArray[np.uint32],
    values: NDArray[np.float32],
    full: float,
    weights: AxisWeights,
    corner: tuple[int, int, int],
    told: str = "the network's output",
) -> None:
    """Add one window's weighted values to the sums, in place; what lies outside them is dropped.

    Parameters
    ----------
    sums : uint32 (channel, inline, crossline, sample)
        Running sums of some box of the survey.
    values : float32 (channel, inline, crossline, sample)
        The window's values in [0, full].
    full : float
        The value that counts as 1.
    weights : AxisWeights
        Of the window's lattice.
    corner : (int, int, int)
        Where the window's first voxel lies in the box; negative before its start.
    told : str
        What the values are, and of which network, for an error.

    Raises
    ------
    SeisprocError
        If a value is not finite or lies outside [0, full] by more than a rounding error.
    """
    u, v, w = weights.window
    wrong = _add_window(sums, values, np.float32(ONE / full), u, v, w, *corner)
    if wrong:
        raise SeisprocError(
            f"{told} is out of range",
            found=f"{wrong} values of a window that are not finite or outside",
            expected=f"0 to {full:.4g}",
            do="Check the bundle, and the precision that it runs in",
        )


@numba.njit(nogil=True, cache=True)
def _add_window(sums, values, scale, u, v, w, i0, j0, k0):  # type: ignore[no-untyped-def]
    channels, i_extent, j_extent, k_extent = sums.shape
    i_window, j_window, k_window = values.shape[1:]
    i_low, i_high = max(0, -i0), min(i_window, i_extent - i0)
    j_low, j_high = max(0, -j0), min(j_window, j_extent - j0)
    k_low, k_high = max(0, -k0), min(k_window, k_extent - k0)
    low, high = np.float32(-_SLACK * ONE), np.float32((1 + _SLACK) * ONE)
    half, nothing, one = np.float32(0.5), np.int32(0), np.int32(ONE)
    length = k_high - k_low
    along = w[k_low:k_high].astype(np.int32)
    wrong = np.int32(0)
    # Signed 32-bit arithmetic throughout, which vectorises; a product past 2^31 wraps to the very
    # bits that the unsigned sum needs.
    for channel in range(channels):
        for i in range(i_low, i_high):
            for j in range(j_low, j_high):
                across = np.int32(u[i] * v[j])
                line = sums[channel, i + i0, j + j0, k_low + k0 : k_high + k0]
                value_line = values[channel, i, j, k_low:k_high]
                for k in range(length):
                    value = value_line[k] * scale
                    wrong += np.int32(not ((value >= low) & (value <= high)))  # NaN is wrong too
                    integer = min(max(np.int32(value + half), nothing), one)
                    line[k] += np.uint32(np.int32(np.int32(across * along[k]) * integer))
    return wrong
