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

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
        Whether :meth:`to_extent` mixes values. Where it only moves them, statistics may be taken
        first and moved once, instead of once a sample.
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
