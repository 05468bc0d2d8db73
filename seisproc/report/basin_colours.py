"""Colours of a basin's map by mean uncertainty: a few steps of cividis, told in a legend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import matplotlib as mpl
from matplotlib.colors import to_hex

from seisproc.catalog.basin_map import Colouring

STEPS = 5
UNKNOWN = "not known"
UNKNOWN_COLOUR = "#b5d0e3"
"""No grey: the middle of cividis is."""

_ROUND = (1, 2, 2.5, 5, 10)


def by_uncertainty(
    target: str, means: Mapping[str, float], others: Iterable[str] = ()
) -> Colouring:
    """Colour surveys by the mean uncertainty of a target, dark (sure) to bright (doubtful).

    Parameters
    ----------
    target : str
        ``facies`` or ``fault``.
    means : mapping
        Name of a survey -> mean normalised uncertainty, 0 to 1.
    others : iterable of str
        Surveys of which nobody knows it; grey.

    Examples
    --------
    >>> by_uncertainty("fault", {"a": 0.09, "b": 0.011}).words
    {'a': '0.08 to 0.10', 'b': '0.00 to 0.02'}
    """
    step = step_of(max(means.values(), default=1.0))
    digits = next(n for n in range(2, 12) if abs(round(step, n) - step) < 1e-9 * step)
    words = [f"{n * step:.{digits}f} to {(n + 1) * step:.{digits}f}" for n in range(STEPS)]
    shades = mpl.colormaps["cividis"]
    colours = {word: to_hex(shades(n / (STEPS - 1))) for n, word in enumerate(words)}
    colours[UNKNOWN] = UNKNOWN_COLOUR
    chosen = dict.fromkeys(others, UNKNOWN)
    chosen |= {name: words[min(int(mean / step), STEPS - 1)] for name, mean in means.items()}
    return Colouring(f"mean {target} uncertainty", chosen, colours, opacity="cc")


def step_of(most: float) -> float:
    """Smallest round number of which :data:`STEPS` reach a value.

    >>> step_of(0.094), step_of(0.6), step_of(0.0)
    (0.02, 0.2, 0.2)
    """
    if most <= 0:
        return 1 / STEPS
    least = most / STEPS
    scale = 10.0 ** math.floor(math.log10(least))
    return next(round(each * scale, 12) for each in _ROUND if each * scale >= least * (1 - 1e-9))
