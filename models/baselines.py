"""Plain networks to compare with: fully connected, convolutional, and on an autoencoder's encoder.

They answer what convolution, depth and pretraining are worth: the same data, training and
products as the networks that are meant to be used.
"""

from __future__ import annotations

from torch import Tensor, nn

from models.autoencoder import STRIDE, Autoencoder, AutoencoderArguments
from models.errors import NetworkError
from models.split import SplitNetwork, StochasticHead


class DenseNetwork(SplitNetwork):
    """A fully connected network on square patches: logits (batch, class, trace, sample).

    Each patch of ``patch`` x ``patch`` is told by itself, from all of its samples at once: three
    dense layers, then the stochastic head for all of its pixels. Nothing is shared between the
    places of a patch, which is what convolution would do.

    Parameters
    ----------
    classes : int
    patch : int
        Traces and samples of a patch.
    hidden : tuple of int
        Units of the dense layers.
    head_channels : int
        Units between the two layers of the stochastic head.
    dropout : float
        Of the head's units.
    """

    dimensions = 2
    fixed_window = False
    interpolates = False

    def __init__(
        self,
        classes: int,
        *,
        patch: int = 16,
        hidden: tuple[int, ...] = (512, 256, 256),
        head_channels: int = 256,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        _require(patch >= 2 and len(hidden) >= 1, "patch and hidden", f"{patch}, {hidden}",
                 "2 or more, and at least one layer")
        self.classes, self.patch, self.multiple = classes, patch, patch
        layers: list[nn.Module] = []
        for inputs, outputs in zip([patch * patch, *hidden[:-1]], hidden, strict=True):
            layers += [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
                       nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = StochasticHead(hidden[-1], head_channels, classes * patch * patch, dropout)

    def deterministic(self, window: Tensor) -> Tensor:
        """Features (batch, unit, patch along traces, patch along samples)."""
        _require_multiple("dense", window, self.patch)
        features: Tensor = self.layers(nn.functional.pixel_unshuffle(window, self.patch))
        return features

    def to_extent(self, logits: Tensor, extent: tuple[int, ...]) -> Tensor:
        """Lay the pixels of each patch out."""
        return nn.functional.pixel_shuffle(logits, self.patch)


class ConvolutionalNetwork(SplitNetwork):
    """A few 3x3 convolutions at full resolution, the last ones dilated: no pooling, no skips.

    Parameters
    ----------
    classes : int
    channels : tuple of int
        Of each convolution; from the third on they are dilated by 2, 4, 8, ...
    head_channels, dropout
        Of the stochastic head.
    """

    dimensions = 2
    multiple = 1
    fixed_window = False
    interpolates = False

    def __init__(
        self,
        classes: int,
        *,
        channels: tuple[int, ...] = (24, 24, 32, 32, 48),
        head_channels: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        _require(len(channels) >= 1, "channels", str(channels), "at least one")
        self.classes = classes
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(zip([1, *channels[:-1]], channels, strict=True)):
            dilation = 2 ** max(0, number - 1)
            layers += [nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation,
                                 bias=False),
                       nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = StochasticHead(channels[-1], head_channels, classes, dropout)

    def deterministic(self, window: Tensor) -> Tensor:
        """Features (batch, channel, trace, sample)."""
        features: Tensor = self.layers(window)
        return features


class EncoderNetwork(SplitNetwork):
    """Facies from the encoder of an autoencoder, which may have been trained without labels.

    Parameters
    ----------
    classes : int
    channels : (int, int, int)
        Of the encoder, as in :class:`models.autoencoder.AutoencoderArguments`.
    latent : int
        Channels of its latent maps.
    variational : bool
        Whether the encoder also gives the variance of the latent maps, which is not used here.
    head_channels, dropout
        Of the stochastic head.
    """

    dimensions = 2
    multiple = STRIDE
    fixed_window = False
    interpolates = True

    def __init__(
        self,
        classes: int,
        *,
        channels: tuple[int, int, int] = (24, 48, 96),
        latent: int = 8,
        variational: bool = True,
        head_channels: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.classes = classes
        whole = Autoencoder(AutoencoderArguments(channels, latent, variational))
        self.encoder = whole.encoder[:-1]
        self.decoder = nn.Sequential(
            nn.Conv2d(channels[2], channels[1], 3, padding=1, bias=False),
            nn.BatchNorm2d(channels[1]),
            nn.ReLU(inplace=True),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(channels[1], channels[1], 3, padding=1, bias=False),
            nn.BatchNorm2d(channels[1]),
            nn.ReLU(inplace=True),
        )
        self.head = StochasticHead(channels[1], head_channels, classes, dropout)

    def deterministic(self, window: Tensor) -> Tensor:
        """Features (batch, channel, trace / 4, sample / 4)."""
        _require_multiple("encoder", window, STRIDE)
        features: Tensor = self.decoder(self.encoder(window))
        return features

    def to_extent(self, logits: Tensor, extent: tuple[int, ...]) -> Tensor:
        """Bilinear interpolation to the window's (trace, sample)."""
        return nn.functional.interpolate(logits, size=extent, mode="bilinear", align_corners=False)

    def take_encoder(self, state: dict[str, Tensor]) -> None:
        """Begin with the weights of an autoencoder's encoder instead of random ones.

        Parameters
        ----------
        state : mapping
            State dictionary of :class:`models.autoencoder.Autoencoder` with the same arguments.

        Raises
        ------
        NetworkError
            If it does not fit.
        """
        wanted = self.encoder.state_dict()
        given = {name.removeprefix("encoder."): tensor for name, tensor in state.items()}
        if any(name not in given or given[name].shape != wanted[name].shape for name in wanted):
            raise NetworkError("encoder: the autoencoder is of another shape",
                               do="Build it with the same channels")
        self.encoder.load_state_dict({name: given[name] for name in wanted})


def _require(right: bool, name: str, found: str, expected: str) -> None:
    if not right:
        raise NetworkError(name, found=found, expected=expected)


def _require_multiple(network: str, window: Tensor, multiple: int) -> None:
    _require(not any(extent % multiple for extent in window.shape[2:]), f"{network}: window",
             str(tuple(window.shape[2:])), f"extents that are multiples of {multiple}")
