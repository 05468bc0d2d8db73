"""Scores on validation patches, from counts that add up batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.losses import NONE

#: Bins of fault probability for average precision: fine enough that ties do not matter.
BINS = 4096


@dataclass(frozen=True)
class Scores:
    """What one pass over the validation patches says.

    Attributes
    ----------
    loss : float
        Mean loss over batches.
    metric : float
        What decides which checkpoint is best: mean IoU over classes that occur for facies,
        average precision for faults.
    per_class : tuple of float
        IoU of each class for facies (NaN where it never occurs); (best Dice, IoU at the
        threshold of that Dice, that threshold) for faults.
    """

    loss: float
    metric: float
    per_class: tuple[float, ...]


class FaciesCounts:
    """Confusion counts int64 (truth, prediction)."""

    def __init__(self, classes: int) -> None:
        self.confusion = np.zeros((classes, classes), np.int64)

    def add(self, logits: Tensor, label: Tensor) -> None:
        """Add a batch: logits (batch, class, ...), label uint8 (batch, ...), 255 skipped."""
        classes = len(self.confusion)
        known = label != NONE
        pair = label[known].long() * classes + logits.argmax(dim=1)[known]
        counts = torch.bincount(pair, minlength=classes * classes)
        self.confusion += counts.reshape(classes, classes).cpu().numpy()

    def scores(self, loss: float) -> Scores:
        """Mean IoU over the classes that occur in truth or prediction."""
        hit = np.diagonal(self.confusion).astype(np.float64)
        union = self.confusion.sum(0) + self.confusion.sum(1) - hit
        iou = np.full(len(hit), np.nan)
        np.divide(hit, union, out=iou, where=union > 0)
        metric = float(np.nanmean(iou)) if np.isfinite(iou).any() else 0.0
        return Scores(loss, metric, tuple(float(value) for value in iou))


class FaultCounts:
    """Histograms int64 (bin,) of fault probability, on faults and elsewhere."""

    def __init__(self) -> None:
        self.fault = np.zeros(BINS, np.int64)
        self.other = np.zeros(BINS, np.int64)

    def add(self, logits: Tensor, label: Tensor) -> None:
        """Add a batch: logits (batch, 1, ...), label uint8 (batch, ...), 255 skipped."""
        index = (logits[:, 0].sigmoid() * BINS).long().clamp_(0, BINS - 1)
        self.fault += torch.bincount(index[label == 1], minlength=BINS).cpu().numpy()
        self.other += torch.bincount(index[label == 0], minlength=BINS).cpu().numpy()

    def scores(self, loss: float) -> Scores:
        """Average precision, and the Dice, IoU and threshold where Dice is best."""
        hit = np.cumsum(self.fault[::-1]).astype(np.float64)
        marked = hit + np.cumsum(self.other[::-1])
        truth = hit[-1]
        if truth == 0:
            return Scores(loss, 0.0, (0.0, 0.0, 1.0))
        precision = hit / np.maximum(marked, 1)
        average = float(np.sum(np.diff(hit / truth, prepend=0.0) * precision))
        dice = 2 * hit / (marked + truth)
        best = int(np.argmax(dice))
        iou = hit[best] / (marked[best] + truth - hit[best])
        threshold = (BINS - 1 - best) / BINS
        return Scores(loss, average, (float(dice[best]), float(iou), threshold))


def class_counts(labels: Sequence[NDArray[np.generic]], classes: int) -> NDArray[np.int64]:
    """Voxels of each class, int64 (classes,), in a sequence of label patches; 255 skipped."""
    counts = np.zeros(256, np.int64)
    for label in labels:
        counts += np.bincount(np.asarray(label, np.uint8).ravel(), minlength=256)
    return counts[:classes]
