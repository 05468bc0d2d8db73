"""Facies scores from counts that add up over volumes of any size.

Everything follows from the confusion matrix. Counts of shards are summed in any order and give
the figures of the whole volume exactly; see :mod:`seisproc.scoring.calibration` for probabilities
and
:mod:`seisproc.scoring.tolerance` for faults.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SeisprocError
from seisproc.schema import NONE

Counts = NDArray[np.int64]


def confusion(
    truth: NDArray[np.uint8],
    prediction: NDArray[np.uint8],
    classes: int,
    mask: NDArray[np.bool_] | None = None,
) -> Counts:
    """Count voxels by true and predicted class.

    Parameters
    ----------
    truth, prediction : uint8, any common shape
        Class codes below ``classes``; a voxel that is 255 in either is not counted.
    classes : int
        Number of codes.
    mask : bool, broadcastable over the leading axes, optional
        Where to count, e.g. (inline, crossline) of a volume (inline, crossline, sample).

    Returns
    -------
    int64 (classes, classes); rows are the truth, columns the prediction.

    Raises
    ------
    SeisprocError
        If a code is neither a class nor 255.

    Examples
    --------
    >>> truth = np.array([[0, 0, 1], [1, 255, 1]], np.uint8)
    >>> confusion(truth, np.array([[0, 1, 1], [1, 1, 0]], np.uint8), 2).tolist()
    [[1, 1], [1, 2]]
    >>> confusion(truth, truth, 2, np.array([True, False])).tolist()
    [[2, 0], [0, 1]]
    """
    if mask is not None:
        truth, prediction = truth[mask], prediction[mask]
    pairs = truth.astype(np.uint16) * np.uint16(256) + prediction
    table = np.bincount(pairs.ravel(), minlength=1 << 16).reshape(256, 256)
    known = np.zeros(256, bool)
    known[:classes] = known[NONE] = True
    if table[~known].any() or table[:, ~known].any():
        wrong = np.flatnonzero((table.any(axis=1) | table.any(axis=0)) & ~known)
        raise SeisprocError(
            "Class codes outside the class set",
            found=", ".join(map(str, wrong[:8])),
            expected=f"0 to {classes - 1}, or {NONE} for none",
        )
    return table[:classes, :classes].astype(np.int64)


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class. NaN where a denominator is zero: nothing predicted, or no truth."""

    name: str
    precision: float
    recall: float
    f1: float
    iou: float
    voxels: int


@dataclass(frozen=True)
class FaciesScores:
    """Scores of a facies volume.

    Attributes
    ----------
    classes : tuple of ClassScores
        In code order; ``voxels`` is the truth's count.
    pixel_accuracy : float
        PA: share of voxels that are right.
    mean_class_accuracy : float
        MCA: mean recall of the classes that occur in the truth.
    mean_iou, mean_f1 : float
        Mean over the classes that occur in the truth or the prediction.
    frequency_weighted_iou : float
        FWIU: IoU weighted by the truth's voxels.
    confusion : tuple of tuples of int
        Rows are the truth, columns the prediction.
    """

    classes: tuple[ClassScores, ...]
    pixel_accuracy: float
    mean_class_accuracy: float
    mean_iou: float
    mean_f1: float
    frequency_weighted_iou: float
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; NaN becomes None."""
        return plain(self)


def facies_scores(counts: Counts, names: Sequence[str]) -> FaciesScores:
    """Scores from a confusion matrix.

    Examples
    --------
    >>> scores = facies_scores(np.array([[3, 1], [0, 4]]), ["shale", "sand"])
    >>> scores.pixel_accuracy, scores.classes[0].iou, scores.classes[1].precision
    (0.875, 0.75, 0.8)
    """
    right = np.diag(counts).astype(float)
    truth, predicted = counts.sum(axis=1), counts.sum(axis=0)
    union = truth + predicted - right
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision, iou = right / truth, right / predicted, right / union
        f1 = 2 * right / (truth + predicted)
        accuracy = float(right.sum() / counts.sum())
        weighted = float(iou[truth > 0] @ truth[truth > 0] / truth.sum())
    return FaciesScores(
        classes=tuple(
            ClassScores(name, float(precision[c]), float(recall[c]), float(f1[c]), float(iou[c]),
                        int(truth[c]))
            for c, name in enumerate(names)
        ),
        pixel_accuracy=accuracy,
        mean_class_accuracy=_mean(recall[truth > 0]),
        mean_iou=_mean(iou[union > 0]),
        mean_f1=_mean(f1[union > 0]),
        frequency_weighted_iou=weighted,
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def plain(value: Any) -> Any:
    """Turn dataclasses, tuples and NaN into what JSON has.

    >>> plain(ClassScores("sand", math.nan, 1.0, 0.5, 0.25, 3))["precision"] is None
    True
    """
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
