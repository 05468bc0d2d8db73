"""From fault probability to marks: what is too short to be a fault is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from seisproc.scoring.tolerance import ToleranceCounts, tolerance_counts, tolerance_scores

LEAST_EXTENT = 24
"""Samples that a fault's mark spans at least, from its top to its bottom.

Single reflectors end, bend and break for many reasons; a fault breaks several. On held-out
synthetic sections, where there are few such reasons, this costs nothing: F1 within five samples is
0.772 with and without.
"""

CANDIDATES = tuple(step / 100 for step in range(5, 100, 5))
"""Probabilities from which on a fault may be marked."""

SLACK = 0.005
"""F1 that is given up for a lower threshold: faults of a survey are fainter than synthetic ones."""


def marking_threshold(
    told: Sequence[NDArray[np.float32]], truth: Sequence[NDArray[np.uint8]]
) -> float:
    """Choose the probability from which on faults of sections are marked.

    The lowest of :data:`CANDIDATES` whose F1 within five samples, of marks that are long enough, is
    no more than :data:`SLACK` below the best.

    Parameters
    ----------
    told : sequence of float32 (trace, sample)
        Fault probability of held-out sections.
    truth : sequence of uint8 (trace, sample)
        1 on faults, 255 where not interpreted.

    Returns
    -------
    float
        0.5 where there is no fault at all.
    """
    scores = []
    for candidate in CANDIDATES:
        counts = ToleranceCounts.zero()
        for probability, label_ in zip(told, truth, strict=True):
            marks = fault_marks(probability.T, candidate).T
            counts = counts + tolerance_counts(label_, marks, (0, 1))
        scores.append(tolerance_scores(counts).f1[-1] if counts.predicted and counts.true else 0.0)
    if not any(scores):
        return 0.5
    good = [c for c, score in zip(CANDIDATES, scores, strict=True) if score >= max(scores) - SLACK]
    return min(good)


def fault_marks(
    probability: NDArray[np.float32], threshold: float, least_extent: int = LEAST_EXTENT
) -> NDArray[np.bool_]:
    """Mark faults of a section.

    Parameters
    ----------
    probability : float32 (sample, trace)
    threshold : float
        Probability from which a sample is marked.
    least_extent : int
        Samples that connected marks (diagonally too) span at least; others are taken away.

    Returns
    -------
    bool (sample, trace)

    Examples
    --------
    >>> told = np.zeros((6, 3), np.float32)
    >>> told[:4, 0], told[2, 2] = 0.9, 0.9
    >>> fault_marks(told, 0.5, least_extent=3).astype(int).sum(axis=0).tolist()
    [4, 0, 0]
    """
    marked = probability >= threshold
    pieces, _ = label(marked, structure=np.ones((3, 3)))
    short = [
        number
        for number, place in enumerate(find_objects(pieces), start=1)
        if place[0].stop - place[0].start < least_extent
    ]
    marked[np.isin(pieces, short)] = False
    return marked
