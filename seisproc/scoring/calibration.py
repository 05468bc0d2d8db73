"""Scores of probabilities and uncertainties, from one small histogram.

A :func:`code_histogram` counts voxels by their packed value (0-254, as stored) and by a yes-or-no
outcome: fault or not, right or wrong. Average precision, AUROC, calibration and every threshold
follow from it exactly, and histograms of shards add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.schema import CODES, NONE
from seisproc.scoring.metrics import Counts

BINS = 15
"""Bins of the expected calibration error, as Guo et al. 2017 (arXiv 1706.04599) have them."""


def pack(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Pack values in [0, 1] as ``round(value * 254)``; NaN becomes 255.

    >>> pack(np.array([0.0, 0.5, 1.0, np.nan])).tolist()
    [0, 127, 254, 255]
    """
    with np.errstate(invalid="ignore"):
        codes = np.rint(np.clip(values, 0, 1) * CODES)
    return np.where(np.isnan(codes), NONE, codes).astype(np.uint8)


def code_histogram(
    codes: NDArray[np.uint8],
    outcome: NDArray[np.bool_],
    mask: NDArray[np.bool_] | None = None,
) -> Counts:
    """Count voxels by outcome and packed value.

    Parameters
    ----------
    codes : uint8, any shape
        Packed values; 255 is not counted.
    outcome : bool, same shape
        What is to be told by the value: a fault, a correct class, an error.
    mask : bool, over the leading axes, optional
        Where to count.

    Returns
    -------
    int64 (2, 255): outcome false and true, by code.

    Examples
    --------
    >>> counts = code_histogram(np.array([0, 254, 254, 255], np.uint8),
    ...                         np.array([False, True, False, True]))
    >>> counts[:, [0, 254]].tolist()
    [[1, 1], [0, 1]]
    """
    if mask is not None:
        codes, outcome = codes[mask], outcome[mask]
    joint = outcome.astype(np.uint16) * np.uint16(256) + codes
    table = np.bincount(joint.ravel(), minlength=512).reshape(2, 256)
    return table[:, :NONE].astype(np.int64)


@dataclass(frozen=True)
class Reliability:
    """Calibration in equal bins of confidence.

    Attributes
    ----------
    ece : float
        Expected calibration error: mean |confidence - accuracy| over voxels.
    confidence, accuracy : tuple of float
        Mean value and share of true outcomes in each bin; NaN in an empty bin.
    counts : tuple of int
        Voxels in each bin.
    """

    ece: float
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    counts: tuple[int, ...]


def reliability(histogram: Counts, bins: int = BINS) -> Reliability:
    """Bin a histogram of (outcome, packed confidence) and sum up its calibration.

    Bins are half-open to the left, (b/bins, (b+1)/bins]; 0 falls into the first.
    """
    codes = np.arange(CODES + 1)
    # Exact in integers: bin b holds the codes with b < code * bins / CODES <= b + 1.
    which = np.maximum(0, -(-codes * bins // CODES) - 1)
    voxels = np.bincount(which, histogram.sum(axis=0), bins)
    value = np.bincount(which, histogram.sum(axis=0) * (codes / CODES), bins)
    hits = np.bincount(which, histogram[1], bins)
    total = voxels.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        confidence, accuracy = value / voxels, hits / voxels
    ece = float(np.abs(value - hits).sum() / total) if total else math.nan
    return Reliability(ece, tuple(confidence.tolist()), tuple(accuracy.tolist()),
                       tuple(int(n) for n in voxels))


def auroc(histogram: Counts) -> float:
    """Chance that a true outcome has a higher value than a false one; ties count half.

    NaN if one of the outcomes never occurs.

    >>> histogram = np.zeros((2, 255), np.int64)
    >>> histogram[0, 10], histogram[1, 10], histogram[1, 200] = 2, 1, 1
    >>> auroc(histogram)
    0.75
    """
    negative, positive = histogram.astype(float)
    pairs = negative.sum() * positive.sum()
    if not pairs:
        return math.nan
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / pairs)


def average_precision(histogram: Counts) -> float:
    """Area under the precision-recall steps, sum of (R_n - R_n-1) P_n; NaN without truth."""
    true, all_ = (np.cumsum(h[::-1].astype(float)) for h in (histogram[1], histogram.sum(axis=0)))
    if not true[-1]:
        return math.nan
    gained = np.diff(true, prepend=0.0) / true[-1]
    with np.errstate(invalid="ignore"):
        precision = np.where(all_ > 0, true / all_, 0.0)
    return float(gained @ precision)


def best_threshold(histogram: Counts) -> float:
    """Threshold in (0, 1] at which ``value >= threshold`` has the best F1; 0.5 without truth.

    Choose it on the training or validation part; on the test part it would be a leak.

    >>> histogram = np.zeros((2, 255), np.int64)
    >>> histogram[0, :128], histogram[1, 127:] = 10, 5
    >>> round(best_threshold(histogram) * 254)
    128
    """
    true = np.cumsum(histogram[1, ::-1])[::-1].astype(float)
    marked = np.cumsum(histogram.sum(axis=0)[::-1])[::-1]
    if not histogram[1].sum():
        return 0.5
    f1 = 2 * true / (marked + true[0])
    # Code 0 would mark everything, dead quiet ground too; a floor does that, no interpreter would.
    code = 1 + int(np.argmax(f1[1:]))
    return code / CODES


def threshold_code(threshold: float) -> int:
    """Smallest packed value that counts as marked at a threshold.

    >>> threshold_code(0.5), threshold_code(1.0), threshold_code(30 / 254)
    (127, 254, 30)
    """
    return math.ceil(threshold * CODES - 1e-6)


def counts_at(histogram: Counts, threshold: float) -> Counts:
    """Confusion matrix (2, 2) of ``value >= threshold`` against the outcome."""
    code = threshold_code(threshold)
    marked = histogram[:, code:].sum(axis=1)
    return np.stack([histogram[:, :code].sum(axis=1), marked], axis=1)
