"""Monte-Carlo dropout over the head of a split network: mean, expected entropy, variance.

Gal and Ghahramani 2016 (arXiv:1506.02142), with dropout in the head only. A window's masks come
from a counter-based generator keyed by (seed, window index), one row a sample, so they do not
depend on the batch, the order, or how many samples are asked for.

What makes the samples cheap: hidden channels that a sample drops are not computed
(:meth:`models.split.StochasticHead.samples`); logits are interpolated to the window a phase at a
time, by additions of whole planes (:func:`models.split.upsampled_phases`); and one exponential a
logit is all that mean, variance and entropy need, the logarithm being taken once for all samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.split import SplitNetwork, StochasticHead, upsampled_phases

#: Values that are worked on at a time: on a CPU so many that they stay in a core's second-level
#: cache, on a GPU so many that it has enough to do.
BLOCK_VALUES = {"cpu": 270_000, "cuda": 64_000_000}

#: Logarithm of the smallest product of probabilities that float32 still holds in full.
SMALLEST_LOG = -80.0


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
    features : float (1, channel, ...)
        What ``network.deterministic`` gave for the window. The head's first layer runs in their
        dtype, all the rest in float32.
    masks : float32 (sample, mask_width), optional
        None makes one pass without dropout. On the CPU, whatever the device.
    extent : tuple of int
        The window's shape.

    Returns
    -------
    mean : float32 (class, *extent)
    expected_entropy : float32 (*extent,), in nats
    variance : float32 (*extent,), averaged over classes
    """
    resolution = tuple(features.shape[2:])
    if not network.interpolates:
        parts: tuple[Tensor, ...] = tuple(
            network.to_extent(part.reshape(1, -1, *resolution), extent)
            for part in _by_voxel_block(network, features[0].flatten(1), masks)
        )
    else:
        blocks = [logits for _, logits in _logits(network, features[0].flatten(1), masks)]
        logits = (blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=2)).unflatten(
            2, resolution
        )
        factors = [full // small for full, small in zip(extent, resolution, strict=True)]
        whole = tuple(n * factor for n, factor in zip(resolution, factors, strict=True))
        if whole == extent and masks is not None:
            parts = _by_phase(logits, (factors[0], factors[1]))
        else:
            parts = _by_sample_block(network, logits, extent)
    mean, entropy, variance = parts
    return mean.reshape(-1, *extent), entropy.reshape(extent), variance.reshape(extent)


def _logits(
    network: SplitNetwork, features: Tensor, masks: Tensor | None
) -> Iterator[tuple[slice, Tensor]]:
    """Logits (sample, output, voxel) of all samples, some voxels of (channel, voxel) at a time."""
    samples = 1 if masks is None else len(masks)
    widest = max(network.head.inner.out_features, network.head.outer.out_features)
    step = max(256, BLOCK_VALUES[features.device.type] // (samples * widest))
    run = network.head.samples(masks, features)
    for start in range(0, features.shape[1], step):
        block = slice(start, start + step)
        yield block, run(features[:, block])


def _by_voxel_block(
    network: SplitNetwork, features: Tensor, masks: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """All samples of a few voxels at a time; features (channel, voxel).

    The logits of a voxel may stand for several voxels of the window (``unet3d`` with a folded
    stem): channels (class, voxel of the cell). Statistics come back with that second axis.
    """
    voxels = features.shape[1]
    cells = network.head.outer.out_features // network.classes
    mean = features.new_empty((network.classes, cells, voxels), dtype=torch.float32)
    entropy, variance = mean.new_empty(cells, voxels), mean.new_empty(cells, voxels)
    for block, logits in _logits(network, features, masks):
        parts = _statistics(logits.reshape(len(logits), network.classes, -1))
        shape = (-1, cells, logits.shape[2])
        mean[..., block], entropy[..., block], variance[..., block] = (
            parts[0].reshape(shape),
            parts[1].reshape(shape[1:]),
            parts[2].reshape(shape[1:]),
        )
    return mean, entropy, variance


def _by_phase(logits: Tensor, factors: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """All samples of a phase at a time; logits (sample, class, trace, sample) before upsampling."""
    samples, classes, traces, depth = logits.shape
    # A channel for each class, then entropy and variance; moved to their voxels once, at the end.
    found = logits.new_empty(classes + 2, *factors, traces, depth)
    step = max(1, BLOCK_VALUES[logits.device.type] // (samples * classes * depth))
    for rows, (i, j), part in upsampled_phases(logits, factors, step):
        here, extent = found[:, i, j, rows], part.shape[2:]
        mean, entropy, variance = _statistics(part.flatten(2))
        here[:classes] = mean.unflatten(1, extent)
        here[classes] = entropy.unflatten(0, extent)
        here[classes + 1] = variance.unflatten(0, extent)
    found = found.permute(0, 3, 1, 4, 2).contiguous()
    return found[:classes], found[classes], found[classes + 1]


def _by_sample_block(
    network: SplitNetwork, logits: Tensor, extent: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """All voxels of a few samples at a time: one sample, or extents no multiple of the features'."""
    values = network.classes * math.prod(extent)
    step = max(1, BLOCK_VALUES[logits.device.type] // values)
    blocks = (
        _sums(network.to_extent(logits[start : start + step], extent).flatten(2))
        for start in range(0, len(logits), step)
    )
    total, squares, entropy = next(blocks)
    for more_total, more_squares, more_entropy in blocks:
        total += more_total
        squares += more_squares
        entropy += more_entropy
    return _of_sums(total, squares, entropy, len(logits))


def _statistics(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (class, voxel), entropy (voxel,) and variance (voxel,) of (sample, class, voxel)."""
    return _of_sums(*_sums(logits), len(logits))


def _sums(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Add up p, p squared (over classes too) and entropy; logits (sample, class, voxel).

    With m the largest of a voxel's logits, H = -log p_m + sum_c p_c (m - z_c), where no term is
    negative and p_m >= 1 / classes, so that the product of many samples' p_m has one logarithm.
    """
    if logits.shape[1] == 1:
        z = logits[:, 0]
        probability = z.sigmoid()
        rarer = torch.minimum(probability, 1.0 - probability)
        entropy = (rarer * z.abs()).sum(0)
        largest = rarer.neg_().add_(1.0)
        classes, total = 2, probability.sum(0, keepdim=True)
        squares = probability.square_().sum(0)
    else:
        probability = logits.softmax(dim=1)
        classes, total = logits.shape[1], probability.sum(0)
        largest = probability.amax(1)
        below = logits.amax(1, keepdim=True) - logits
        entropy = below.mul_(probability).sum((0, 1))
        squares = probability.square_().sum((0, 1))
    for some in largest.split(max(1, int(SMALLEST_LOG / -math.log(classes)))):
        entropy -= some.prod(0).log_()
    return total, squares, entropy


def _of_sums(
    total: Tensor, squares: Tensor, entropy: Tensor, samples: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (class, voxel), expected entropy (voxel,), variance averaged over classes (voxel,)."""
    mean = total / samples
    variance = (squares / samples - mean.square().sum(0)) / len(mean)
    return mean, (entropy / samples).clamp_min_(0.0), variance.clamp_min_(0.0)
