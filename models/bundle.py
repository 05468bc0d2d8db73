"""Model bundles: a folder with ``model.safetensors`` and ``card.json``, checked by hash.

The card holds the hash of the weights (and of ``references.safetensors``, where there is one),
and a bundle's own hash is that of its card, so one number vouches for all. Nothing is ever
unpickled: a bundle from a stranger can at worst be refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from models.card import Card
from models.ensemble import Ensemble, build_network
from models.errors import BundleError, NetworkError
from models.folder import Folder
from models.split import SplitNetwork

WEIGHTS = "model.safetensors"
CARD = "card.json"
REFERENCES = "references.safetensors"
#: May be there or not; no hash vouches for it.
PICTURE = "picture.png"
#: Endings of weights that hold pickles, which run code when opened.
PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")

_PINNED = re.compile(r"(.+)@sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: its card, its weights (float32), its own hash, and where it was.

    ``references`` are arrays that its inputs are compared with, in the dtypes they were given in
    (half precision widened); empty for most.
    """

    url: str
    sha256: str
    card: Card
    state: Mapping[str, Tensor]
    references: Mapping[str, Tensor] = field(default_factory=dict)

    def build(self) -> SplitNetwork | Ensemble:
        """Make the network with the bundle's weights, in evaluation mode.

        Raises
        ------
        BundleError
            The card names an unknown network or argument, or the weights do not fit it.
        """
        try:
            network = build_network(self.card.network, self.card.outputs, self.card.arguments)
            network.load_state_dict(dict(self.state), strict=True)
        except NetworkError as reason:
            raise BundleError(
                f"{self.url}: {reason.what}",
                found=reason.found,
                expected=reason.expected,
                do="Update seisproc, or make the bundle again",
            ) from reason
        except RuntimeError as reason:
            raise BundleError(
                f"{self.url}: the weights do not fit the network on the card",
                found=str(reason).splitlines()[-1].strip(),
            ) from reason
        return network.eval()


def save_bundle(
    folder: str | Path,
    card: Card,
    state: Mapping[str, Tensor],
    *,
    dtype: str = "float32",
    references: Mapping[str, Tensor] | None = None,
    overwrite: bool = False,
) -> str:
    """Write a bundle, the card last, so that a half-written one cannot be opened.

    Parameters
    ----------
    folder : path or fsspec URL
    card : Card
        Its ``weights_sha256``, ``weights_dtype`` and ``references`` are filled in.
    state : mapping of tensors
        The network's state dictionary.
    dtype : str
        ``float32``, or ``float16`` to halve the size: matrices and kernels are rounded, biases
        and batch-norm statistics are kept.
    references : mapping of tensors, optional
        Arrays that go with the network, stored as they are in ``references.safetensors``.
    overwrite : bool
        Whether a bundle that is already there may be replaced.

    Returns
    -------
    str
        The bundle's hash, for recipes.

    Raises
    ------
    BundleError
        A bundle is already there, the weights are not finite, or do not fit the card.
    """
    if dtype not in ("float32", "float16"):
        raise BundleError("dtype of a bundle", found=dtype, expected="float32 or float16")
    weights = _packed("weights", state, half=dtype == "float16")
    extra = _packed("references", references, half=False) if references else None
    card = replace(
        card,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        weights_dtype=dtype,
        references="" if extra is None else hashlib.sha256(extra).hexdigest(),
    )
    text = card.to_json().encode()
    sha256 = hashlib.sha256(text).hexdigest()
    Bundle(str(folder), sha256, card, load_weights(weights, str(folder))).build()
    place = Folder(str(folder))
    if place.exists(CARD):
        if not overwrite:
            raise BundleError(
                f"{folder}: a bundle is already there", do="Say overwrite, or choose another folder"
            )
        place.remove(CARD)
    for stale in (REFERENCES, PICTURE):
        if place.exists(stale):
            place.remove(stale)
    place.write(WEIGHTS, weights)
    if extra is not None:
        place.write(REFERENCES, extra)
    place.write(CARD, text)
    return sha256


def _packed(kind: str, tensors: Mapping[str, Tensor], half: bool) -> bytes:
    """Bytes of a safetensors file; ``half`` rounds matrices and kernels to float16."""
    packed = {}
    for name, tensor in tensors.items():
        kept = tensor.detach().cpu()
        if half and kept.is_floating_point() and kept.ndim > 1:
            kept = kept.to(torch.float16)
        # No channels-last strides in the file; it holds plain arrays.
        packed[name] = kept.clone(memory_format=torch.contiguous_format)
        if not bool(torch.isfinite(packed[name].float()).all()):
            dtype = str(kept.dtype).removeprefix("torch.")
            raise BundleError(f"{kind} {name} are not finite as {dtype}")
    return save(packed)


def pinned(url: str, sha256: str) -> str:
    """Write a bundle's URL and its hash as one address, which names this very bundle."""
    return f"{url}@sha256:{sha256}"


def parted(address: str) -> tuple[str, str | None]:
    """Part an address into the URL and the hash that :func:`pinned` put there, if any.

    >>> parted("models/fault")
    ('models/fault', None)
    >>> parted(pinned("s3://models/fault", 64 * "a")) == ("s3://models/fault", 64 * "a")
    True
    """
    found = _PINNED.fullmatch(address)
    return (found[1], found[2]) if found else (address, None)


def read_card(url: str, sha256: str | None = None) -> tuple[Card, str]:
    """Read the card of a bundle, and the bundle's hash, without reading the weights.

    ``url`` may be an address with a hash (:func:`pinned`).

    Raises
    ------
    BundleError
        There is no bundle, its card is not valid, or its hash is not ``sha256``.
    """
    url, pin = parted(url)
    if url.rstrip("/").lower().endswith(PICKLES):
        raise BundleError(
            f"{url}: pickled weights are never opened, since they run code",
            expected=f"a folder with {WEIGHTS} and {CARD}",
            do="Load them where you trust them and write a bundle with save_bundle",
        )
    text = _read(url, CARD)
    found = hashlib.sha256(text).hexdigest()
    for expected in (pin, sha256):
        if expected is not None and found != expected:
            raise BundleError(
                f"{url}: the bundle was changed or replaced",
                found=found[:16],
                expected=expected[:16],
                do="Fetch the bundle again, or use the hash of the one you trust",
            )
    return Card.from_json(text, url), found


def open_bundle(url: str, sha256: str | None = None) -> Bundle:
    """Read a bundle and check it.

    Parameters
    ----------
    url : str
        Local folder, fsspec URL or ``shipped://NAME``; with or without a hash (:func:`pinned`).
    sha256 : str, optional
        The hash :func:`save_bundle` gave; None takes whatever is there.

    Raises
    ------
    BundleError
        Missing, damaged, tampered with, of another version, or pickled.
    """
    card, found = read_card(url, sha256)
    url, _ = parted(url)
    state = load_weights(_vouched(url, WEIGHTS, card.weights_sha256), url)
    references = {}
    if card.references:
        content = _vouched(url, REFERENCES, card.references)
        references = load_weights(content, url, REFERENCES)
    return Bundle(url, found, card, state, references)


def _vouched(url: str, name: str, sha256: str) -> bytes:
    """Read a file of a bundle that its card holds the hash of."""
    content = _read(url, name)
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        what = "weights" if name == WEIGHTS else "references"
        raise BundleError(
            f"{url}: the {what} are not those of the card",
            found=digest[:16],
            expected=sha256[:16],
            do="Fetch the bundle again",
        )
    return content


def write_picture(url: str, png: bytes) -> None:
    """Put a picture beside a bundle's card; the bundle's hash stays what it is."""
    Folder(parted(url)[0]).write(PICTURE, png)


def _read(url: str, name: str) -> bytes:
    """Read a file of a bundle."""
    try:
        return Folder(url).read(name)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as reason:
        raise BundleError(
            f"{url}: no bundle here",
            found=f"no {name}",
            expected=f"a folder with {WEIGHTS} and {CARD}",
            do="Check the path, or train one",
        ) from reason


def load_weights(weights: bytes, url: str, name: str = WEIGHTS) -> dict[str, Tensor]:
    """Tensors of a safetensors file's bytes, half precision widened to float32.

    Raises
    ------
    BundleError
        The bytes are no safetensors file.
    """
    try:
        tensors = load(weights)
    except (SafetensorError, ValueError, KeyError) as reason:
        raise BundleError(
            f"{url}: {name} is not a safetensors file", found=str(reason)
        ) from reason
    return {
        name: tensor.float() if tensor.dtype == torch.float16 else tensor
        for name, tensor in tensors.items()
    }


def training_fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """Hash of named arrays, for a card's ``training`` entry."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
