"""What people call a model, and which bundle that is: settled once, before anything is planned.

=========================  ===================================================================
``fault-3d``               the bundle of this name that comes with the project
``FOLDER``, ``s3://...``   a bundle, wherever it lies
``REGISTRY/fault``         the version in production, also ``REGISTRY/fault@production``
``REGISTRY/fault@3``       version 3
``URL@sha256:HASH``        this bundle and no other: what all of these turn into
=========================  ===================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models import shipped
from models.bundle import CARD, PICKLES, parted, pinned, read_card
from models.bundle_registry import NAME, PRODUCTION, Registry, Version
from models.card import Card
from models.errors import BundleError
from models.folder import Folder

IN_PRODUCTION = "production"


@dataclass(frozen=True)
class Model:
    """A bundle that was settled on.

    Attributes
    ----------
    reference : str
        What it was called.
    url, sha256 : str
        Where it is, and the hash that vouches for it.
    card : Card
    version : int or None
        Its number, where it comes from a registry.
    """

    reference: str
    url: str
    sha256: str
    card: Card
    version: int | None = None

    @property
    def address(self) -> str:
        """URL and hash in one, as ``read_card``, ``open_bundle`` and recipes take it."""
        return pinned(self.url, self.sha256)


def resolve(reference: str) -> Model:
    """Settle which bundle a reference means now.

    A name that ships goes before a folder of the same name in the working folder, which is
    ``./NAME``; a bundle goes before a registry's model.

    Raises
    ------
    BundleError
        Nothing is there, or it is not what its hash says.

    Examples
    --------
    >>> resolve("no-such-model")
    Traceback (most recent call last):
    models.errors.BundleError: no-such-model: no bundle here...
    """
    if reference in shipped.names():
        return _settled(reference, shipped.url(reference))
    url, sha256 = parted(reference)
    url = url if "://" in url else str(Path(url).expanduser().absolute())
    if sha256 or url.rstrip("/").lower().endswith(PICKLES) or Folder(url).exists(CARD):
        return _settled(reference, url, sha256)
    version = _in_registry(url)
    if version is not None:
        return _settled(reference, version.url, version.sha256, version.number)
    known = shipped.names()
    raise BundleError(
        f"{reference}: no bundle here, and no model of a registry",
        found=f"no {CARD}, no {PRODUCTION}",
        expected="the folder of a bundle, REGISTRY/NAME, REGISTRY/NAME@VERSION"
        + (f", or one that ships: {', '.join(known)}" if known else ""),
        do="Check the path with `seisproc models list`, or train one",
    )


def _settled(
    reference: str, url: str, sha256: str | None = None, version: int | None = None
) -> Model:
    card, found = read_card(url, sha256)
    return Model(reference, url, found, card, version)


def _in_registry(url: str) -> Version | None:
    """Version that a URL within a registry means; None where there is no such model."""
    place, _, last = url.rstrip("/").rpartition("/")
    name, _, wanted = last.partition("@")
    if not place or not NAME.fullmatch(name):
        return None
    registry = Registry(place)
    if not registry.numbers(name) and registry.production(name) is None:
        return None
    if wanted in ("", IN_PRODUCTION):
        return registry.in_production(name)
    if wanted.isdecimal():
        return registry.version(name, int(wanted))
    numbers = ", ".join(map(str, registry.numbers(name)))
    raise BundleError(
        f"{url}: no version of {name}",
        found=wanted,
        expected=f"{IN_PRODUCTION}, or one of {numbers}",
    )
