"""U-Net for facies on 2-D sections: the generator of the adversarial pair.

Ronneberger et al. 2015 (arXiv:1505.04597), with batch norm, whose statistics are frozen at
inference, and convolutions that keep the extent. Kaur et al. 2023 (Interpretation 11(1),
T107-T116) train such a network against a PatchGAN; see :mod:`models.patchgan`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.errors import NetworkError
from models.split import SplitNetwork, StochasticHead, upsample


class DoubleConvolution(nn.Sequential):
    """Twice a 3x3 convolution, batch norm and ReLU; (batch, channel, trace, sample)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class UNet(SplitNetwork):
    """Logits (batch, class, trace, sample) of unit-rms sections (batch, inputs, trace, sample).

    Parameters
    ----------
    classes : int
        Channels of the logits; 1 gives a binary network.
    inputs : int
        Channels of a window: the seismic first, then whatever is known besides.
    channels : tuple of int
        Channels from the full resolution down; each level halves the resolution, so the extents
        of a window must be multiples of ``2 ** (len(channels) - 1)``.
    trace_stride : int
        Traces that a first convolution takes together, where geology changes little from one to
        the next; the logits are interpolated back. The traces of a window must then be multiples
        of so many times as many.
    head_channels : int
        Channels between the two layers of the stochastic head.
    dropout : float
        Channel dropout of the head.

    Raises
    ------
    NetworkError
        An argument is out of range, or a window's extents do not divide.
    """

    dimensions = 2
    fixed_window = False

    def __init__(
        self,
        classes: int,
        *,
        inputs: int = 1,
        trace_stride: int = 1,
        channels: tuple[int, ...] = (32, 64, 128, 256, 512),
        head_channels: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.classes, self.inputs = classes, inputs
        if len(channels) < 2:
            raise NetworkError("channels", found=str(channels), expected="at least two levels")
        if trace_stride < 1:
            raise NetworkError("trace_stride", found=str(trace_stride), expected="1 or more")
        if not 0 <= dropout < 1:
            raise NetworkError("dropout", found=str(dropout), expected="a number in [0, 1)")
        self.halvings, self.trace_stride = 2 ** (len(channels) - 1), trace_stride
        self.multiple = self.halvings * trace_stride
        self.interpolates = trace_stride > 1
        self.stem: nn.Module = nn.Identity()
        widths = [inputs, *channels]
        if trace_stride > 1:
            widths[0] = channels[0]
            self.stem = nn.Sequential(
                nn.Conv2d(inputs, channels[0], (trace_stride, 5), (trace_stride, 1), (0, 2),
                          bias=False),
                nn.BatchNorm2d(channels[0]),
                nn.ReLU(inplace=True),
            )
        self.encoder = nn.ModuleList(
            DoubleConvolution(before, after)
            for before, after in zip(widths, channels, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        upwards = list(zip(channels[:0:-1], channels[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, high, 2, 2) for deep, high in upwards)
        self.decoder = nn.ModuleList(DoubleConvolution(2 * high, high) for _, high in upwards)
        self.head = StochasticHead(channels[0], head_channels, classes, dropout)

    def deterministic(self, window: Tensor) -> Tensor:
        """Give decoder features (batch, channels[0], trace / trace_stride, sample)."""
        traces, samples = window.shape[2:]
        if traces % self.multiple or samples % self.halvings:
            raise NetworkError(
                "unet: window does not halve evenly",
                found=str(tuple(window.shape[2:])),
                expected=f"multiples of {self.multiple} traces and {self.halvings} samples",
            )
        skips: list[Tensor] = []
        x: Tensor = self.stem(window)
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(torch.cat([skips.pop(), up(x)], dim=1))
        return x

    def to_extent(self, logits: Tensor, extent: tuple[int, ...]) -> Tensor:
        """Bilinear interpolation to the window's traces, where the stem took some together."""
        return upsample(logits, extent)
