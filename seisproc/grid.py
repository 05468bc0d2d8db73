"""Where traces lie: the grid of a 3-D survey, and the lattice of any kind of survey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.schema import KINDS


@dataclass(frozen=True, eq=False)
class Grid:
    """The survey's axes.

    Attributes
    ----------
    inline, crossline : int32 (n,)
        Line numbers, strictly monotonic, not necessarily evenly spaced.
    sample : float64 (n,)
        Two-way time in ms or depth in m, evenly spaced.
    domain : str
        ``twt`` or ``depth``: what ``sample`` holds.
    """

    inline: NDArray[np.int32]
    crossline: NDArray[np.int32]
    sample: NDArray[np.float64]
    domain: str = "twt"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(inlines, crosslines, samples)."""
        return (len(self.inline), len(self.crossline), len(self.sample))

    @property
    def dims(self) -> tuple[str, str, str]:
        """Dimension names in array order."""
        return ("inline", "crossline", self.domain)

    @property
    def step(self) -> float:
        """Sample interval in ms or m; 1 for a single sample."""
        return float(self.sample[1] - self.sample[0]) if len(self.sample) > 1 else 1.0

    def require_same(self, other: Grid, what: str) -> None:
        """Raise :class:`GeometryError` unless ``other`` (named ``what``) is this very grid."""
        for name in ("inline", "crossline", "sample"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if len(ours) != len(theirs) or not np.allclose(ours, theirs):
                raise GeometryError(
                    f"{what} does not lie on the survey's grid: its {name} axis differs",
                    found=_axis_text(theirs),
                    expected=_axis_text(ours),
                    do="Give a volume with the survey's own line numbers and sample times",
                )


@dataclass(frozen=True, eq=False)
class Lattice:
    """The axes of an amplitude array.

    Attributes
    ----------
    kind : str
        ``3d`` (inline, crossline), ``prestack`` (inline, crossline, offset or gather_trace),
        ``2d`` or ``flat`` (trace).
    axes : dict
        Lateral dimension -> its labels, integers (n,), in array order.
    sample : float64 (n,)
        Two-way time in ms or depth in m, evenly spaced.
    domain : str
        ``twt`` or ``depth``: what ``sample`` holds.
    words : dict
        Further numbers of each trace of a line or of flat traces, such as ``cdp``: int32 (trace,).
    """

    kind: str
    axes: Mapping[str, NDArray[np.integer]]
    sample: NDArray[np.float64]
    domain: str = "twt"
    words: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)

    @property
    def lateral(self) -> tuple[str, ...]:
        """Names of the lateral dimensions."""
        return tuple(self.axes)

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimension names in array order; the vertical one last."""
        return (*self.axes, self.domain)

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the amplitude array."""
        return (*(len(labels) for labels in self.axes.values()), len(self.sample))

    @property
    def map_shape(self) -> tuple[int, ...]:
        """Extents of a map: traces of one gather lie at one place."""
        return self.shape[: min(2, len(self.axes))]

    @property
    def step(self) -> float:
        """Sample interval in ms or m; 1 for a single sample."""
        return float(self.sample[1] - self.sample[0]) if len(self.sample) > 1 else 1.0

    def grid(self, what: str) -> Grid:
        """Return the axes of a post-stack 3-D survey.

        Raises
        ------
        GeometryError
            If ``what`` holds something else, which nothing can interpret as a volume.
        """
        if self.kind != "3d":
            raise GeometryError(
                f"{what} is no stacked 3-D survey",
                found=f"{KINDS[self.kind]}, {_by(self.shape)}",
                expected=KINDS["3d"],
                do=_INSTEAD[self.kind],
            )
        inline, crossline = (labels.astype("int32") for labels in self.axes.values())
        return Grid(inline, crossline, self.sample, self.domain)


_INSTEAD = {
    "prestack": "Stack it first",
    "2d": "Crop or export the line as it is; networks look at it as .npz of a section, with"
    " `seisproc interpret --sections`",
    "flat": "Ingest it again and say where its headers hold the lines: --inline-byte and"
    " --crossline-byte",
}
"""What to do with each kind of data that is no stacked 3-D survey."""


def lattice_of(grid: Grid) -> Lattice:
    """Lattice of a post-stack 3-D grid."""
    axes = {"inline": grid.inline, "crossline": grid.crossline}
    return Lattice("3d", axes, grid.sample, grid.domain)


def describe_axes(lattice: Lattice) -> dict[str, dict[str, Any]]:
    """Count, first and last label of every axis, as plain values."""
    axes = {**lattice.axes, "sample": lattice.sample}
    told = {
        name: {"count": len(labels), "first": labels[0].item(), "last": labels[-1].item()}
        for name, labels in axes.items()
    }
    told["sample"]["step"] = lattice.step
    return told


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{extent:,}" for extent in shape)


def _axis_text(axis: NDArray[Any]) -> str:
    if not len(axis):
        return "no values"
    return f"{len(axis)} values {axis[0]:g} to {axis[-1]:g}"
