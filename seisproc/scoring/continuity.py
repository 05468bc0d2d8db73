"""Whether neighbouring traces are interpreted alike, beside how alike the labels are.

Layers go on from trace to trace. Speckle and vertical streaks break them; an interpretation that
smooths everything changes less often than the labels do. Both show in how often the class changes
between neighbouring traces at the same sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import NONE


@dataclass(frozen=True)
class ContinuityCounts:
    """Counts of neighbouring voxels, which add up over sections.

    Attributes
    ----------
    pairs : int
        Pairs of voxels on neighbouring traces that have a class in the truth and the prediction.
    true, predicted, both : int
        Pairs whose class changes in the truth, in the prediction, in both.
    """

    pairs: int = 0
    true: int = 0
    predicted: int = 0
    both: int = 0

    def __add__(self, other: ContinuityCounts) -> ContinuityCounts:
        return ContinuityCounts(
            self.pairs + other.pairs, self.true + other.true,
            self.predicted + other.predicted, self.both + other.both,
        )


def continuity_counts(
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None = None,
) -> ContinuityCounts:
    """Count changes of class from trace to trace.

    Parameters
    ----------
    truth, predicted : uint8 (trace, sample)
        Facies codes of a section, or of several sections at one trace: (section, sample). A pair
        with 255 anywhere is not counted.
    mask : bool (trace,), optional
        Traces that are counted; a pair needs both.

    Examples
    --------
    >>> truth = np.array([[0, 0], [0, 0], [0, 1]], np.uint8)
    >>> continuity_counts(truth, np.array([[0, 0], [1, 0], [0, 1]], np.uint8))
    ContinuityCounts(pairs=4, true=1, predicted=3, both=1)
    """
    known = (truth != NONE) & (predicted != NONE)
    if mask is not None:
        known &= mask[:, None]
    pair = known[:-1] & known[1:]
    true = (truth[:-1] != truth[1:]) & pair
    drawn = (predicted[:-1] != predicted[1:]) & pair
    return ContinuityCounts(
        int(pair.sum()), int(true.sum()), int(drawn.sum()), int((true & drawn).sum())
    )


@dataclass(frozen=True)
class Continuity:
    """Continuity along the traces. NaN without a pair, or where the labels never change.

    Attributes
    ----------
    agreement : float
        Share of neighbouring voxels of one class in the prediction.
    true_agreement : float
        The same in the labels.
    change_ratio : float
        Changes of the prediction over changes of the labels: 1 is as continuous as the labels,
        more is broken, less is smoothed.
    false_changes : float
        Share of the pairs where the prediction changes and the labels do not.
    """

    agreement: float
    true_agreement: float
    change_ratio: float
    false_changes: float


def continuity(counts: ContinuityCounts) -> Continuity:
    """Continuity from counts.

    >>> continuity(ContinuityCounts(pairs=4, true=1, predicted=3, both=1)).change_ratio
    3.0
    """
    n = counts.pairs or math.nan
    return Continuity(
        agreement=1 - counts.predicted / n,
        true_agreement=1 - counts.true / n,
        change_ratio=counts.predicted / counts.true if counts.true else math.nan,
        false_changes=(counts.predicted - counts.both) / n,
    )
