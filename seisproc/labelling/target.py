"""What labels are brought onto: a survey's lattice, its traces, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.grid import Lattice
from seisproc.labelling.placed import axis_text
from seisproc.schema import KINDS
from seisproc.survey import Survey
from seisproc.volumes.volume import affine_of

KINDS_WITH_LABELS = ("3d", "2d")


@dataclass(frozen=True, eq=False)
class Target:
    """A survey that gets labels.

    Attributes
    ----------
    name : str
        Of its store, for messages.
    lattice : Lattice
        Axes.
    live : bool (inline, crossline) or (trace,)
        Where a trace exists.
    x, y : float64 of the same shape, or None
        Eastings and northings in m, NaN where unknown.
    """

    name: str
    lattice: Lattice
    live: NDArray[np.bool_]
    x: NDArray[np.float64] | None = None
    y: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, survey: Survey) -> Target:
        """Read what there is to know of a survey store.

        Raises
        ------
        GeometryError
            If it holds gathers or traces without a grid.
        """
        lattice = survey.lattice
        if lattice.kind not in KINDS_WITH_LABELS:
            raise GeometryError(
                f"{survey.url} cannot have labels",
                found=KINDS[lattice.kind],
                expected=" or ".join(KINDS[kind] for kind in KINDS_WITH_LABELS),
                do="Stack pre-stack data first",
            )
        places = [survey.read(name) if survey.has(name) else None for name in ("cdp_x", "cdp_y")]
        return cls(survey.url, lattice, survey.live, *places)

    @property
    def inline(self) -> NDArray[np.integer]:
        """Inline numbers of a 3-D survey."""
        return self.lattice.axes["inline"]

    @property
    def crossline(self) -> NDArray[np.integer]:
        """Crossline numbers of a 3-D survey."""
        return self.lattice.axes["crossline"]

    @cached_property
    def affine(self) -> dict[str, float] | None:
        """Map from line numbers to places: x0, x_inline, x_crossline, y0, ...; None if unknown."""
        if self.x is None or self.y is None:
            return None
        return affine_of(self.lattice, self.x, self.y)

    @property
    def bin_m(self) -> float | None:
        """Longer edge of a bin, or distance between traces of a line, in m; None if unknown."""
        if self.affine is not None:
            edges = [np.hypot(self.affine[f"x_{n}"], self.affine[f"y_{n}"])
                     for n in ("inline", "crossline")]
            return float(max(edges))
        if self.lattice.kind != "2d" or self.x is None or self.y is None:
            return None
        steps = np.hypot(np.diff(self.x), np.diff(self.y))
        steps = steps[np.isfinite(steps) & (steps > 0)]
        return float(np.median(steps)) if len(steps) else None

    def line_numbers(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fractional inline and crossline numbers of places, float64 (n,) each.

        Raises
        ------
        GeometryError
            If the survey has no coordinates, or they follow no affine map of its line numbers.
        """
        found = self.affine
        matrix = np.zeros((2, 2)) if found is None else np.array(
            [[found["x_inline"], found["x_crossline"]], [found["y_inline"], found["y_crossline"]]]
        )
        bin_size = float(np.sqrt(abs(np.linalg.det(matrix))))
        if found is None or not bin_size > 0 or found["rms"] > 0.5 * bin_size:
            raise GeometryError(
                f"{self.name} has no coordinates that follow its line numbers",
                do="Export the points with inline and crossline numbers instead of X and Y",
            )
        numbers = np.linalg.solve(matrix, np.stack([x - found["x0"], y - found["y0"]]))
        return numbers[0], numbers[1]

    def indices(
        self, inline: NDArray[np.float64], crossline: NDArray[np.float64],
        sample: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Fractional indices of points in the volume, float64 (n, 3); outside it too.

        ``sample`` is in ms or m, the line numbers may lie between lines.
        """
        axes = (self.inline, self.crossline, self.lattice.sample)
        return np.stack(
            [_index(np.asarray(axis, np.float64), values)
             for axis, values in zip(axes, (inline, crossline, sample), strict=True)], axis=1,
        )

    def require_here(
        self, x: NDArray[np.float64], y: NDArray[np.float64],
        places: tuple[NDArray[np.int64], ...], what: str,
    ) -> None:
        """Raise :class:`GeometryError` if labels with the survey's line numbers lie elsewhere.

        Parameters
        ----------
        x, y : float64 (inline, crossline) or (trace,)
            Of the labels' cells, NaN or 0 where unknown.
        places : two int64 (n,), or one
            Indices of these cells in the survey.
        what : str
            Name of the labels.
        """
        bin_m = self.bin_m
        if self.x is None or self.y is None or bin_m is None:
            return
        ours = [each[np.ix_(*places)] for each in (self.x, self.y)]
        known = np.isfinite(ours[0]) & np.isfinite(x) & ((x != 0) | (y != 0))
        if not known.any():
            return
        away = float(np.median(np.hypot(x - ours[0], y - ours[1])[known]))
        if away > bin_m:
            raise GeometryError(
                f"{what} belongs to another survey: its cells with the same line numbers lie "
                "elsewhere",
                found=f"{away:,.0f} m away",
                expected=f"within a bin, {bin_m:.1f} m",
                do="Give labels of this survey, or correct their coordinates",
            )

    def mask_of(
        self, inlines: tuple[int, ...], crosslines: tuple[int, ...]
    ) -> NDArray[np.bool_]:
        """Traces on some lines, bool (inline, crossline).

        Raises
        ------
        GeometryError
            If the survey lacks one of these lines.
        """
        mask = np.zeros(self.lattice.map_shape, bool)
        for name, lines, axis in (("inline", inlines, 0), ("crossline", crosslines, 1)):
            for line in lines:
                at = np.flatnonzero(self.lattice.axes[name] == line)
                if not len(at):
                    raise GeometryError(
                        f"The survey has no {name} {line}",
                        expected=axis_text(self.lattice.axes[name]),
                        do=f"Check --{name}s",
                    )
                mask[(slice(None),) * axis + (at[0],)] = True
        return mask & self.live


def _index(axis: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractional index of values on a monotonic axis; beyond its ends, by its mean step."""
    count = np.arange(len(axis), dtype=np.float64)
    if len(axis) < 2:
        return values - axis[0]
    rising, order = (axis, count) if axis[-1] > axis[0] else (axis[::-1], count[::-1])
    step = (axis[-1] - axis[0]) / (len(axis) - 1)
    inside = np.interp(values, rising, order)
    outside = (values < rising[0]) | (values > rising[-1])
    found: NDArray[np.float64] = np.where(outside, (values - axis[0]) / step, inside)
    return found
