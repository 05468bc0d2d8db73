"""What a predictor answers, while it is on its way and when it has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.transfer import Arriving

Statistics = tuple[Tensor, Tensor, Tensor]
"""Mean (batch, channel, ...), expected entropy (batch, ...) and variance (batch, ...)."""


class Prediction(NamedTuple):
    """Averages over Monte-Carlo samples (of all members and flips) of a batch of windows.

    Attributes
    ----------
    mean : float32 (batch, channel, inline, crossline, sample)
        Probabilities in [0, 1].
    expected_entropy : float32 (batch, inline, crossline, sample)
        In nats.
    variance : float32 (batch, inline, crossline, sample)
        Of the probability over samples, members and flips, averaged over channels; 0 where there
        is one of each.
    """

    mean: NDArray[np.float32]
    expected_entropy: NDArray[np.float32]
    variance: NDArray[np.float32]


@dataclass(frozen=True)
class Submitted:
    """Windows that a device was given; :meth:`Predictor.collect` turns it into a prediction."""

    answers: Arriving
    extent: tuple[int, ...]


def together(answers: list[Statistics]) -> Statistics:
    """Average mean and expected entropy; the variance gains that of the means (total variance)."""
    if len(answers) == 1:
        return answers[0]
    means, entropies, variances = (torch.stack(part) for part in zip(*answers, strict=True))
    mean = means.mean(dim=0)
    between = (means - mean).square().mean(dim=(0, 2))
    return mean, entropies.mean(dim=0), variances.mean(dim=0) + between
