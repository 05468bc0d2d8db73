"""Values that are fixed, or drawn by each seed from a range."""

from __future__ import annotations

import numpy as np

from seisproc.errors import ConfigError

Range = float | tuple[float, float]
"""A fixed value, or (low, high) from which each seed draws its own value uniformly."""


def ends(value: Range) -> tuple[float, float]:
    """Return (low, high) of a range; both are the value where it is fixed."""
    if isinstance(value, tuple):
        low, high = value
        return float(low), float(high)
    return float(value), float(value)


def require_range(
    what: str, value: object, least: float, most: float, *, ordered: bool = True
) -> None:
    """Refuse what is no number, and no two numbers from low to high, within limits.

    Raises
    ------
    ConfigError
        With ``what`` it is about.
    """
    try:
        low, high = ends(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        low, high = most, least
    if not ordered:
        low, high = min(low, high), max(low, high)
    if not least <= low <= high <= most:
        raise ConfigError(
            what,
            found=str(value),
            expected=f"a value or (low, high) within {least:g} to {most:g}",
        )


def scaled(value: Range, factor: float) -> Range:
    """Multiply a fixed value, or both ends of a range.

    Examples
    --------
    >>> scaled(2.0, 3.0), scaled((1.0, 2.0), 3.0)
    (6.0, (3.0, 6.0))
    """
    if isinstance(value, tuple):
        return value[0] * factor, value[1] * factor
    return value * factor


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
