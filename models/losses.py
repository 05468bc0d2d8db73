"""Losses that skip unlabelled voxels: cross-entropy plus soft Dice.

Heavy class weights thicken faults; the Dice term balances instead (geoscience notes, after the
practice of nnU-Net: Isensee et al. 2021, doi 10.1038/s41592-020-01008-z). Dice is summed over
the batch, and classes that the batch does not hold take no part in it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Label of a voxel that nobody interpreted.
NONE = 255


def facies_loss(
    logits: Tensor,
    label: Tensor,
    *,
    class_weights: Tensor | None = None,
    dice_weight: float = 0.5,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy plus ``dice_weight`` times (1 - mean Dice) over labelled pixels.

    Parameters
    ----------
    logits : float32 (batch, class, ...)
    label : uint8 or int64 (batch, ...)
        Class codes; 255 is skipped.
    class_weights : float32 (class,), optional
    dice_weight, label_smoothing : float

    Returns
    -------
    float32 scalar; 0 with a gradient of 0 where nothing is labelled.
    """
    target = label.long()
    known = target != NONE
    if not bool(known.any()):
        return logits.sum() * 0.0
    loss = F.cross_entropy(
        logits,
        target,
        weight=class_weights,
        ignore_index=NONE,
        label_smoothing=label_smoothing,
    )
    if dice_weight:
        truth = F.one_hot(target.where(known, torch.zeros_like(target)), logits.shape[1])
        truth = truth.movedim(-1, 1).to(logits.dtype) * known[:, None]
        loss = loss + dice_weight * dice_loss(logits.softmax(dim=1), truth, known[:, None])
    return loss


def fault_loss(
    logits: Tensor, label: Tensor, *, positive_weight: float = 1.0, dice_weight: float = 1.0
) -> Tensor:
    """Binary cross-entropy plus ``dice_weight`` times (1 - Dice) over labelled voxels.

    Parameters
    ----------
    logits : float32 (batch, 1, ...)
    label : uint8 (batch, ...)
        1 on faults, 0 elsewhere; 255 is skipped, so sparsely picked sections can be used.
    positive_weight : float
        Weight of fault voxels in the cross-entropy. Large values thicken faults.
    dice_weight : float

    Returns
    -------
    float32 scalar; 0 with a gradient of 0 where nothing is labelled.
    """
    known = (label != NONE)[:, None]
    if not bool(known.any()):
        return logits.sum() * 0.0
    truth = (label == 1)[:, None].to(logits.dtype)
    weight = known.to(logits.dtype) * (1.0 + (positive_weight - 1.0) * truth)
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    loss = (entropy * weight).sum() / weight.sum()
    if dice_weight:
        loss = loss + dice_weight * dice_loss(logits.sigmoid(), truth, known)
    return loss


def dice_loss(probability: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """One minus the soft Dice of each class that occurs, averaged; summed over the batch.

    ``probability`` and ``truth`` float (batch, class, ...); ``known`` bool (batch, 1, ...).
    A batch without any class that occurs gives the mean probability, which pushes it down.
    """
    axes = (0, *range(2, probability.ndim))
    probability = probability * known
    overlap = (probability * truth).sum(axes)
    total = probability.sum(axes) + truth.sum(axes)
    present = truth.sum(axes) > 0
    if not bool(present.any()):
        return probability.sum() / known.sum()
    return 1.0 - (2.0 * overlap[present] / total[present]).mean()
