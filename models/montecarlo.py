"""Monte-Carlo dropout over the head of a split network: mean, expected entropy, variance.

Gal and Ghahramani 2016 (arXiv:1506.02142), with dropout in the head only. A window's masks come
from a counter-based generator keyed by (seed, window index), one row a sample, so they do not
depend on the batch, the order, or how many samples are asked for.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.split import SplitNetwork, StochasticHead

#: Values that the head works on at a time, so that they stay in a core's cache.
BLOCK_VALUES = 400_000


def window_uniforms(seed: int, window_index: int, samples: int, width: int) -> NDArray[np.float32]:
    """Uniform numbers float32 (sample, width) of one window; row t is the t-th sample's.

    Examples
    --------
    >>> bool((window_uniforms(1, 7, 3, 4) == window_uniforms(1, 7, 9, 4)[:3]).all())
    True
    """
    key = np.array([seed % 2**64, window_index % 2**64], np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).random((samples, width), np.float32)


def window_masks(head: StochasticHead, seed: int, window_index: int, samples: int) -> Tensor:
    """Dropout masks float32 (sample, head.mask_width) of one window."""
    uniform = window_uniforms(seed, window_index, samples, head.mask_width)
    return head.scale(torch.from_numpy(uniform))


def sample_statistics(
    network: SplitNetwork,
    features: Tensor,
    masks: Tensor | None,
    extent: tuple[int, ...],
    temperature: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Statistics of one window's probabilities over Monte-Carlo samples.

    Parameters
    ----------
    network : SplitNetwork
    features : float32 (1, channel, ...)
        What ``network.deterministic`` gave for the window.
    masks : float32 (sample, mask_width), optional
        None makes one pass without dropout.
    extent : tuple of int
        The window's shape.
    temperature : float
        Divides the logits (Guo et al. 2017, arXiv:1706.04599).

    Returns
    -------
    mean : float32 (class, *extent)
    expected_entropy : float32 (*extent,), in nats
    variance : float32 (*extent,), averaged over classes
    """
    if tuple(features.shape[2:]) == extent:
        flat = _by_voxel_block(network, features.flatten(2), masks, temperature)
    else:
        flat = _by_sample_block(network, features, masks, extent, temperature)
    mean, entropy, variance = flat
    return mean.reshape(-1, *extent), entropy.reshape(extent), variance.reshape(extent)


def _by_voxel_block(
    network: SplitNetwork, features: Tensor, masks: Tensor | None, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """All samples of a few voxels at a time; features (1, channel, voxel)."""
    samples = 1 if masks is None else len(masks)
    voxels = features.shape[2]
    step = max(256, BLOCK_VALUES // (samples * network.head.inner.out_features))
    parts = []
    for start in range(0, voxels, step):
        logits = network.head(features[:, :, start : start + step], masks)
        total, squares, entropy = _sums(logits / temperature)
        parts.append(_statistics(total, squares, entropy, samples))
    mean, entropy, variance = (torch.cat(part, dim=-1) for part in zip(*parts, strict=True))
    return mean, entropy, variance


def _by_sample_block(
    network: SplitNetwork,
    features: Tensor,
    masks: Tensor | None,
    extent: tuple[int, ...],
    temperature: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """All voxels of a few samples at a time, for networks that bring logits to the extent."""
    samples = 1 if masks is None else len(masks)
    size = int(np.prod(extent)) * network.head.outer.out_features
    step = max(1, BLOCK_VALUES // size)
    sums: tuple[Tensor, ...] | None = None
    for start in range(0, samples, step):
        part = None if masks is None else masks[start : start + step]
        logits = network.stochastic(features, part, extent).flatten(2)
        added = _sums(logits / temperature)
        sums = added if sums is None else tuple(a + b for a, b in zip(sums, added, strict=True))
    assert sums is not None
    return _statistics(*sums, samples)


def _sums(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over samples of p, p squared and entropy; logits (sample, class, voxel)."""
    if logits.shape[1] == 1:
        probability = torch.sigmoid(logits)
        # H = softplus(z) - p z, which has no logarithm of zero.
        entropy = (torch.nn.functional.softplus(logits) - probability * logits)[:, 0]
    else:
        logits = logits - logits.amax(dim=1, keepdim=True)
        probability = logits.exp()
        norm = probability.sum(dim=1, keepdim=True)
        probability = probability / norm
        # H = log sum exp(z) - sum p z.
        entropy = norm[:, 0].log() - (probability * logits).sum(dim=1)
    return probability.sum(0), probability.square().sum(0), entropy.sum(0)


def _statistics(
    total: Tensor, squares: Tensor, entropy: Tensor, samples: int
) -> tuple[Tensor, Tensor, Tensor]:
    mean = total / samples
    variance = (squares / samples - mean.square()).clamp_min(0.0).mean(dim=0)
    return mean, (entropy / samples).clamp_min(0.0), variance
