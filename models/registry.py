"""Networks by name, for cards and configurations."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from models.baselines import ConvolutionalNetwork, DenseNetwork, EncoderNetwork
from models.deeplabv3plus import DeepLabV3Plus
from models.errors import NetworkError
from models.split import SplitNetwork
from models.unet import UNet
from models.unet3d import UNet3D

NETWORKS: dict[str, Callable[..., SplitNetwork]] = {
    "deeplabv3plus": DeepLabV3Plus,
    "unet": UNet,
    "unet3d": UNet3D,
    "dense": DenseNetwork,
    "convolutional": ConvolutionalNetwork,
    "encoder": EncoderNetwork,
}


def build(network: str, **arguments: object) -> SplitNetwork:
    """Make a network with fresh weights from torch's random numbers.

    Parameters
    ----------
    network : str
        A key of :data:`NETWORKS`.
    **arguments
        What its class takes, as plain JSON values: lists stand for tuples.

    Raises
    ------
    NetworkError
        Unknown network or argument, or a value out of range.

    Examples
    --------
    >>> build("unet3d", channels=[4, 8]).multiple
    2
    """
    if network not in NETWORKS:
        raise NetworkError(
            "unknown network", found=repr(network), expected=f"one of {', '.join(NETWORKS)}"
        )
    make = NETWORKS[network]
    known = [name for name in inspect.signature(make).parameters if name != "self"]
    for name in arguments:
        if name not in known:
            raise NetworkError(
                f"{network}: unknown argument", found=name, expected=f"one of {', '.join(known)}"
            )
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
    try:
        return make(**plain)
    except (TypeError, ValueError, RuntimeError) as reason:
        raise NetworkError(f"{network}: cannot be built", found=str(reason)) from reason
