"""Residual 3-D U-Net for fault probability.

After Wu et al. 2019 (FaultSeg3D, Geophysics 84(3), IM35-IM45), with residual blocks, and batch
norm, whose statistics are frozen at inference: instance norm would make a voxel's value depend
on the window it is seen in, which shows as seams.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.errors import NetworkError
from models.split import SplitNetwork, StochasticHead


class PointwiseConv3d(nn.Conv3d):
    """A 1x1x1 convolution as the matrix product that it is.

    On a CPU, torch 2.13 has no fast kernel of that size for channels-last volumes: it copies them
    to channels first, where they stay, and is six times slower at 64 to 32 channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give (batch, outputs, i, x, s) of (batch, inputs, i, x, s), channels last."""
        last = F.linear(x.movedim(1, -1), self.weight.flatten(1), self.bias)
        return last.movedim(-1, 1)


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions with batch norm around a shortcut; (batch, channel, i, x, s)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm3d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv3d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm3d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(
                PointwiseConv3d(inputs, outputs), nn.BatchNorm3d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same extent with ``outputs`` channels."""
        # In place: at full resolution each of these is among the largest tensors there are.
        features: Tensor = self.body(x)
        return features.add_(self.shortcut(x)).relu_()


class UNet3D(SplitNetwork):
    """Logits (batch, classes, inline, crossline, sample) of cubes (batch, inputs, ...).

    Parameters
    ----------
    classes : int
        Channels of the logits; 1 gives the logit of a fault.
    inputs : int
        Channels of a window: the unit-rms seismic first, then whatever is known besides.
    channels : tuple of int
        Channels from the full resolution down; each level halves the resolution, so the extents
        of a window must be multiples of ``stem_stride * 2 ** (len(channels) - 1)``.
    stem_stride : int
        1, or 2 to fold each cube of 2 x 2 x 2 voxels into eight channels first and unfold the
        logits last: nothing is lost, and most of the cost is.
    head_channels : int
        Channels between the two layers of the stochastic head.
    dropout : float
        Channel dropout of the head.

    Raises
    ------
    NetworkError
        An argument is out of range, or a window's extents do not divide.
    """

    dimensions = 3
    fixed_window = False
    interpolates = False

    def __init__(
        self,
        classes: int = 1,
        *,
        inputs: int = 1,
        channels: tuple[int, ...] = (16, 32, 64, 128),
        stem_stride: int = 1,
        head_channels: int = 16,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.classes, self.inputs = classes, inputs
        if len(channels) < 2:
            raise NetworkError("channels", found=str(channels), expected="at least two levels")
        if stem_stride not in (1, 2):
            raise NetworkError("stem_stride", found=str(stem_stride), expected="1 or 2")
        if not 0 <= dropout < 1:
            raise NetworkError("dropout", found=str(dropout), expected="a number in [0, 1)")
        self.stem_stride = stem_stride
        self.multiple = stem_stride * 2 ** (len(channels) - 1)
        widths = [inputs * stem_stride**3, *channels]
        self.encoder = nn.ModuleList(
            ResidualBlock(before, after) for before, after in zip(widths, channels, strict=False)
        )
        self.pool = nn.MaxPool3d(2)
        upwards = list(zip(channels[:0:-1], channels[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose3d(deep, high, 2, 2) for deep, high in upwards)
        self.decoder = nn.ModuleList(ResidualBlock(2 * high, high) for _, high in upwards)
        self.head = StochasticHead(channels[0], head_channels, classes * stem_stride**3, dropout)

    def deterministic(self, window: Tensor) -> Tensor:
        """Give decoder features (batch, channels[0], inline, crossline, sample)."""
        if any(extent % self.multiple for extent in window.shape[2:]):
            raise NetworkError(
                "unet3d: window does not halve evenly",
                found=str(tuple(window.shape[2:])),
                expected=f"extents that are multiples of {self.multiple}",
            )
        skips = []
        x = fold(window, self.stem_stride)
        for i, block in enumerate(self.encoder):
            x = block(x if i == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(torch.cat([skips.pop(), up(x)], dim=1))
        return x

    def to_extent(self, logits: Tensor, extent: tuple[int, ...]) -> Tensor:
        """Unfold channels into cubes of voxels, as many as the stem folded."""
        return unfold(logits, self.stem_stride)


def fold(x: Tensor, factor: int) -> Tensor:
    """Cubes of ``factor**3`` voxels into channels: (b, c, i, x, s) to (b, c f**3, i/f, x/f, s/f).

    Examples
    --------
    >>> x = torch.arange(16.0).reshape(1, 1, 2, 2, 4)
    >>> fold(x, 2).shape, bool((unfold(fold(x, 2), 2) == x).all())
    (torch.Size([1, 8, 1, 1, 2]), True)
    """
    if factor == 1:
        return x
    batch, channels, *extent = x.shape
    i, c, s = (n // factor for n in extent)
    split = x.reshape(batch, channels, i, factor, c, factor, s, factor)
    return split.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(batch, channels * factor**3, i, c, s)


def unfold(x: Tensor, factor: int) -> Tensor:
    """Undo :func:`fold`."""
    if factor == 1:
        return x
    batch, channels, i, c, s = x.shape
    split = x.reshape(batch, channels // factor**3, factor, factor, factor, i, c, s)
    whole = split.permute(0, 1, 5, 2, 6, 3, 7, 4)
    return whole.reshape(batch, -1, i * factor, c * factor, s * factor)
