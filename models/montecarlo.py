"""Monte-Carlo dropout over the head of a split network: mean, expected entropy, variance.

Gal and Ghahramani 2016 (arXiv:1506.02142), with dropout in the head only. A window's masks come
from a counter-based generator keyed by (seed, window index), one row a sample, so they do not
depend on the batch, the order, or how many samples are asked for.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.split import SplitNetwork, StochasticHead

#: Values that are worked on at a time, so that they stay in a core's second-level cache.
BLOCK_VALUES = 270_000


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
    network: SplitNetwork, features: Tensor, masks: Tensor | None, extent: tuple[int, ...]
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

    Returns
    -------
    mean : float32 (class, *extent)
    expected_entropy : float32 (*extent,), in nats
    variance : float32 (*extent,), averaged over classes
    """
    if network.interpolates:
        mean, entropy, variance = _by_sample_block(network, features, masks, extent)
    else:
        mean, entropy, variance = (
            network.to_extent(part.reshape(1, -1, *features.shape[2:]), extent)
            for part in _by_voxel_block(network, features.flatten(2), masks)
        )
    return mean.reshape(-1, *extent), entropy.reshape(extent), variance.reshape(extent)


def _by_voxel_block(
    network: SplitNetwork, features: Tensor, masks: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """All samples of a few voxels at a time; features (1, channel, voxel).

    The logits of a voxel may stand for several voxels of the window (``unet3d`` with a folded
    stem): channels (class, voxel of the cell). Statistics come back with that second axis.
    """
    samples = 1 if masks is None else len(masks)
    voxels = features.shape[2]
    widest = max(network.head.inner.out_features, network.head.outer.out_features)
    step = max(256, BLOCK_VALUES // (samples * widest))
    cells = network.head.outer.out_features // network.classes
    mean = features.new_empty(network.classes, cells, voxels)
    entropy, variance = features.new_empty(cells, voxels), features.new_empty(cells, voxels)
    for start in range(0, voxels, step):
        block = slice(start, start + step)
        logits = network.head(features[:, :, block], masks)
        sums = _sums(logits.reshape(samples, network.classes, -1))
        parts = _statistics(*sums, samples)
        shape = (-1, cells, logits.shape[2])
        mean[..., block], entropy[..., block], variance[..., block] = (
            parts[0].reshape(shape),
            parts[1].reshape(shape[1:]),
            parts[2].reshape(shape[1:]),
        )
    return mean, entropy, variance


def _by_sample_block(
    network: SplitNetwork, features: Tensor, masks: Tensor | None, extent: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """All voxels of a few samples at a time, for networks that bring logits to the extent."""
    if masks is None:
        return _statistics(*_sums(network.stochastic(features, None, extent).flatten(2)), 1)
    step = max(1, BLOCK_VALUES // (network.classes * math.prod(extent)))
    blocks = (
        _sums(network.stochastic(features, masks[start : start + step], extent).flatten(2))
        for start in range(0, len(masks), step)
    )
    total, squares, entropy = next(blocks)
    for more_total, more_squares, more_entropy in blocks:
        total += more_total
        squares += more_squares
        entropy += more_entropy
    return _statistics(total, squares, entropy, len(masks))


def _sums(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Add up p, p squared (over classes too) and entropy; logits (sample, class, voxel)."""
    if logits.shape[1] == 1:
        probability = logits.sigmoid()
        # H = log(1 + exp(z)) - p z = -log(1 - p) - p z, without a logarithm of zero.
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, probability, reduction="none"
        )
    else:
        logarithm = logits.log_softmax(dim=1)
        probability = logarithm.exp()
        entropy = logarithm.mul_(probability).neg_()
    total = probability.sum(0)
    return total, probability.square_().sum((0, 1)), entropy.sum((0, 1))


def _statistics(
    total: Tensor, squares: Tensor, entropy: Tensor, samples: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (class, voxel), expected entropy (voxel,), variance averaged over classes (voxel,)."""
    mean = total / samples
    variance = (squares / samples - mean.square().sum(0)) / len(mean)
    return mean, (entropy / samples).clamp_min_(0.0), variance.clamp_min_(0.0)
