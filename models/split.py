"""Networks cut in two, so that many Monte-Carlo samples cost little more than one pass.

Dropout everywhere means running everything once a sample. Here the encoder and the decoder body
run once (:meth:`SplitNetwork.deterministic`), and only a light head, two pointwise layers behind
channel dropout, runs once a sample (:meth:`SplitNetwork.stochastic`).

Whole channels are dropped, not single elements: neighbouring voxels share their features, so
independent masks would average out inside a window and report too little uncertainty, and a
channel mask is a few numbers that multiply the head's weights instead of a random field.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.transfer import to_device


class StochasticHead(nn.Module):
    """Channel dropout, pointwise layer, ReLU, channel dropout, pointwise layer.

    Parameters
    ----------
    inputs, hidden, outputs : int
        Channels of the features, between the two layers, and of the logits.
    dropout : float
        Probability that a channel is dropped, in [0, 1).
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(inputs, hidden)
        self.outer = nn.Linear(hidden, outputs)
        self.dropout = dropout

    @property
    def mask_width(self) -> int:
        """Mask values one sample needs: one a feature channel and one a hidden channel."""
        return self.inner.in_features + self.inner.out_features

    def scale(self, uniform: Tensor) -> Tensor:
        """Turn uniform numbers in [0, 1) into masks: 0, or 1 / (1 - dropout) where kept."""
        return (uniform >= self.dropout).to(uniform.dtype) / (1.0 - self.dropout)

    def forward(self, features: Tensor, masks: Tensor | None = None) -> Tensor:
        """Logits (sample, outputs, voxel) of features (sample or 1, inputs, voxel).

        ``masks`` (sample, mask_width) come from :meth:`scale`; None drops nothing. The masks
        multiply the weights, which is the same as multiplying the channels and far cheaper.
        """
        inner, outer = self.inner.weight, self.outer.weight
        if masks is None:
            hidden = torch.matmul(inner, features)
        else:
            inputs = inner.shape[1]
            hidden = torch.matmul(inner * masks[:, None, :inputs], features)
            outer = outer * masks[:, None, inputs:]
        hidden = hidden.add_(self.inner.bias[:, None]).relu_()
        return torch.matmul(outer, hidden).add_(self.outer.bias[:, None])

    def samples(self, masks: Tensor | None, features: Tensor) -> Callable[[Tensor], Tensor]:
        """Prepare the head for all samples of a window at once, for inference.

        Gives a function from features (inputs, voxel), of the dtype and device of ``features``, to
        logits float32 (sample, outputs, voxel), which are :meth:`forward`'s but for rounding. A
        hidden channel that a sample drops is not computed: the rows of the first layer that are
        kept, filled up to as many as the sample with the most keeps, are one matrix for all
        samples. ``masks`` (sample, mask_width) lie on the CPU, so that nothing waits for a GPU.
        """
        inner, outer, device = self.inner.weight, self.outer.weight, features.device
        if masks is None:
            rows = torch.arange(len(inner), device=device)[None]
            weights, outers = inner, outer[None]
        else:
            kept_inputs, kept_hidden = masks.split_with_sizes(list(inner.shape[::-1]), dim=1)
            dropped = kept_hidden == 0
            most = int((~dropped).sum(1).max())
            order = dropped.to(torch.uint8).argsort(dim=1, stable=True)[:, :most]
            scale = to_device(torch.gather(kept_hidden, 1, order), device)
            rows = to_device(order, device)
            weights = inner[rows] * to_device(kept_inputs.contiguous(), device)[:, None]
            outers = (outer.T[rows] * scale[:, :, None]).transpose(1, 2).contiguous()
        count, most = rows.shape
        weights = weights.reshape(count * most, -1).to(features.dtype)
        bias = self.inner.bias[rows].reshape(-1, 1).to(features.dtype)

        def run(features: Tensor) -> Tensor:
            hidden = torch.addmm(bias, weights, features).relu_().float()
            return torch.matmul(outers, hidden.view(count, most, -1)).add_(
                self.outer.bias[:, None]
            )

        return run


class SplitNetwork(nn.Module, ABC):
    """A network of a costly deterministic body and a cheap stochastic head.

    Attributes
    ----------
    head : StochasticHead
    classes : int
        Channels of the logits.
    inputs : int
        Channels of a window; the first is the seismic.
    dimensions : int
        2 for (trace, sample) sections, 3 for (inline, crossline, sample) cubes.
    fixed_window : bool
        Whether something in the network looks at the whole window (image pooling), so that it
        must be used with windows of the shape it was trained on.
    multiple : int
        Every extent of a window must be a multiple of this.
    interpolates : bool
        Whether :meth:`to_extent` mixes values, by :func:`upsample`. Where it only moves them,
        statistics may be taken first and moved once, instead of once a sample.
    """

    head: StochasticHead
    classes: int
    inputs: int = 1
    dimensions: int
    fixed_window: bool
    multiple: int
    interpolates: bool

    @abstractmethod
    def deterministic(self, window: Tensor) -> Tensor:
        """Features float (batch, channel, ...) of windows (batch, inputs, ...): run once."""

    def stochastic(self, features: Tensor, masks: Tensor | None, extent: tuple[int, ...]) -> Tensor:
        """Logits (sample, class, ...) of features (sample or 1, channel, ...): run once a sample.

        ``masks`` (sample, head.mask_width), or None for a pass without dropout; ``extent`` is
        the window's shape, to which the logits are brought.
        """
        flat = self.head(features.flatten(2), masks)
        logits = flat.reshape(*flat.shape[:2], *features.shape[2:])
        return self.to_extent(logits, extent)

    def to_extent(self, logits: Tensor, extent: tuple[int, ...]) -> Tensor:
        """Bring logits from the features' resolution to the window's. Identity by default."""
        return logits

    def forward(self, window: Tensor, masks: Tensor | None = None) -> Tensor:
        """Logits (batch, class, ...) of windows (batch, inputs, ...), one mask a window or none."""
        features = self.deterministic(window).float()
        return self.stochastic(features, masks, tuple(window.shape[2:]))


def upsample(x: Tensor, extent: tuple[int, ...]) -> Tensor:
    """Bilinear interpolation of (batch, channel, trace, sample) to ``extent``."""
    if tuple(x.shape[2:]) == extent:
        return x
    return F.interpolate(x, size=extent, mode="bilinear", align_corners=False)


def upsampled_phases(
    x: Tensor, factors: tuple[int, int], rows: int
) -> Iterator[tuple[slice, tuple[int, int], Tensor]]:
    """:func:`upsample` by whole factors, a phase at a time and without moving values about.

    Voxels that lie alike between four features have the same four weights, so that each phase is
    a weighted sum of whole planes: several times faster than gathering voxel by voxel.

    Parameters
    ----------
    x : float32 (batch, channel, trace, sample)
    factors : (int, int)
    rows : int
        Traces of ``x`` that are worked on at a time.

    Yields
    ------
    rows : slice
        Of ``x``'s traces.
    phase : (int, int)
    values : float32 (batch, channel, row, sample)
        The upsampled values at traces ``factors[0] * row + phase[0]`` and samples
        ``factors[1] * sample + phase[1]``.

    Examples
    --------
    >>> x = torch.rand(1, 1, 3, 4)
    >>> whole = upsample(x, (6, 8))
    >>> all(torch.allclose(part, whole[..., i::2, j::2]) for _, (i, j), part in
    ...     upsampled_phases(x, (2, 2), rows=3))
    True
    """
    traces, depth = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    for start in range(0, traces, rows):
        stop = min(start + rows, traces)
        for i in range(factors[0]):
            row, weight = _between(i, factors[0])
            above = padded[:, :, start + row : stop + row]
            here = above.lerp(padded[:, :, start + row + 1 : stop + row + 1], weight)
            for j in range(factors[1]):
                column, weight = _between(j, factors[1])
                left, right = (here[..., at : at + depth] for at in (column, column + 1))
                yield slice(start, stop), (i, j), left.lerp(right, weight)


def _between(phase: int, factor: int) -> tuple[int, float]:
    """First of two neighbours in a row padded by one, and the weight of the second."""
    place = 1 + (phase + 0.5) / factor - 0.5
    return int(place), place % 1


def fold_batch_norm(network: nn.Module) -> None:
    """Multiply frozen batch norms into the convolutions before them, in place.

    Only pairs that stand next to each other in an ``nn.Sequential`` are folded. The network must
    be in evaluation mode; its results change in the last bits.
    """
    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for i in range(len(module) - 1):
            convolution, norm = module[i], module[i + 1]
            if isinstance(convolution, nn.Conv2d | nn.Conv3d) and isinstance(
                norm, nn.BatchNorm2d | nn.BatchNorm3d
            ):
                module[i] = torch.nn.utils.fusion.fuse_conv_bn_eval(convolution, norm)
                module[i + 1] = nn.Identity()


def fold_temperature(network: SplitNetwork, temperature: float) -> None:
    """Divide the logits by ``temperature`` (Guo et al. 2017), by way of the last layer's weights.

    Interpolation to the window's extent is linear, so that the logits may be divided before it.
    """
    with torch.no_grad():
        network.head.outer.weight.div_(temperature)
        network.head.outer.bias.div_(temperature)
