"""Training that begins with the weights of a bundle, of the same network or of a wider one."""

from __future__ import annotations

from torch import Tensor

from models.bundle import open_bundle
from models.errors import TrainingError
from models.split import SplitNetwork


def begin_with(network: SplitNetwork, url: str, sha256: str) -> None:
    """Give a network the weights of a bundle, in place.

    Where the network is narrower than the bundle's, it takes the first channels of each layer: as
    much of the wider network as it can hold, which a short training makes whole again.

    Parameters
    ----------
    network : SplitNetwork
    url, sha256 : str
        The bundle.

    Raises
    ------
    TrainingError
        The bundle's network has other layers, or one that is narrower.
    BundleError
        There is no bundle, or another one than that of the hash.

    Examples
    --------
    >>> import torch
    >>> wide = torch.arange(6.0).reshape(3, 2)
    >>> first_of(wide, torch.zeros(2, 2)).tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    given = open_bundle(url, sha256).state
    wanted = network.state_dict()
    strange = sorted(wanted.keys() ^ given.keys())
    if strange:
        raise TrainingError(f"{url}: a network of other layers", found=strange[0],
                            expected=f"{len(wanted)} tensors of the same names",
                            do="Begin with a bundle of the same network and number of levels")
    for name, tensor in wanted.items():
        if tensor.ndim != given[name].ndim or any(
            here > there for here, there in zip(tensor.shape, given[name].shape, strict=True)
        ):
            raise TrainingError(f"{url}: narrower than the network that begins with it",
                                found=f"{name} {tuple(given[name].shape)}",
                                expected=f"{tuple(tensor.shape)} or wider",
                                do="Give the recipe at most the bundle's channels")
    network.load_state_dict({name: first_of(given[name], wanted[name]) for name in wanted})


def first_of(wide: Tensor, like: Tensor) -> Tensor:
    """Cut the first elements of each axis, as many as ``like`` has."""
    return wide[tuple(slice(extent) for extent in like.shape)].clone()
