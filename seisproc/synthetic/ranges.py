"""Values that are fixed, or drawn by each seed from a range."""

from __future__ import annotations

import numpy as np

Range = float | tuple[float, float]
"""A fixed value, or (low, high) from which each seed draws its own value uniformly."""


def ends(value: Range) -> tuple[float, float]:
    """Return (low, high) of a range; both are the value where it is fixed."""
    if isinstance(value, tuple):
        low, high = value
        return float(low), float(high)
    return float(value), float(value)


def draw(rng: np.random.Generator, value: Range) -> float:
    """Draw from a range, consuming one random number whether it is fixed or not."""
    low, high = ends(value)
    return low + (high - low) * float(rng.random())


def draw_count(rng: np.random.Generator, value: Range) -> int:
    """Draw a whole number from a range, both ends included.

    Examples
    --------
    >>> draw_count(np.random.default_rng(0), 3)
    3
    """
    low, high = ends(value)
    return int(min(high, np.floor(low + (high - low + 1.0) * float(rng.random()))))
