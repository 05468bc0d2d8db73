"""Whether traces of two stores are the same ones where no line number says so.

The traces of a 2-D line are counted as they follow one another in their file: one that is lost or
comes in between gives all behind it other places. Their own numbers tell them apart, and so does
where they lie. Line numbers of an array that nobody gave any are a count as well.
"""

from __future__ import annotations

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.labelling.target import Target
from seisproc.places import open_place

NUMBERS = {"cdp": "CDP", "shot_point": "shot point"}
"""Words that number the traces of a line, and their names; the first that tells traces apart."""

LEAST_APART = 0.8
"""Share of traces with a number, or a place, of their own: others' repeat at bends."""


def line_numbers(url: str) -> dict[str, NDArray[np.int32]]:
    """Read the words that number a line's traces, int32 (trace,); also before it is published."""
    fs, root = open_place(url)
    return {name: np.asarray(zarr.open_array(f"{url}/{name}", mode="r")[...])
            for name in NUMBERS if fs.exists(f"{root}/{name}/zarr.json")}


def require_same_traces(
    theirs: Target, ours: Target, labelled: NDArray[np.bool_], places: NDArray[np.int64], what: str
) -> None:
    """Refuse labels of a 2-D line whose traces may have other places in a newer store.

    Parameters
    ----------
    theirs, ours : Target
        The labels' line and the new one, with the words of :func:`line_numbers`.
    labelled : bool (trace,)
        Traces with labels of the labels' line.
    places : int64 (trace,)
        Their indices in the new one.
    what : str
        Name of the labels.

    Raises
    ------
    GeometryError
        If a labelled trace has another number or lies half a trace off, or if there are neither
        numbers nor coordinates that could tell.
    """
    at, there = np.flatnonzero(labelled), places[labelled]
    numbered = _have_same_numbers(theirs, ours, at, there, what)
    placed = _lie_together(theirs, ours, at, there, what)
    if not (numbered or placed):
        raise GeometryError(
            f"{what} may belong to other traces of the line: neither CDP or shot point numbers nor "
            "coordinates tell which ones are the same",
            found=f"{ours.lattice.shape[0]:,} traces, and {theirs.lattice.shape[0]:,} in the old "
            "store",
        )


def require_not_made_up(theirs: Target, ours: Target, what: str) -> None:
    """Refuse labels of a 3-D survey whose line numbers are but a count, which has changed.

    Raises
    ------
    GeometryError
        If an axis is counted through in both stores, to another number, and no coordinates tell.
    """
    if all(_are_known(each).any() for each in (theirs, ours)):
        return
    for name, old in theirs.lattice.axes.items():
        new = ours.lattice.axes[name]
        if _is_other_count(old, new):
            raise GeometryError(
                f"{what} may belong to other {name}s: they are only counted, and no coordinates "
                "tell which ones are the same",
                found=f"{len(new):,} {name}s, and {len(old):,} in the old store",
            )


def _have_same_numbers(
    theirs: Target, ours: Target, at: NDArray[np.int64], there: NDArray[np.int64], what: str
) -> bool:
    """Whether numbers tell that traces are the same; GeometryError if that they are not."""
    for name, told in NUMBERS.items():
        if not (name in theirs.lattice.words and name in ours.lattice.words):
            continue
        old, new = theirs.lattice.words[name], ours.lattice.words[name]
        other = np.flatnonzero(old[at] != new[there])
        if len(other):
            first = other[0]
            raise GeometryError(
                f"{what} belongs to other traces of the line: their {told} numbers differ",
                found=f"{told} {new[there[first]]} instead of {old[at[first]]}, and so on at "
                f"{len(other):,} of {len(at):,} traces",
            )
        # where numbers repeat, a shift by one shows at few traces; or at none with a label
        apart = len(np.unique(old[at])) >= LEAST_APART * len(at)
        if np.array_equal(old, new) or (apart and not _is_other_count(old, new)):
            return True
    return False


def _lie_together(
    theirs: Target, ours: Target, at: NDArray[np.int64], there: NDArray[np.int64], what: str
) -> bool:
    """Whether coordinates tell that traces are the same; GeometryError if that they are not."""
    step = ours.bin_m
    if step is None or theirs.x is None or theirs.y is None or ours.x is None or ours.y is None:
        return False
    known = _are_known(theirs)[at] & _are_known(ours)[there]
    old = np.stack([theirs.x[at], theirs.y[at]], axis=1)[known]
    new = np.stack([ours.x[there], ours.y[there]], axis=1)[known]
    away = np.hypot(*(new - old).T)
    if (away >= step / 2).any():
        raise GeometryError(
            f"{what} belongs to other traces, or to another line: traces lie elsewhere",
            found=f"up to {away.max():,.1f} m away, at {int((away >= step / 2).sum()):,} of "
            f"{len(at):,} traces",
            expected=f"within half the distance between traces, {step / 2:.1f} m",
        )
    return bool(known.all()) and len(np.unique(old, axis=0)) >= LEAST_APART * len(at)


def _are_known(target: Target) -> NDArray[np.bool_]:
    """Whether a cell has coordinates, bool of the map's shape; 0, 0 is none."""
    if target.x is None or target.y is None:
        return np.zeros(target.live.shape, bool)
    x, y = target.x, target.y
    return np.isfinite(x) & np.isfinite(y) & ((x != 0) | (y != 0))


def _is_other_count(old: NDArray[np.integer], new: NDArray[np.integer]) -> bool:
    """Whether numbers run from 0 or 1, one by one, in both stores, and to another end.

    >>> _is_other_count(np.arange(1, 5), np.arange(1, 6)), _is_other_count(*[np.arange(4)] * 2)
    (True, False)
    """
    counted = all(each[0] in (0, 1) and (np.diff(each) == 1).all() for each in (old, new))
    return counted and len(old) != len(new)
