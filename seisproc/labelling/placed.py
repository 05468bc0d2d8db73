"""Label volumes that slice like arrays of a whole survey, whatever they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.grid import Lattice
from seisproc.schema import NONE

TOLERANCE = 0.01
"""Sample positions may differ by this share of the sample interval."""


class LabelVolume(Protocol):
    """Anything that slices like an array: NumPy, Zarr, Dask."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents along inline, crossline and sample."""
        ...

    def __getitem__(self, index: Any, /) -> Any:
        """Part of the volume, as something that ``np.asarray`` understands."""
        ...


def places_on(
    axes: Sequence[tuple[str, NDArray[Any], NDArray[Any]]], what: str
) -> tuple[NDArray[np.int64], ...]:
    """Where labels lie on a survey's axes: their indices into each of them.

    Parameters
    ----------
    axes : sequence of (name, survey's positions, labels' positions)
        The axis named ``sample`` is compared within a hundredth of its interval, others exactly.
    what : str
        Name of the labels, for messages.

    Raises
    ------
    GeometryError
        If some positions are not the survey's, or repeat: names the axis, and what differs.

    Examples
    --------
    >>> ours, theirs = np.array([100, 102, 104]), np.array([104, 102])
    >>> places_on([("inline", ours, theirs)], "labels.zarr")[0].tolist()
    [2, 1]
    """
    return tuple(_along(name, ours, theirs, what) for name, ours, theirs in axes)


def _along(
    name: str, ours: NDArray[Any], theirs: NDArray[Any], what: str
) -> NDArray[np.int64]:
    step = float(np.abs(np.diff(ours.astype(np.float64))).min(initial=np.inf))
    near = TOLERANCE * (step if np.isfinite(step) else 1.0) if name == "sample" else 0.0
    order = np.argsort(ours, kind="stable")
    ranked = ours[order].astype(np.float64)
    wanted = theirs.astype(np.float64)
    right = np.searchsorted(ranked, wanted).clip(0, len(ranked) - 1)
    left = np.maximum(right - 1, 0)
    nearer = np.abs(ranked[left] - wanted) < np.abs(ranked[right] - wanted)
    rank = np.where(nearer, left, right)
    missing = ~(np.abs(ranked[rank] - wanted) <= near)
    if missing.any() or not len(wanted):
        raise GeometryError(
            f"{what} does not lie on the survey's grid: its {name} axis differs",
            found=f"{axis_text(theirs)}, of which {int(missing.sum())} are not the survey's, "
            f"first {wanted[missing][0]:g}" if len(wanted) else "no values",
            expected=f"some or all of {axis_text(ours)}",
            do="Give labels of this survey, with its own line numbers and sample positions",
        )
    places: NDArray[np.int64] = order[rank].astype(np.int64)
    steps = np.diff(places)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise GeometryError(
            f"{what} has {name} positions that neither rise nor fall", found=axis_text(theirs),
            do="Sort the labels along this axis, each position once",
        )
    return places


def axis_text(axis: NDArray[Any]) -> str:
    """Describe an axis in a message.

    >>> axis_text(np.array([4.0, 8.0]))
    '2 values 4 to 8'
    """
    return f"{len(axis)} values {axis[0]:g} to {axis[-1]:g}" if len(axis) else "no values"


def survey_axes(lattice: Lattice) -> tuple[tuple[str, NDArray[Any]], ...]:
    """Names and positions of a survey's axes; the vertical one is called ``sample``."""
    return (*lattice.axes.items(), ("sample", lattice.sample))


def require_shape(volume: LabelVolume, what: str, lattice: Lattice) -> None:
    """Raise :class:`GeometryError` unless a volume without coordinates has the survey's shape."""
    if tuple(volume.shape) != lattice.shape:
        raise GeometryError(
            f"{what} do not lie on the survey's grid",
            found=f"shape {tuple(volume.shape)}",
            expected=f"shape {lattice.shape} ({', '.join((*lattice.lateral, 'sample'))})",
            do="Give a volume with the survey's own lines and samples",
        )


class PlacedVolume:
    """A volume that covers part of a survey, as an array of the whole survey.

    Cells that it does not cover hold 255, or NaN in float volumes.

    Parameters
    ----------
    volume : LabelVolume
        The labels as they are.
    shape : tuple of int
        The survey's extents.
    places : tuple of int64 (n,)
        Indices into the survey's axes, one array for each axis of ``volume``; each rises or falls.
        -1: what lies there is left out.
    none : float, optional
        A value of the labels that means "no label".
    """

    def __init__(
        self,
        volume: LabelVolume,
        shape: tuple[int, ...],
        places: tuple[NDArray[np.int64], ...],
        none: float | None = None,
    ) -> None:
        self._volume, self.shape, self._places, self._none = volume, shape, places, none

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        ranges = [
            range(*part.indices(extent)) for part, extent in zip(index, self.shape, strict=True)
        ]
        theirs, chosen, inside = [], [], []
        for each, places in zip(ranges, self._places, strict=True):
            found = np.flatnonzero((places >= each.start) & (places < each.stop))
            if not len(found):
                return np.full([len(r) for r in ranges], NONE, np.uint8)
            first, last = int(found[0]), int(found[-1])
            theirs.append(slice(first, last + 1))
            chosen.append(found - first)
            inside.append(places[found] - each.start)
        part = np.asarray(self._volume[tuple(theirs)])[np.ix_(*chosen)]
        if part.dtype.kind in "bi":
            part = part.astype(np.result_type(part.dtype, np.int16))
        if self._none is not None:
            part = np.where(part == self._none, np.asarray(NONE, part.dtype), part)
        values = np.full([len(r) for r in ranges], NONE, part.dtype)
        values[np.ix_(*inside)] = part
        return values


class Interpreted:
    """A volume of which only some traces count; all others hold 255."""

    def __init__(self, volume: LabelVolume, mask: NDArray[np.bool_]) -> None:
        self._volume, self._mask, self.shape = volume, mask, volume.shape

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        mask = self._mask[index[:-1]]
        if not mask.any():
            return np.full([*mask.shape, len(range(*index[-1].indices(self.shape[-1])))], NONE,
                           np.uint8)
        values = np.asarray(self._volume[index])
        if values.dtype.kind in "bi":
            values = values.astype(np.result_type(values.dtype, np.int16))
        return np.where(mask[..., None], values, np.asarray(NONE, values.dtype))
