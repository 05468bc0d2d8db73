"""Planes through a survey, thinned for display: which cells to read, and how to label the axes.

Only the chunks that a plane touches are read from the store. A plane of more than
:data:`MAX_PIXELS` cells along an axis is strided, which matplotlib's own antialiasing then smooths
down to the size of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.grid import Grid
from seisproc.schema import DOMAINS
from seisproc.survey import Survey

MAX_PIXELS = 2000
"""More cells than a picture has pixels, few enough to hold a plane of them in memory."""

KINDS = ("inline", "crossline", "slice")
"""Planes of constant inline number, crossline number, and time or depth, in array order."""


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a picture: what it shows and the value of each cell along it."""

    label: str
    values: NDArray[Any]
    even: bool


@dataclass(frozen=True, eq=False)
class Cut:
    """A plane through the survey.

    Attributes
    ----------
    grid : Grid
        The survey's axes.
    kind : str
        One of :data:`KINDS`.
    index : int
        Which cell along the axis that the plane is perpendicular to.
    bin_aspect : float or None
        Distance between inlines over distance between crosslines, where known: slices are then
        drawn to scale. The longer side of a slice lies across the page.
    """

    grid: Grid
    kind: str
    index: int
    bin_aspect: float | None = None

    @property
    def cell_aspect(self) -> float | None:
        """Height over width on the ground of a cell of :meth:`read`; None for sections."""
        if self.kind != "slice" or self.bin_aspect is None:
            return None
        upright = self.bin_aspect * _stride(self.grid.shape[0]) / _stride(self.grid.shape[1])
        return 1 / upright if self.turned else upright

    @property
    def turned(self) -> bool:
        """Whether a slice is drawn with the inline numbers across the page."""
        inlines, crosslines, _ = self.grid.shape
        return self.kind == "slice" and inlines * (self.bin_aspect or 1.0) > crosslines

    @property
    def across(self) -> int:
        """The array axis that the plane is perpendicular to."""
        return KINDS.index(self.kind)

    @property
    def position(self) -> float:
        """Line number, time in ms or depth in m of the plane."""
        axis = (self.grid.inline, self.grid.crossline, self.grid.sample)[self.across]
        return float(axis[self.index])

    @property
    def title(self) -> str:
        """Name of the plane for a reader, e.g. ``Inline 120`` or ``Time slice 300 ms``."""
        if self.kind != "slice":
            return f"{self.kind.capitalize()} {self.position:g}"
        noun = "Time slice" if self.grid.domain == "twt" else "Depth slice"
        return f"{noun} {self.position:g} {DOMAINS[self.grid.domain]}"

    @property
    def flat(self) -> bool:
        """Whether the plane is a single row or column of cells, and so no picture."""
        return min(extent for axis, extent in enumerate(self.grid.shape) if axis != self.across) < 2

    @property
    def horizontal(self) -> Axis:
        """Crossline for inlines, inline for crosslines, either for slices."""
        return self._axis(0 if self.kind == "crossline" or self.turned else 1)

    @property
    def vertical(self) -> Axis:
        """Time or depth for sections, inline or crossline for slices."""
        return self._axis(2 if self.kind != "slice" else int(self.turned))

    def read(self, volume: Any) -> NDArray[Any]:
        """Values on the plane, (vertical, horizontal), of an array on the survey's grid.

        ``volume`` is anything that takes integers and strided slices: numpy or Zarr.
        """
        where = tuple(
            self.index if axis == self.across else slice(None, None, _stride(extent))
            for axis, extent in enumerate(self.grid.shape)
        )
        plane = np.asarray(volume[where])
        return plane if self.kind == "slice" and not self.turned else plane.T

    def read_map(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Spread a map (inline, crossline), such as ``live``, over the plane's cells."""
        rows, columns, _ = (slice(None, None, _stride(extent)) for extent in self.grid.shape)
        if self.kind == "slice":
            plane = cells[rows, columns]
            return plane.T if self.turned else plane
        line = cells[self.index, columns] if self.kind == "inline" else cells[rows, self.index]
        return np.broadcast_to(line, (len(self.vertical.values), len(line)))

    def _axis(self, axis: int) -> Axis:
        values = (self.grid.inline, self.grid.crossline, self.grid.sample)[axis]
        return Axis(axis_label(self.grid, axis), values[:: _stride(len(values))], _even(values))


def axis_label(grid: Grid, axis: int) -> str:
    """Label of an array axis with its unit."""
    if axis < 2:
        return ("Inline", "Crossline")[axis]
    noun = "Two-way time" if grid.domain == "twt" else "Depth"
    return f"{noun} ({DOMAINS[grid.domain]})"


def display_cuts(
    survey: Survey,
    prefer: NDArray[np.bool_] | None = None,
    bin_aspect: float | None = None,
) -> tuple[Cut, ...]:
    """Choose the planes worth a picture: one of each kind, near the middle, where there are traces.

    Parameters
    ----------
    survey : Survey
    prefer : bool (inline, crossline), optional
        Traces to show rather than others, such as the interpreted ones. Default: the live ones.
    bin_aspect : float, optional
        See :class:`Cut`.

    Returns
    -------
    tuple of Cut
        In the order of :data:`KINDS`; planes of one row or column of cells are left out.
    """
    wanted = survey.live if prefer is None or not prefer.any() else prefer & survey.live
    places = (
        _fullest(wanted.sum(axis=1)),
        _fullest(wanted.sum(axis=0)),
        survey.grid.shape[2] // 2,
    )
    cuts = (
        Cut(survey.grid, kind, index, bin_aspect)
        for kind, index in zip(KINDS, places, strict=True)
    )
    return tuple(cut for cut in cuts if not cut.flat)


def _fullest(traces: NDArray[Any]) -> int:
    """Index nearest the middle among the lines that have nearly as many traces as any."""
    full = np.flatnonzero(traces >= 0.95 * traces.max())
    return int(full[np.argmin(np.abs(full - len(traces) // 2))])


def _stride(extent: int) -> int:
    return max(1, math.ceil(extent / MAX_PIXELS))


def _even(values: NDArray[Any]) -> bool:
    steps = np.diff(values)
    return bool(len(values) < 3 or np.allclose(steps, steps[0]))
