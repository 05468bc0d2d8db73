"""Whether traces follow one another along a line on the map: a 2-D line that nothing else numbers.

A survey of many lines, or shots, would jump from line to line, turn back, or stay where it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.columns import Columns
from seisproc.segy.layout import NULL_COORDINATE, Field

FEWEST_TRACES, MOST_TRACES = 10, 2_000_000
OWN_PLACES = 0.95
"""Share of the traces that must have a place of their own; at bends two may share one."""

LONGEST_STEP = 20.0
"""Steps that are this many times the usual one are jumps to another line."""

LONGEST_WAY = 1.5
"""Length of the way over the diagonal of the area it lies in: two lines side by side have 2."""


def follows_path(columns: Columns, pair: tuple[Field, Field]) -> bool:
    """Whether each trace has a place of its own, a step from the one before it, along one way.

    Parameters
    ----------
    columns : dict
        Header words, (trace,).
    pair : tuple of Field
        Words of the coordinates.

    >>> import numpy as np
    >>> x, y = Field(181, "i4"), Field(185, "i4")
    >>> along = np.arange(1, 51)
    >>> follows_path({x: 25 * along, y: 10 * along + along**2 // 50}, (x, y))
    True
    >>> follows_path({x: 25 * (along % 10), y: 25 * (along // 10)}, (x, y))
    False
    """
    words = [columns[field] for field in pair]
    if not FEWEST_TRACES <= len(words[0]) <= MOST_TRACES:
        return False
    places = np.stack([word.astype("float64") for word in words], axis=1)
    if ((places == NULL_COORDINATE) | ((places == 0).all(axis=1)[:, None])).any():
        return False
    own = len(np.unique(places, axis=0))
    steps = _lengths(places)
    usual = float(np.median(steps))
    way, diagonal = float(steps.sum()), float(np.hypot(*np.ptp(places, axis=0)))
    return bool(
        own >= OWN_PLACES * len(places)
        and 0 < usual
        and steps.max() <= LONGEST_STEP * usual
        and way <= LONGEST_WAY * diagonal
    )


def numbering(columns: Columns, words: Sequence[Field]) -> Field | None:
    """Return the first of some words that gives every trace a number, rising or falling."""
    for word in words:
        steps = np.diff(columns[word].astype("int64"))
        if len(steps) and ((steps > 0).all() or (steps < 0).all()):
            return word
    return None


def _lengths(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the steps from trace to trace, float64 (trace - 1,)."""
    steps: NDArray[np.float64] = np.hypot(*np.diff(places, axis=0).T)
    return steps
