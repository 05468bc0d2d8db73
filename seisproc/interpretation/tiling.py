"""The lattice of windows that a network sees, fixed on the survey's grid.

::

    survey   |--------------------------------|
    windows  [=========]
                   [=========]
                         [=========]
                               [=========]......   the last one reaches outside and reflects

Windows start at multiples of the stride from the survey's origin, whatever the cluster, the region
or the order of work. Every voxel lies in at least one window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.volume import Shape3

INLINE = "inline"
CROSSLINE = "crossline"
ORIENTATIONS = (INLINE, CROSSLINE)
"""Sections on which a 2-D network may run: along an inline, or along a crossline."""

NARROW = 4
"""A section with less than 1/NARROW of a window's traces shows a 2-D network mostly mirrors."""


USUAL_OVERLAP = {2: 0.25, 3: 0.375}
"""Share of a window that its neighbour sees too unless told, by the dimensions of the network.

Windows of volumes meet along three axes, and are smaller than sections: with a quarter more than
0.5 % of their labels differ from one pass over everything (``docs/interpretation.md``)."""

_FLOAT_ERROR = 1e-6
"""Voxels by which a stride may be out: ``1 - 0.9`` is less than 0.1."""

LARGEST = 128
"""Extent of the largest windows that are chosen unasked."""


def reflect(index: NDArray[np.int64], extent: int) -> NDArray[np.int64]:
    """Map positions outside [0, extent) to where a mirror at the first and last voxel shows them.

    Works for any distance and any extent; with extent 1 everything maps to 0.

    >>> reflect(np.arange(-3, 8), 4).tolist()
    [3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]
    """
    if extent == 1:
        return np.zeros_like(index)
    period = 2 * (extent - 1)
    folded = np.mod(index, period)
    return np.minimum(folded, period - folded)


@dataclass(frozen=True)
class Lattice:
    """Windows of one shape at multiples of a stride over a survey.

    Parameters
    ----------
    shape : (int, int, int)
        Extents of the survey, (inline, crossline, sample).
    window, stride : (int, int, int)
        Window shape and spacing in voxels, 1 <= stride <= window.
    first : int
        Index of the first window, where a network has more than one lattice.

    Examples
    --------
    >>> lattice = Lattice((256, 256, 256), (64, 64, 64), (48, 48, 48))
    >>> lattice.counts, lattice.size
    ((5, 5, 5), 125)
    >>> lattice.origins(0).tolist()
    [0, 48, 96, 144, 192]
    """

    shape: Shape3
    window: Shape3
    stride: Shape3
    first: int = 0

    def __post_init__(self) -> None:
        axes = zip(self.shape, self.window, self.stride, strict=True)
        if not all(extent >= 1 and 1 <= step <= edge for extent, edge, step in axes):
            raise ConfigError(
                "windows do not cover the survey",
                found=f"survey {self.shape}, window {self.window}, stride {self.stride}",
                expected="extents of at least 1 and 1 <= stride <= window",
            )

    @cached_property
    def counts(self) -> Shape3:
        """Windows along each axis."""
        i, j, k = (
            max(0, math.ceil((extent - edge) / step)) + 1
            for extent, edge, step in zip(self.shape, self.window, self.stride, strict=True)
        )
        return (i, j, k)

    @property
    def size(self) -> int:
        """Number of windows."""
        return math.prod(self.counts)

    def origins(self, axis: int) -> NDArray[np.int64]:
        """First voxel of each window along an axis, int64 (count,)."""
        return np.arange(self.counts[axis], dtype=np.int64) * self.stride[axis]

    def index(self, i: int, j: int, k: int) -> int:
        """Index of the window that is the i-th, j-th, k-th along the axes: unique, from ``first``.

        >>> Lattice((9, 9, 9), (4, 4, 4), (4, 4, 4), first=100).index(0, 1, 2)
        105
        """
        _, j_count, k_count = self.counts
        return self.first + (i * j_count + j) * k_count + k

    def source(self, axis: int, origin: int) -> NDArray[np.int64]:
        """Voxels that fill a window along an axis, mirrored where it reaches outside."""
        return reflect(
            np.arange(origin, origin + self.window[axis], dtype=np.int64), self.shape[axis]
        )

    def owners(self, axis: int, edge: int) -> NDArray[np.int64]:
        """Which region of ``edge`` voxels owns each window along an axis: where its centre lies.

        A centre outside the survey counts as its last voxel.
        """
        centres = self.origins(axis) + self.window[axis] // 2
        return np.minimum(centres, self.shape[axis] - 1) // edge


def lattices(
    shape: Shape3,
    window: Sequence[int],
    overlap: float | None = None,
    orientations: Sequence[str] | None = None,
    multiple: int = 1,
) -> tuple[Lattice, ...]:
    """Lattices on which a network runs over a survey: one for 3-D, one an orientation for 2-D.

    Parameters
    ----------
    shape : (int, int, int)
        Extents of the survey, (inline, crossline, sample).
    window : (int, int, int) or (int, int)
        (inline, crossline, sample) of a 3-D network, (trace, sample) of a 2-D one.
    overlap : float, optional
        Share of a window that its neighbour along an axis sees too, in [0, 0.9]; by default
        ``USUAL_OVERLAP``.
    orientations : sequence of str, optional
        Of a 2-D network: ``inline``, ``crossline``, or both. By default both, save that sections
        with less than a quarter of a window's traces are left out where the other orientation has
        longer ones: they would show the network little but mirrors.
    multiple : int
        What the network's windows are multiples of, since it halves them. Strides are too, so that
        all windows pool the same voxels together, and none may overlap less than is asked for.

    Raises
    ------
    ConfigError
        If the overlap or an orientation is none.

    Examples
    --------
    >>> [each.window for each in lattices((400, 300, 500), (128, 96), 0.25)]
    [(1, 128, 96), (128, 1, 96)]
    >>> [each.window for each in lattices((601, 1, 1501), (128, 96), 0.25)]
    [(128, 1, 96)]
    >>> [each.stride for each in lattices((400, 300, 500), (96, 64, 64), 0.25, multiple=16)]
    [(64, 48, 48)]
    """
    if orientations is not None:
        _require_orientations(orientations)
    overlap = USUAL_OVERLAP[len(window)] if overlap is None else overlap
    if not isinstance(overlap, Real) or not 0.0 <= overlap <= 0.9:
        raise ConfigError(
            "overlap of windows", found=repr(overlap), expected="a number, 0 to 0.9",
            do="Give it as a share of a window, such as 0.25",
        )
    if len(window) == 3:
        windows = [(window[0], window[1], window[2])]
    else:
        trace, sample = window
        chosen = orientations or _wide_enough(shape, trace)
        along = {INLINE: (1, trace, sample), CROSSLINE: (trace, 1, sample)}
        windows = [along[name] for name in ORIENTATIONS if name in chosen]
    made: list[Lattice] = []
    for each in windows:
        i, j, k = (_stride(edge, overlap, multiple) for edge in each)
        made.append(Lattice(shape, each, (i, j, k), first=sum(other.size for other in made)))
    return tuple(made)


def _require_orientations(orientations: Any) -> None:
    several = isinstance(orientations, Iterable) and not isinstance(orientations, str)
    if not several or any(each not in ORIENTATIONS for each in orientations):
        raise ConfigError(
            "orientations of sections",
            found=repr(orientations),
            expected=f"a list of {' or '.join(map(repr, ORIENTATIONS))}, or of both",
            do=f"Give them as [{INLINE!r}], or leave them out",
        )


def _stride(edge: int, overlap: float, multiple: int) -> int:
    step = max(1, math.floor(edge * (1.0 - overlap) + _FLOAT_ERROR))
    return step - step % multiple if step > multiple else step


def fitting_window(
    shape: Shape3, learned: Sequence[int], overlap: float | None, multiple: int
) -> tuple[int, ...]:
    """Choose the window of a network of volumes that takes windows of any size.

    The larger windows are, the less differs from one pass over the whole survey, and the more
    memory a worker needs: with windows of ``LARGEST`` along each axis nearly a GiB. So they are at
    least three quarters of that, or of twice what the network learned from if that is less; of
    those, along each axis, the one that computes fewest voxels over this survey. A survey as narrow
    as one window gets one.

    Parameters
    ----------
    shape : (int, int, int)
        Extents of the survey, (inline, crossline, sample).
    learned : (int, int, int)
        Window on which the network was trained: none is smaller.
    overlap : float or None
        As in :func:`lattices`.
    multiple : int
        What extents of windows are multiples of.

    Examples
    --------
    >>> fitting_window((2000, 70, 256), (64, 64, 64), None, 16)
    (128, 80, 128)
    """
    overlap = USUAL_OVERLAP[len(learned)] if overlap is None else overlap
    chosen = []
    for extent, edge in zip(shape, learned, strict=True):
        most = max(edge, min(2 * edge, LARGEST))
        sizes = range(edge, most + 1, multiple)
        large = [size for size in sizes if size >= 0.75 * most]
        alone = [size for size in sizes if extent <= size]
        if alone:
            chosen.append(alone[0])
            continue
        work = {
            size: size * (math.ceil((extent - size) / _stride(size, overlap, multiple)) + 1)
            for size in large
        }
        chosen.append(min(large, key=lambda size: (work[size], -size)))
    return tuple(chosen)


def _wide_enough(shape: Shape3, trace: int) -> list[str]:
    """Orientations whose sections have traces enough, or else the one with more of them."""
    traces = {INLINE: shape[1], CROSSLINE: shape[0]}
    wide = [name for name in ORIENTATIONS if traces[name] * NARROW >= trace]
    return wide or [max(ORIENTATIONS, key=lambda name: traces[name])]
