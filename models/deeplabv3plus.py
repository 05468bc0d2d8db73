"""DeepLabv3+ with a modified aligned Xception, for facies on 2-D sections.

Chen et al. 2018 (arXiv:1802.02611) in the setting of Kaur et al. 2023 (Interpretation 11(1),
T107-T116): four middle-flow blocks, atrous spatial pyramid pooling (ASPP) with 1x1, three 3x3 at
rates 6, 12 and 18, and image pooling, and a decoder that joins low-level features. All
convolutions but the stem's are depthwise separable; pooling is replaced by strides.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.errors import NetworkError
from models.split import SplitNetwork, StochasticHead, upsample

# Channels of Chen et al. 2018, figure 4, at width 1.
STEM = (32, 64)
ENTRY = (128, 256, 728)
EXIT = (1024, 1536, 2048)


class Convolution(nn.Sequential):
    """Convolution, batch norm, ReLU; (batch, channel, trace, sample)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class SeparableConvolution(nn.Sequential):
    """3x3 depthwise and 1x1 pointwise convolution, each with batch norm and ReLU.

    ``activate`` False leaves out the last ReLU, for use before a residual sum.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        activate: bool = True,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(
                inputs,
                inputs,
                3,
                stride,
                padding=dilation,
                dilation=dilation,
                groups=inputs,
                bias=False,
            ),
            nn.BatchNorm2d(inputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if activate:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class XceptionBlock(nn.Module):
    """Three separable convolutions around a shortcut; the last may stride.

    Parameters
    ----------
    inputs, inner, outputs : int
        Channels before, between and after the three convolutions.
    stride : int
        Stride of the last convolution and of the shortcut.
    """

    def __init__(self, inputs: int, inner: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            SeparableConvolution(inputs, inner), SeparableConvolution(inner, inner)
        )
        self.last = SeparableConvolution(inner, outputs, stride=stride, activate=False)
        self.stride = stride
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Output, and the features just before the stride (the decoder's low-level input)."""
        inner = self.body(x)
        # The shortcut strides by slicing: the same numbers as a strided 1x1 convolution, whose
        # backward pass in channels-last layout overruns its buffer on CPU (torch 2.13).
        short = x[:, :, :: self.stride, :: self.stride] if self.stride != 1 else x
        return torch.relu(self.last(inner) + self.shortcut(short)), inner


class Xception(nn.Module):
    """Modified aligned Xception; output stride is ``8 * stem_stride``.

    ``width`` scales all channel counts, rounded to multiples of eight. ``low_level`` and
    ``outputs`` are the channels of what :meth:`forward` returns.
    """

    def __init__(self, inputs: int, width: float, middle_blocks: int, stem_stride: int) -> None:
        super().__init__()
        stem = [scaled(c, width) for c in STEM]
        entry = [scaled(c, width) for c in ENTRY]
        leave = [scaled(c, width) for c in EXIT]
        self.stem = nn.Sequential(
            Convolution(inputs, stem[0], 3, stem_stride), Convolution(stem[0], stem[1], 3)
        )
        self.entry = nn.ModuleList(
            XceptionBlock(inputs, outputs, outputs, stride=2)
            for inputs, outputs in zip([stem[1], *entry[:-1]], entry, strict=True)
        )
        self.middle = nn.ModuleList(
            XceptionBlock(entry[-1], entry[-1], entry[-1]) for _ in range(middle_blocks)
        )
        self.leave = XceptionBlock(entry[-1], entry[-1], leave[0])
        # At output stride 16 the last stride of the original becomes a dilation of two.
        self.last = nn.Sequential(
            SeparableConvolution(leave[0], leave[1], dilation=2),
            SeparableConvolution(leave[1], leave[1], dilation=2),
            SeparableConvolution(leave[1], leave[2], dilation=2),
        )
        self.low_level = entry[1]
        self.outputs = leave[2]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Deep features at the output stride, low-level features at a quarter of it."""
        x, _ = self.entry[0](self.stem(x))
        x, low_level = self.entry[1](x)
        x, _ = self.entry[2](x)
        for block in self.middle:
            x, _ = block(x)
        x, _ = self.leave(x)
        return self.last(x), low_level


class AtrousPyramid(nn.Module):
    """ASPP: 1x1, one separable 3x3 a rate, and optionally the mean over the window."""

    def __init__(self, inputs: int, channels: int, rates: tuple[int, ...], pooling: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList([Convolution(inputs, channels, 1)])
        self.branches.extend(
            SeparableConvolution(inputs, channels, dilation=rate) for rate in rates
        )
        # No batch norm here: it would see one value a channel and window.
        self.pooling = nn.Conv2d(inputs, channels, 1) if pooling else None
        self.project = Convolution(channels * (len(self.branches) + pooling), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (batch, channels, trace, sample) of (batch, inputs, trace, sample)."""
        seen = [branch(x) for branch in self.branches]
        if self.pooling is not None:
            mean = torch.relu(self.pooling(x.mean(dim=(2, 3), keepdim=True)))
            seen.append(mean.expand(-1, -1, *x.shape[2:]))
        features: Tensor = self.project(torch.cat(seen, dim=1))
        return features


class DeepLabV3Plus(SplitNetwork):
    """Logits (batch, class, trace, sample) of unit-rms sections (batch, inputs, trace, sample).

    Parameters
    ----------
    classes : int
        Channels of the logits; 1 gives a binary network.
    inputs : int
        Channels of a window: the seismic first, then whatever is known besides.
    width : float
        Scale of the backbone's channels; 1 is the paper's.
    middle_blocks : int
        Blocks of the middle flow; Kaur et al. use 4 where Xception has 8 or 16.
    stem_stride : int
        Stride of the first convolution: 2 in the paper (features at 1/16, low-level features at
        1/4), 1 for small windows (1/8 and 1/2).
    aspp_rates : tuple of int
        Dilations of the pyramid, in features of the output stride.
    aspp_channels, low_level_channels, decoder_channels, head_channels : int
        Channels of the pyramid, of the projected low-level features, of the decoder, and between
        the two layers of the stochastic head.
    image_pooling : bool
        Whether the pyramid sees the mean over the window (the paper's way). The network then
        wants windows of the one shape it was trained on.
    dropout : float
        Channel dropout of the head.

    Raises
    ------
    NetworkError
        An argument is out of range.
    """

    dimensions = 2
    multiple = 1
    interpolates = True

    def __init__(
        self,
        classes: int,
        *,
        inputs: int = 1,
        width: float = 1.0,
        middle_blocks: int = 4,
        stem_stride: int = 2,
        aspp_rates: tuple[int, ...] = (6, 12, 18),
        aspp_channels: int = 256,
        low_level_channels: int = 48,
        decoder_channels: int = 256,
        head_channels: int = 64,
        image_pooling: bool = True,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.classes, self.inputs = classes, inputs
        if stem_stride not in (1, 2):
            raise NetworkError("stem_stride", found=str(stem_stride), expected="1 or 2")
        if not 0 <= dropout < 1:
            raise NetworkError("dropout", found=str(dropout), expected="a number in [0, 1)")
        self.fixed_window = image_pooling
        self.backbone = Xception(inputs, width, middle_blocks, stem_stride)
        self.pyramid = AtrousPyramid(
            self.backbone.outputs, aspp_channels, tuple(aspp_rates), image_pooling
        )
        self.low_level = Convolution(self.backbone.low_level, low_level_channels, 1)
        self.decoder = nn.Sequential(
            SeparableConvolution(aspp_channels + low_level_channels, decoder_channels),
            SeparableConvolution(decoder_channels, decoder_channels),
        )
        self.head = StochasticHead(decoder_channels, head_channels, classes, dropout)

    def deterministic(self, window: Tensor) -> Tensor:
        """Give decoder features (batch, channel, trace / s, sample / s), s = 2 * stem_stride."""
        deep, low_level = self.backbone(window)
        deep = upsample(self.pyramid(deep), tuple(low_level.shape[2:]))
        features: Tensor = self.decoder(torch.cat([deep, self.low_level(low_level)], dim=1))
        return features

    def to_extent(self, logits: Tensor, extent: tuple[int, ...]) -> Tensor:
        """Bilinear interpolation to the window's (trace, sample)."""
        return upsample(logits, extent)


def scaled(channels: int, width: float) -> int:
    """``channels * width`` as a multiple of eight, at least eight."""
    return max(8, int(channels * width / 8 + 0.5) * 8)
