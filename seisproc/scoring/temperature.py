"""Calibration after temperature scaling, from probabilities, with sums that add up.

Guo et al. 2017 (arXiv 1706.04599) divide logits by one temperature. Of a softmax that is
``p ** (1 / T)`` made to sum to one, so stored probabilities will do. The temperature is the one
with the smallest negative log-likelihood on voxels that are not scored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TEMPERATURES = tuple(float(t) for t in np.geomspace(1 / 8, 8, 49))
"""Tried; steps of 9 per cent, 1 among them."""

STEP = 16
"""Every so many samples fit a temperature: neighbours say the same."""

LEAST = 0.5 / 254
"""Probabilities are at least this before the logarithm: half a step of those stored in a byte."""


def rescale(probability: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Probabilities at another temperature: float64 (class, ...).

    Parameters
    ----------
    probability : float (class, ...)
        Sums to 1 over the first axis.
    temperature : float
        Above 1 makes less sure, below 1 surer.

    Examples
    --------
    >>> rescale(np.array([[0.8], [0.2]]), 2.0).round(3).ravel().tolist()
    [0.667, 0.333]
    """
    logarithm = np.log(np.maximum(probability, LEAST, dtype=np.float64)) / temperature
    logarithm -= logarithm.max(axis=0)
    scaled = np.exp(logarithm)
    return scaled / scaled.sum(axis=0)


def of_fault(probability: NDArray[np.floating]) -> NDArray[np.floating]:
    """Both classes' probabilities from that of a fault: (2, ...)."""
    return np.stack([1 - probability, probability])


def likelihood_sums(
    probability: NDArray[np.floating], truth: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Negative log-likelihood at each of :data:`TEMPERATURES`, summed over voxels.

    Parameters
    ----------
    probability : float (class, voxel)
    truth : uint8 (voxel,)
        Codes below the number of classes.

    Returns
    -------
    int64 (temperatures,)
        Whole millionths of a nat of each voxel, so that sums of boxes add up in any order.
    """
    logarithm = np.log(np.maximum(probability, LEAST, dtype=np.float32))
    logarithm -= logarithm.max(axis=0)
    own = np.take_along_axis(logarithm, truth[None].astype(np.intp), axis=0)[0]
    sums = []
    for inverse in (np.float32(1 / t) for t in TEMPERATURES):
        nats = np.log(np.exp(logarithm * inverse).sum(axis=0)) - own * inverse
        sums.append(int(np.rint(1e6 * nats.astype(np.float64)).sum()))
    return np.array(sums, np.int64)


def best_temperature(sums: NDArray[np.int64]) -> float:
    """Temperature with the smallest sum; 1 where no voxel was counted.

    >>> sure = np.array([[0.99] * 4, [0.01] * 4])
    >>> best_temperature(likelihood_sums(sure, np.array([0, 0, 0, 1], np.uint8))) > 3
    True
    """
    return TEMPERATURES[int(np.argmin(sums))] if sums.any() else 1.0
