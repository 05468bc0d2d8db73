"""A second look at a trained network: counts on the validation patches, and where it is worst."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from models.batches import made_ahead, validation_batches
from models.losses import NONE
from models.runtime import autocast, choose_device, deterministic_torch, fast_layout
from models.split import SplitNetwork
from models.train_config import TrainConfig
from models.training_data import PatchSet
from models.validation import FaciesCounts, FaultCounts

#: Patches that are shown.
WORST = 6


@dataclass(frozen=True)
class WorstPatch:
    """A section of a validation patch that the network gets wrong.

    Attributes
    ----------
    number : int
        Of the patch, in the order of the set.
    error : float
        Mean cross-entropy over the labelled voxels of the whole patch, in nats.
    seismic : float32 (trace, sample)
    truth : uint8 (trace, sample)
        255 where unlabelled.
    answer : float32 (trace, sample)
        Class codes, or the probability of a fault.
    """

    number: int
    error: float
    seismic: NDArray[np.float32]
    truth: NDArray[np.uint8]
    answer: NDArray[np.float32]


@dataclass(frozen=True)
class Review:
    """Counts over all validation patches, and the worst of these, worst first."""

    counts: FaciesCounts | FaultCounts
    worst: tuple[WorstPatch, ...]


def review(
    config: TrainConfig, network: SplitNetwork, patches: PatchSet, worst: int = WORST
) -> Review:
    """Run a trained network over the validation patches once more, without dropout.

    Of a block, the section along its first axis with the largest error is shown.

    Parameters
    ----------
    config : TrainConfig
        Its target, classes, batch size, device and precision.
    network : SplitNetwork
    patches : PatchSet
    worst : int
        How many are kept.
    """
    device = choose_device(config.device)
    facies = config.target == "facies"
    counts: FaciesCounts | FaultCounts = FaciesCounts(config.classes) if facies else FaultCounts()
    kept: list[tuple[float, int, WorstPatch]] = []
    network = network.to(device).eval()
    fast_layout(network, network.dimensions)
    number = 0
    batches = validation_batches(config, patches)
    with deterministic_torch(config.threads), torch.inference_mode(), made_ahead(batches) as ready:
        for window, label in ready:
            x, truth = window.to(device), label.to(device)
            fast_layout(x, network.dimensions)
            with autocast(device, config.precision):
                features = network.deterministic(x)
            logits = network.stochastic(features.float(), None, tuple(x.shape[2:]))
            counts.add(logits, truth)
            entropy = cross_entropy(logits, truth)
            answers = logits.argmax(1) if facies else logits[:, 0].sigmoid()
            for place in range(len(window)):
                known = max(1, int((truth[place] != NONE).sum()))
                error = float(entropy[place].sum()) / known
                if len(kept) < worst or error > kept[0][0]:
                    shown = _shown(number, error, window[place, 0], label[place],
                                   answers[place].float().cpu(), entropy[place].cpu())
                    # The number tells equal errors apart.
                    push = heapq.heappush if len(kept) < worst else heapq.heapreplace
                    push(kept, (error, -number, shown))
                number += 1
    return Review(counts, tuple(patch for _, _, patch in sorted(kept, reverse=True)))


def cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of every voxel in nats, float32 (batch, ...); 0 where unlabelled."""
    known = label != NONE
    target = label.long().where(known, torch.zeros_like(label, dtype=torch.long))
    if logits.shape[1] == 1:
        truth = target.to(logits.dtype)
        entropy = F.binary_cross_entropy_with_logits(logits[:, 0], truth, reduction="none")
    else:
        entropy = F.cross_entropy(logits, target, reduction="none")
    return entropy * known


def _shown(
    number: int, error: float, seismic: Tensor, label: Tensor, answer: Tensor, entropy: Tensor
) -> WorstPatch:
    """Take a section out of a patch: of a block, the worst along its first axis."""
    if label.ndim == 3:
        plane = int(entropy.sum((1, 2)).argmax())
        seismic, label, answer = seismic[plane], label[plane], answer[plane]
    return WorstPatch(
        number, error, seismic.numpy().copy(), label.numpy().copy(), answer.numpy().copy()
    )
