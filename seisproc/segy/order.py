"""In which order the traces of a survey stand in their files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SORTING_NAMES = {
    1: "as recorded",
    2: "CDP ensembles",
    3: "single-fold continuous profile",
    4: "horizontally stacked",
    5: "common source points",
    6: "common receiver points",
    7: "common offset points",
    8: "common mid-points",
    9: "common conversion points",
}
"""Trace sorting codes of the binary header (bytes 3229-3230), SEG-Y rev 2.1."""


def sorting(trace_index: NDArray[np.int64]) -> str:
    """Say in which order the cells of a grid are met when the traces are read one by one.

    Parameters
    ----------
    trace_index : int64 (inline, crossline, ...)
        Trace in file order that fills each cell, -1 where none does.

    Returns
    -------
    str
        ``inline by inline``, ``crossline by crossline``, ``in no order of the lines``, or ``one
        after the other`` where there is only one line; and the direction along the lines, if it
        is always the same.

    >>> sorting(np.arange(6).reshape(2, 3))
    'inline by inline, crosslines rising'
    >>> sorting(np.arange(6).reshape(3, 2).T)
    'crossline by crossline, inlines rising'
    """
    if trace_index.ndim < 2:
        return "one after the other"
    flat = trace_index.reshape(-1)
    cells = np.flatnonzero(flat >= 0)
    order = np.full(int(flat.max(initial=-1)) + 1, -1, "int64")
    order[flat[cells]] = cells
    order = order[order >= 0]
    inline, crossline = np.unravel_index(order, trace_index.shape)[:2]
    if len(order) < 2 or min(trace_index.shape[:2]) == 1:
        return "one after the other"
    for name, slow, fast, along in (
        ("inline by inline", inline, crossline, "crosslines"),
        ("crossline by crossline", crossline, inline, "inlines"),
    ):
        turns = np.diff(slow) != 0
        if np.count_nonzero(turns) == len(np.unique(slow)) - 1:
            return name + _direction(np.diff(fast)[~turns], along)
    return "in no order of the lines"


def _direction(steps: NDArray[np.int64], along: str) -> str:
    steps = steps[steps != 0]
    if not len(steps):
        return ""
    if (steps > 0).all():
        return f", {along} rising"
    return f", {along} falling" if (steps < 0).all() else ""
