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
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.split import SplitNetwork, StochasticHead, upsampled_phases

#: Values that are worked on at a time on a CPU, so that they stay in a core's second-level cache.
BLOCK_VALUES = 270_000

#: The same on a GPU: enough to do for all of it, in 256 MB.
GPU_BLOCK_VALUES = 64_000_000

#: Logarithm of the smallest product of probabilities that float32 still holds in full.
SMALLEST_LOG = -80.0


def _block_values(values: Tensor) -> int:
    return BLOCK_VALUES if values.device.type == "cpu" else GPU_BLOCK_VALUES


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


def batch_statistics(
    network: SplitNetwork,
    features: Tensor,
    masks: Sequence[Tensor] | None,
    extent: tuple[int, ...],
    count: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`sample_statistics` of the first ``count`` windows, stacked along a first axis.

    The others only pad the batch. A GPU's one pass computes them too, since its libraries choose
    kernels, and with them the last bits, by the shape.
    """
    if masks is None and features.device.type != "cpu":
        mean, entropy, variance = _one_pass(network, features, extent)
        return mean[:count], entropy[:count], variance[:count]
    found = [
        sample_statistics(network, features[i : i + 1], None if masks is None else masks[i], extent)
        for i in range(count)
    ]
    mean, entropy, variance = (torch.stack(part) for part in zip(*found, strict=True))
    return mean, entropy, variance


def _one_pass(
    network: SplitNetwork, features: Tensor, extent: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """One pass without dropout, all windows at once: a GPU wants few, large kernels."""
    logits = network.stochastic(features.float(), None, extent)
    sums = _sums(logits.transpose(0, 1).flatten(1)[None])
    mean, entropy, _ = _statistics(sums, 1)
    entropy = entropy.reshape(len(features), *extent)
    mean = mean.reshape(-1, len(features), *extent).transpose(0, 1)
    return mean, entropy, torch.zeros_like(entropy)


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
        None makes one pass without dropout. They lie on the CPU, whatever the device.
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
        logits = blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=2)
        logits = logits.reshape(*logits.shape[:2], *resolution)
        factors = [full // small for full, small in zip(extent, resolution, strict=True)]
        whole = tuple(n * factor for n, factor in zip(resolution, factors, strict=True))
        # A GPU has room for all samples at the window's extent, and wants few, large kernels.
        if whole == extent and masks is not None and features.device.type == "cpu":
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
    step = max(256, _block_values(features) // (samples * widest))
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
    sums = features.new_empty((network.classes + 2, cells, voxels), dtype=torch.float32)
    samples = 1 if masks is None else len(masks)
    for block, logits in _logits(network, features, masks):
        part = _sums(logits.reshape(samples, network.classes, -1))
        sums[:, :, block] = part.reshape(len(part), cells, -1)
    return _statistics(sums, samples)


def _by_phase(logits: Tensor, factors: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """All samples of a phase at a time; logits (sample, class, trace, sample) before upsampling."""
    samples, classes, traces, depth = logits.shape
    sums = logits.new_empty(classes + 2, *factors, traces, depth)
    step = max(1, _block_values(logits) // (samples * classes * depth))
    for rows, (i, j), part in upsampled_phases(logits, factors, step):
        sums[:, i, j, rows] = _sums(part.flatten(2)).reshape(-1, *part.shape[2:])
    return _statistics(sums.permute(0, 3, 1, 4, 2).contiguous(), samples)


def _by_sample_block(
    network: SplitNetwork, logits: Tensor, extent: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """All voxels of a few samples at a time: of one, or where upsampling is by no whole factor."""
    values = network.classes * math.prod(extent)
    step = max(1, _block_values(logits) // values)
    sums = _sums(network.to_extent(logits[:step], extent).flatten(2))
    for start in range(step, len(logits), step):
        sums += _sums(network.to_extent(logits[start : start + step], extent).flatten(2))
    return _statistics(sums, len(logits))


def _sums(logits: Tensor) -> Tensor:
    """Add up over the samples of logits (sample, class, voxel): (class + 2, voxel).

    First p of each class, then, over the classes, the entropies and the squares of p.

    With m the largest of a voxel's logits, H = -log p_m + sum_c p_c (m - z_c), where no term is
    negative and p_m >= 1 / classes, so that the product of many samples' p_m has one logarithm.
    """
    classes = logits.shape[1]
    sums = logits.new_empty(classes + 2, logits.shape[2])
    total, entropy, squares = sums[:classes], sums[classes], sums[classes + 1]
    if classes == 1:
        z = logits[:, 0]
        probability = z.sigmoid()
        rarer = torch.minimum(probability, 1.0 - probability)
        torch.sum(rarer * z.abs(), 0, out=entropy)
        largest = rarer.neg_().add_(1.0)
        torch.sum(probability, 0, keepdim=True, out=total)
        torch.sum(probability.square_(), 0, out=squares)
    else:
        probability = logits.softmax(dim=1)
        largest = probability.amax(1)
        below = logits.amax(1, keepdim=True) - logits
        torch.sum(below.mul_(probability), (0, 1), out=entropy)
        torch.sum(probability, 0, out=total)
        torch.sum(probability.square_(), (0, 1), out=squares)
    step = max(1, int(SMALLEST_LOG / -math.log(max(classes, 2))))
    for start in range(0, len(largest), step):
        entropy -= largest[start : start + step].prod(0).log_()
    return sums


def _statistics(sums: Tensor, samples: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (class, ...), expected entropy (...), variance averaged over classes (...)."""
    classes = len(sums) - 2
    sums.div_(samples)
    mean, entropy, squares = sums[:classes], sums[classes], sums[classes + 1]
    variance = (squares - mean.square().sum(0)).div_(classes)
    return mean, entropy.clamp_min_(0.0), variance.clamp_min_(0.0)
