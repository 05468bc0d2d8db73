"""Which lines of a survey somebody has interpreted already."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SeisprocError
from seisproc.survey import Survey

COVERED = 0.5
"""Share of a line's live traces from which on it counts as interpreted."""


def covered_lines(survey: Survey, target: str) -> dict[str, NDArray[np.bool_]]:
    """Tell which inlines and crosslines of a survey have labels of a target.

    Parameters
    ----------
    survey : Survey
        A stacked 3-D survey.
    target : str
        ``facies`` or ``fault``.

    Returns
    -------
    dict
        ``inline`` -> bool (inline,), ``crossline`` -> bool (crossline,): true where at least half
        of the live traces are interpreted in any of the survey's labels.
    """
    live = survey.live
    done = np.zeros(live.shape, bool)
    for name in survey.groups("labels"):
        if survey.has(f"labels/{name}/{target}"):
            done |= survey.read(f"labels/{name}/labelled")
    done &= live
    return {
        kind: done.sum(axis) >= COVERED * np.maximum(live.sum(axis), 1)
        for kind, axis in (("inline", 1), ("crossline", 0))
    }


class Covered:
    """Tells of lines of many surveys whether somebody has interpreted them by now.

    Only surveys that are asked about are opened, each once.

    Parameters
    ----------
    stores : mapping
        Name of a survey -> its store.
    """

    def __init__(self, stores: Mapping[str, str]) -> None:
        self.stores = stores
        self._open: dict[str, Survey] = {}
        self._covered: dict[tuple[str, str], dict[str, NDArray[np.bool_]]] = {}

    def __call__(self, survey: str, target: str, line: str, number: int) -> bool:
        """Whether a line has labels, or cannot be read: no store, or no such line any more."""
        try:
            if survey not in self._open:
                self._open[survey] = Survey(self.stores[survey])
            opened, key = self._open[survey], (survey, target)
            if key not in self._covered:
                self._covered[key] = covered_lines(opened, target)
            (at,) = np.nonzero(getattr(opened.grid, line) == number)
        except SeisprocError:
            return True
        return not len(at) or bool(self._covered[key][line][at[0]])
