"""Temperature scaling: one number that makes probabilities mean what they say.

Guo et al. 2017 (arXiv:1706.04599), fitted to the mean over Monte-Carlo samples, since that is
what the products hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from models.errors import TrainingError
from models.losses import NONE
from models.montecarlo import window_masks
from models.runtime import fast_layout
from models.split import SplitNetwork

#: Temperatures that are tried.
BOUNDS = (0.05, 20.0)
#: Bins of the expected calibration error.
BINS = 15


@dataclass(frozen=True)
class Calibration:
    """A temperature, with negative log-likelihood (nats) and ECE before and after it."""

    temperature: float
    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float


def fit_temperature(logits: NDArray[np.float32], label: NDArray[np.uint8]) -> Calibration:
    """Find the temperature with the smallest negative log-likelihood on held-out voxels.

    Parameters
    ----------
    logits : float32 (sample, voxel, class) or (voxel, class)
        Class 1 is a binary network's logit.
    label : uint8 (voxel,)
        Class codes or 0/1; 255 is skipped.

    Raises
    ------
    TrainingError
        No voxel is labelled.

    Examples
    --------
    >>> truth = np.array([0, 0, 0, 1] * 50, np.uint8)       # right three times out of four
    >>> sure = np.tile(np.array([[8.0, 0.0]], np.float32), (200, 1))
    >>> round(8 / fit_temperature(sure, truth).temperature, 1)  # log(0.75 / 0.25)
    1.1
    """
    samples = logits[None] if logits.ndim == 2 else logits
    known = label != NONE
    if not known.any():
        raise TrainingError("no labelled voxel to calibrate on")
    z = torch.from_numpy(np.ascontiguousarray(samples[:, known])).double()
    truth = torch.from_numpy(label[known].astype(np.int64))

    def likelihood(log_temperature: float) -> float:
        p = mean_probability(z, float(np.exp(log_temperature)))
        return float(-p.gather(1, truth[:, None]).clamp_min(1e-12).log().mean())

    best = minimize_scalar(likelihood, bounds=np.log(BOUNDS), method="bounded")
    # The likelihood need not be convex in the temperature of a mixture: never do worse than 1.
    log_temperature = float(best.x) if best.fun < likelihood(0.0) else 0.0
    temperature = float(np.exp(log_temperature))
    return Calibration(
        temperature=temperature,
        nll_before=likelihood(0.0),
        nll_after=likelihood(log_temperature),
        ece_before=calibration_error(mean_probability(z, 1.0), truth),
        ece_after=calibration_error(mean_probability(z, temperature), truth),
    )


def mean_probability(logits: Tensor, temperature: float) -> Tensor:
    """Probabilities (voxel, class) averaged over samples; two columns for a binary network."""
    z = logits / temperature
    if z.shape[2] == 1:
        p = z.sigmoid().mean(0)
        return torch.cat([1 - p, p], dim=1)
    return z.softmax(dim=2).mean(0)


def calibration_error(probability: Tensor, truth: Tensor) -> float:
    """Measure the expected calibration error over 15 equal bins of the largest probability."""
    confidence, predicted = probability.max(dim=1)
    right = (predicted == truth).double()
    index = (confidence * BINS).ceil().long().clamp_(1, BINS) - 1
    count = torch.bincount(index, minlength=BINS).double()
    gap = torch.bincount(index, right - confidence.double(), minlength=BINS).abs()
    return float((gap / count.sum()).sum())


def best_threshold(
    logits: NDArray[np.float32], label: NDArray[np.uint8], temperature: float
) -> float:
    """Probability of a fault from which on marking gives the best Dice on held-out voxels.

    Parameters
    ----------
    logits : float32 (sample, voxel, 1)
    label : uint8 (voxel,)
        0 or 1; 255 is skipped.
    temperature : float
        Divides the logits, as it will in use.

    Returns
    -------
    float
        In [0.02, 0.98], in steps of 0.01; 0.5 where no voxel is a fault.

    Examples
    --------
    >>> truth = np.array([0] * 60 + [1] * 40, np.uint8)
    >>> logits = np.where(truth == 1, -1.0, -3.0).astype(np.float32)  # 0.27 and 0.05
    >>> 0.05 < best_threshold(logits[None, :, None], truth, 1.0) <= 0.27
    True
    """
    known = label != NONE
    truth = label[known] == 1
    if not truth.any():
        return 0.5
    scaled = torch.from_numpy(np.ascontiguousarray(logits[:, known, 0])) / temperature
    probability = scaled.sigmoid().mean(0).numpy()
    candidates = np.arange(2, 99) / 100
    # Of equally good thresholds the middle one, farthest from where it stops being good.
    dice = [2 * (truth & (p := probability >= c)).sum() / (p.sum() + truth.sum())
            for c in candidates]
    best = np.flatnonzero(np.isclose(dice, max(dice)))
    return float(candidates[best[len(best) // 2]])


def validation_logits(
    network: SplitNetwork,
    seismic: Sequence[NDArray[np.float32]],
    label: Sequence[NDArray[np.uint8]],
    *,
    samples: int = 20,
    voxels: int = 50_000,
    seed: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Logits float32 (sample, voxel, class) and labels of voxels drawn from every patch.

    ``samples`` 1 makes one pass without dropout. About ``voxels`` labelled voxels are drawn,
    as many from each patch, so that the fit stays small.
    """
    network.eval()
    rng = np.random.default_rng(seed)
    each = max(1, voxels // len(seismic))
    device = next(network.parameters()).device
    drawn, truth = [], []
    with torch.inference_mode():
        for number, (window, target) in enumerate(zip(seismic, label, strict=True)):
            flat = np.asarray(target, np.uint8).ravel()
            known = np.flatnonzero(flat != NONE)
            if len(known) == 0:
                continue
            picked = rng.choice(known, min(each, len(known)), replace=False)
            x = torch.from_numpy(np.asarray(window, np.float32)[None]).to(device)
            if x.ndim == network.dimensions + 1:  # the seismic alone, without an axis of channels
                x = x[:, None]
            fast_layout(x, network.dimensions)
            features = network.deterministic(x).float()
            masks = (
                None
                if samples == 1
                else window_masks(network.head, seed, number, samples).to(device)
            )
            logits = network.stochastic(features, masks, tuple(x.shape[2:])).flatten(2)
            drawn.append(logits[:, :, torch.from_numpy(picked)].movedim(1, 2).cpu().numpy())
            truth.append(flat[picked])
    if not drawn:
        raise TrainingError("no labelled voxel to calibrate on")
    return np.concatenate(drawn, axis=1), np.concatenate(truth)
