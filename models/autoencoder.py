"""A convolutional autoencoder of seismic sections, plain or variational.

It learns what real sections look like, without labels. The variational one (Kingma & Welling 2014,
arXiv:1312.6114) gives each patch of a section a normal distribution over latent maps, whose prior
is a standard normal; the plain one gives it a point. Both are fully convolutional, so a section of
any extent that is a multiple of eight can be encoded, and one of any extent be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.errors import NetworkError

STRIDE = 8
"""Traces and samples that one place of a latent map stands for."""

_GROUPS = 8
_LOG_VARIANCE = (-8.0, 4.0)
"""Bounds of the latent log variance, that an outlier may not overflow the exponential."""


@dataclass(frozen=True)
class AutoencoderArguments:
    """The shape of the network.

    Attributes
    ----------
    channels : (int, int, int)
        Channels at 1/2, 1/4 and 1/8 of the extent, multiples of eight.
    latent : int
        Channels of the latent maps: 64 / latent is how much a section is compressed.
    variational : bool
        Normal distributions, or points.
    """

    channels: tuple[int, int, int] = (24, 48, 96)
    latent: int = 8
    variational: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        right = len(self.channels) == 3 and all(c > 0 and c % _GROUPS == 0 for c in self.channels)
        if not right:
            raise NetworkError("autoencoder channels", found=str(self.channels),
                               expected=f"three multiples of {_GROUPS}")
        if self.latent < 1:
            raise NetworkError("autoencoder latent", found=str(self.latent), expected="1 or more")


class Encoded(NamedTuple):
    """Latent maps, both float32 (batch, latent, trace / 8, sample / 8).

    ``log_variance`` is None for a plain autoencoder.
    """

    mean: Tensor
    log_variance: Tensor | None

    def draw(self, noise: Tensor | None) -> Tensor:
        """Mean plus standard normal ``noise`` times the standard deviation; None is no noise."""
        if noise is None or self.log_variance is None:
            return self.mean
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def divergence(self) -> Tensor:
        """Kullback-Leibler divergence from the prior in nats, summed over a section: (batch,)."""
        if self.log_variance is None:
            return torch.zeros(len(self.mean), device=self.mean.device)
        terms = self.mean**2 + self.log_variance.exp() - 1.0 - self.log_variance
        return 0.5 * terms.flatten(1).sum(dim=1)


class Autoencoder(nn.Module):
    """Encode sections (batch, 1, trace, sample) to latent maps, and decode these.

    Parameters
    ----------
    arguments : AutoencoderArguments
    """

    def __init__(self, arguments: AutoencoderArguments = AutoencoderArguments()) -> None:
        super().__init__()
        self.arguments = arguments
        first, second, third = arguments.channels
        outputs = arguments.latent * (2 if arguments.variational else 1)
        self.encoder = nn.Sequential(
            _convolution(1, first, stride=2),
            _Residual(first),
            _convolution(first, second, stride=2),
            _Residual(second),
            _convolution(second, third, stride=2),
            _Residual(third),
            nn.Conv2d(third, outputs, 1),
        )
        self.decoder = nn.Sequential(
            _convolution(arguments.latent, third),
            _Residual(third),
            _Doubled(third, second),
            _Residual(second),
            _Doubled(second, first),
            _Residual(first),
            _Doubled(first, first),
            nn.Conv2d(first, 1, 3, padding=1),
        )

    def encode(self, section: Tensor) -> Encoded:
        """Latent maps of unit-rms sections.

        Raises
        ------
        NetworkError
            An extent is no multiple of eight.
        """
        if any(extent % STRIDE for extent in section.shape[2:]):
            raise NetworkError("a section to encode", found=str(tuple(section.shape[2:])),
                               expected=f"extents that are multiples of {STRIDE}")
        outputs = self.encoder(section).float()
        if not self.arguments.variational:
            return Encoded(outputs, None)
        mean, log_variance = outputs.chunk(2, dim=1)
        return Encoded(mean, log_variance.clamp(*_LOG_VARIANCE))

    def decode(self, latent: Tensor) -> Tensor:
        """Sections (batch, 1, 8 * trace, 8 * sample) of latent maps."""
        section: Tensor = self.decoder(latent)
        return section.float()


class _Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels, channels), _convolution(channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = x + self.body(x)
        return summed


class _Doubled(nn.Module):
    """Nearest-neighbour upsampling and a convolution: no checkerboard of transposed ones."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = _convolution(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        doubled: Tensor = self.convolution(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return doubled


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    # Group norm: a batch norm would make what is drawn depend on the patches of the batch.
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, outputs),
        nn.SiLU(inplace=True),
    )
