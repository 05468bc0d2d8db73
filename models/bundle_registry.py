"""A registry: a folder of named models, each with numbered versions and one in production.

::

    REGISTRY/fault/1/version.json         number, hash and time; claimed before anything is copied
                     model.safetensors    the bundle, its card last
                     card.json
                   2/...
                   production.json        the version that whoever names no version gets

Versions are never changed. What is read from a registry is checked against the hash that was noted
when it was published or promoted, so that a bundle put in another's place is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from models.bundle import CARD, REFERENCES, WEIGHTS, open_bundle, parted, read_card
from models.errors import BundleError
from models.folder import Folder

VERSION = "version.json"
PRODUCTION = "production.json"
#: Pictures and records that are copied with a bundle; no hash vouches for them.
BESIDE = (".png", ".json")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Version:
    """One version of a model.

    Attributes
    ----------
    name : str
    number : int
    url : str
        Of its bundle.
    sha256 : str
        Of its bundle, when it was published; empty where the publisher did not get that far.
    published : str
        UTC time, ISO 8601.
    complete : bool
        Whether the bundle is there; a publisher that was killed leaves a version without.
    """

    name: str
    number: int
    url: str
    sha256: str
    published: str
    complete: bool


@dataclass(frozen=True)
class Production:
    """Which version of a model is in production: its number and hash, and since when (UTC)."""

    version: int
    sha256: str
    promoted: str


class Registry:
    """The models of a registry folder; see the module for what lies where.

    Parameters
    ----------
    url : str
        Local folder or fsspec URL; it need not exist yet.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._folder = Folder(self.url)

    def names(self) -> list[str]:
        """Names of the models, sorted."""
        return [
            name
            for name in self._folder.names()
            if NAME.fullmatch(name) and self.numbers(name)
        ]

    def numbers(self, name: str) -> list[int]:
        """Numbers of a model's versions, ascending; half-written ones too."""
        return sorted(int(each) for each in self._folder.child(name).names() if each.isdigit())

    def versions(self, name: str) -> list[Version]:
        """All versions of a model, oldest first."""
        return [self._version(name, number) for number in self.numbers(name)]

    def version(self, name: str, number: int) -> Version:
        """One complete version of a model; its card is checked against its hash.

        Raises
        ------
        BundleError
            There is none of this number, it is half-written, or its bundle was changed.
        """
        numbers = self.numbers(name)
        if number not in numbers:
            raise BundleError(
                f"{self.url}/{name} has no version {number}",
                found=f"versions {', '.join(map(str, numbers))}" if numbers else "no version",
                do="Name another, or publish one",
            )
        found = self._version(name, number)
        if not found.complete:
            raise BundleError(
                f"{found.url}: version {number} is half-written: whoever published it was cut off,"
                " or is still at work",
                do="Wait, or publish the bundle again; it gets a number of its own",
            )
        read_card(found.url, found.sha256)
        return found

    def production(self, name: str) -> Production | None:
        """Which version is in production; None where none was promoted.

        Raises
        ------
        BundleError
            The pointer is there and cannot be understood.
        """
        try:
            text = self._folder.child(name).read(PRODUCTION)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return Production(**json.loads(text))
        except (ValueError, TypeError) as reason:
            raise BundleError(
                f"{self.url}/{name}/{PRODUCTION} is not what promoting writes",
                found=str(reason),
                do=f"Promote a version again: seisproc models promote {self.url} {name} VERSION",
            ) from reason

    def in_production(self, name: str) -> Version:
        """Resolve the pointer to a version, whose card is checked against the pointer's hash.

        Raises
        ------
        BundleError
            None was promoted, the pointer dangles, or the bundle was changed.
        """
        pointer = self.production(name)
        if pointer is None:
            numbers = self.numbers(name)
            raise BundleError(
                f"{self.url}/{name}: no version is in production",
                found=f"versions {', '.join(map(str, numbers))}" if numbers else "no version",
                do=f"Name one as {name}@VERSION, or promote one: seisproc models promote"
                f" {self.url} {name} VERSION",
            )
        try:
            found = self.version(name, pointer.version)
            read_card(found.url, pointer.sha256)
        except BundleError as reason:
            raise BundleError(
                f"{self.url}/{name}: version {pointer.version}, which is in production,"
                " cannot be used",
                found=str(reason).rstrip("."),
                do=f"Promote another: seisproc models promote {self.url} {name} VERSION",
            ) from reason
        return found

    def publish(self, bundle: str, name: str) -> Version:
        """Copy a bundle in as the next version of a model, and read it back.

        Pictures and records beside its card come along; anything else that lies there does not.

        Parameters
        ----------
        bundle : str
            URL of the bundle, with or without its hash. It must build.
        name : str
            Letters, digits, ``.``, ``_`` and ``-``; a letter first.

        Raises
        ------
        BundleError
            The name is none, the bundle is not sound, or what was copied is not what was read.
        """
        if not NAME.fullmatch(name):
            raise BundleError(
                f"{name!r} is no name for a model",
                expected="letters, digits, '.', '_' and '-', a letter first",
            )
        opened = open_bundle(bundle)
        opened.build()
        source = Folder(parted(bundle)[0])
        beside = [
            file
            for file in source.names()
            if file.endswith(BESIDE) and file not in (CARD, VERSION, PRODUCTION)
        ]
        extra = [REFERENCES] if opened.card.references else []
        number = self._claim(name, opened.sha256)
        target = self._folder.child(name).child(str(number))
        for file in (WEIGHTS, *extra, *beside):
            target.write(file, source.read(file))
        card = source.read(CARD)
        if hashlib.sha256(card).hexdigest() != opened.sha256:
            raise BundleError(f"{bundle} changed while it was being published", do="Publish again")
        target.write(CARD, card)
        open_bundle(target.url, opened.sha256)
        return self._version(name, number)

    def promote(self, name: str, number: int) -> Production:
        """Put a version into production; an earlier one rolls back.

        Raises
        ------
        BundleError
            There is no such version, or its bundle is half-written or was changed.
        """
        found = self.version(name, number)
        open_bundle(found.url, found.sha256).build()
        pointer = Production(number, found.sha256, _now())
        self._folder.child(name).write(PRODUCTION, _json(asdict(pointer)))
        return pointer

    def _claim(self, name: str, sha256: str) -> int:
        """Take the next number; of several publishers who want it, one gets it."""
        folder = self._folder.child(name)
        number = max(self.numbers(name), default=0) + 1
        while True:
            note = {"version": number, "sha256": sha256, "published": _now()}
            if folder.child(str(number)).create(VERSION, _json({**note, "id": uuid.uuid4().hex})):
                return number
            number += 1

    def _version(self, name: str, number: int) -> Version:
        folder = self._folder.child(name).child(str(number))
        sha256 = published = ""
        try:
            note = json.loads(folder.read(VERSION))
            sha256, published = str(note["sha256"]), str(note["published"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # whoever claimed the number was cut off at once
        complete = bool(sha256) and folder.exists(CARD)
        return Version(name, number, folder.url, sha256, published, complete)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _json(values: object) -> bytes:
    return (json.dumps(values, indent=2) + "\n").encode()
