"""Which lines of a survey somebody has interpreted already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
