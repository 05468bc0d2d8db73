"""A classifier two-sample test: how well a small network tells real from synthetic patches.

After Lopez-Paz and Oquab (2017, Revisiting classifier two-sample tests): where two samples come
from one distribution, no classifier does better than chance on held-out ones. The network and its
training are fixed, so that figures of different days and generators compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import t as student
from torch import Tensor, nn

from models.errors import ModelError
from models.runtime import deterministic_torch

EPOCHS = 8
BATCH = 64
RATE = 2e-3
_WIDTHS = (16, 24, 32, 48)
_LEAST = 16

Patches = NDArray[np.float32]


@dataclass(frozen=True)
class Split:
    """Patches of two kinds, float32 (patch, trace, sample) each, for training and held out."""

    first_train: Patches
    second_train: Patches
    first_test: Patches
    second_test: Patches


@dataclass(frozen=True)
class Accuracy:
    """Balanced accuracy of telling two kinds of patches apart; a half is chance.

    Parameters
    ----------
    mean : float
        Over the runs.
    low, high : float
        95 % confidence interval of the mean over runs (Student), cut to [0, 1].
    runs : tuple of float
        Each run's own.
    """

    mean: float
    low: float
    high: float
    runs: tuple[float, ...]


def tell_apart(splits: Sequence[Split], seed: int = 0) -> Accuracy:
    """Train the network once on each split, and score it on what it has not seen.

    Parameters
    ----------
    splits : sequence of Split
        One per run, two or more.
    seed : int
        Decides weights and order, with the run's number.

    Returns
    -------
    Accuracy
        The same for the same arguments on one machine.

    Raises
    ------
    ModelError
        If there are fewer than two splits, or patches are smaller than 16 x 16.
    """
    if len(splits) < 2:
        raise ModelError("a two-sample test", found=f"{len(splits)} runs", expected="2 or more")
    runs = [_run(split, seed + number) for number, split in enumerate(splits)]
    mean, spread = float(np.mean(runs)), float(np.std(runs, ddof=1)) / len(runs) ** 0.5
    reach = float(student.ppf(0.975, len(runs) - 1)) * spread
    return Accuracy(
        mean=round(mean, 4),
        low=round(max(mean - reach, 0.0), 4),
        high=round(min(mean + reach, 1.0), 4),
        runs=tuple(round(run, 4) for run in runs),
    )


class Teller(nn.Module):
    """Four strided convolutions and a mean and maximum over the patch; about 25,000 parameters.

    Takes float32 (patch, 1, trace, sample) of any size from 16 x 16; gives the logit of the second
    kind, (patch,).
    """

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        before = 1
        for number, width in enumerate(_WIDTHS):
            size = 5 if number == 0 else 3
            blocks += [
                nn.Conv2d(before, width, size, stride=2, padding=size // 2, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            before = width
        self.body = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * before, 1))

    def forward(self, patches: Tensor) -> Tensor:
        """Logits, (patch,)."""
        found = self.body(patches)
        pooled = torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1)
        logits: Tensor = self.head(pooled)[:, 0]
        return logits


def _run(split: Split, seed: int) -> float:
    """Balanced accuracy on the held-out patches after one training."""
    train, labels = _join(split.first_train, split.second_train)
    with deterministic_torch(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Teller()
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
        steps = EPOCHS * -(-len(train) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        network.train()
        for _ in range(EPOCHS):
            for chosen in torch.split(torch.randperm(len(train)), BATCH):
                batch = train[chosen]
                # A section read from its other end is as real, and so is one a little louder.
                turned = torch.rand(len(batch)) < 0.5
                batch[turned] = batch[turned].flip(2)
                batch = batch * torch.exp(0.1 * torch.randn(len(batch), 1, 1, 1))
                loss = nn.functional.binary_cross_entropy_with_logits(
                    network(batch), labels[chosen]
                )
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
        network.eval()
        with torch.inference_mode():
            first, second = (
                torch.cat([network(part) for part in torch.split(_tensor(patches), 256)])
                for patches in (split.first_test, split.second_test)
            )
    return float(((first < 0).double().mean() + (second >= 0).double().mean()) / 2)


def _join(first: Patches, second: Patches) -> tuple[Tensor, Tensor]:
    labels = torch.cat([torch.zeros(len(first)), torch.ones(len(second))])
    return torch.cat([_tensor(first), _tensor(second)]), labels


def _tensor(patches: Patches) -> Tensor:
    if patches.ndim != 3 or not len(patches) or min(patches.shape[1:]) < _LEAST:
        raise ModelError("patches of a two-sample test", found=f"shape {patches.shape}",
                         expected=f"(patch, trace, sample), {_LEAST} x {_LEAST} or more")
    return torch.from_numpy(np.ascontiguousarray(patches, np.float32))[:, None]
