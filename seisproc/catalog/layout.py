"""Where everything of a catalogue lies, what surveys may be called, and what paths in it mean."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

from seisproc.errors import ConfigError
from seisproc.places import is_remote, shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""Names of surveys: they are also names of files, of stores and of runs."""

WRITTEN = ("surveys", "seen", "runs", "history", "leases", "nights", "stores", "exports", "reports")
"""Folders of a catalogue in which no survey arrives."""

_STRANGE = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True)
class Layout:
    """Places of a catalogue.

    Parameters
    ----------
    root : str
        Its folder: an absolute local path, or an fsspec URL.
    """

    root: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", canonical(self.root).rstrip("/"))

    @property
    def basin(self) -> str:
        """File of the basin."""
        return f"{self.root}/catalog.yaml"

    @property
    def index(self) -> str:
        """Copy of the small files."""
        return f"{self.root}/index.json"

    @property
    def arrivals(self) -> str:
        """Files in an inbox that are no survey yet."""
        return f"{self.root}/arrivals.json"

    def folder(self, kind: str) -> str:
        """Folder of ``surveys``, ``seen``, ``runs``, ``history`` or ``leases``."""
        return f"{self.root}/{kind}"

    def entry(self, name: str) -> str:
        """File that a person writes about a survey."""
        return f"{self.root}/surveys/{name}.yaml"

    def seen(self, name: str) -> str:
        """File in which scan keeps what it saw of a survey."""
        return f"{self.root}/seen/{name}.json"

    def run(self, name: str) -> str:
        """File that says what was last made of a survey."""
        return f"{self.root}/runs/{name}.json"

    def writes(self, place: str) -> bool:
        """Whether a place lies in one of the folders that the catalogue writes itself.

        >>> Layout("/basin").writes("/basin/exports/f3"), Layout("/basin").writes("/basin/inbox")
        (True, False)
        """
        return f"{place}/".startswith(tuple(f"{self.folder(kind)}/" for kind in WRITTEN))

    def place(self, told: str) -> str:
        """Return the absolute path or URL that a path in the catalogue means.

        Relative ones start at the catalogue's folder, so that the two can be moved together.

        >>> Layout("s3://bucket/basin").place("../inbox/f3.sgy")
        's3://bucket/inbox/f3.sgy'
        """
        if "://" in told or told.startswith(("/", "~")):
            return canonical(told)
        return canonical(f"{self.root}/{told}")


def canonical(url: str) -> str:
    """Return the one way to write a path or URL that names are compared in.

    Raises
    ------
    ConfigError
        If no file can be called so.

    >>> canonical("file:///data/./f3.sgy"), canonical("s3://b/in/../f3.sgy")
    ('/data/f3.sgy', 's3://b/f3.sgy')
    """
    if "\0" in url:
        raise ConfigError(f"{url!r} is no path", found="a zero byte", do="Correct the name")
    if not is_remote(url):
        local = url.removeprefix("file://").removeprefix("local://")
        try:
            return posixpath.normpath(str(Path(local).expanduser().absolute()))
        except RuntimeError:
            raise ConfigError(
                f"{url}: there is no such user here",
                expected="~/ or ~USER/ for somebody's home; ./~... for a name that begins so",
            ) from None
    protocol, _, path = url.partition("://")
    if protocol in ("http", "https"):
        return url
    return f"{protocol}://{posixpath.normpath(path)}"


def require_plain(url: str) -> None:
    """Refuse a URL with credentials or a query: a catalogue is read by many and keeps no secret.

    One in whose name is a ? or # is refused too: it would mean something else.

    Raises
    ------
    ConfigError
        If it has any.
    """
    if not is_remote(url) or shown(url) == url:
        return
    protocol, _, told = url.partition("://")
    is_query = protocol.startswith("http") and "?" in told.partition("#")[0]
    if is_query or "@" in told.partition("/")[0]:
        raise ConfigError(
            f"{shown(url)} was given with credentials or a query in its URL",
            expected="a plain URL: whoever reads the catalogue would read them too",
            do="Give credentials by fsspec's configuration or environment variables",
        )
    raise ConfigError(
        f"{shown(url)} is not all that was given: in a URL a ? or # ends the path",
        found="a name with such a sign in it",
        do="Rename it; in a pattern write * instead of ?",
    )


def require_name(name: str) -> None:
    """Refuse a name that no file or run can have.

    Raises
    ------
    ConfigError
        If it has other signs than letters, digits, dots, hyphens and underscores, or too many.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name for a survey",
            expected="up to 80 letters, digits, dots, hyphens and underscores, no dot first",
            do=f"Call it {slug(name)}",
        )


def slug(text: str) -> str:
    """Make a name of a file's or a folder's.

    >>> slug("Full Stack (2019)"), slug("F3_8bit")
    ('full-stack-2019', 'f3_8bit')
    """
    found = _STRANGE.sub("-", text.lower()).strip("-._")[:80]
    return found if NAME.fullmatch(found) else "survey"
