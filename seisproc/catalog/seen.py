"""What scan saw of a survey's files, and when that counts: a file that still grows waits.

A version counts once it was the same for the basin's quiet time, in two looks that lie so far apart
or more. One look is enough for a file that nobody has written to for an hour: so much do clocks
hardly differ.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seisproc.catalog.files import FileVersion

OLD_S = 3600.0
"""A file that was last written to so long ago is whole at the first look."""


MOST_VERSIONS = 20
"""Earlier contents that are remembered."""


@dataclass(frozen=True)
class SeenFile:
    """One file as scan saw it.

    Attributes
    ----------
    url, size, tag, modified
        As :class:`seisproc.catalog.files.FileVersion` has them.
    since : float
        First look that found this version, seconds since 1970.
    sha256 : str or None
        Hash of its content; None until it is settled.
    """

    url: str
    size: int
    tag: str
    modified: float
    since: float
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Last part of its path."""
        return self.url.rsplit("/", 1)[-1]

    def settled(self, now: float, quiet_s: float) -> bool:
        """Whether nobody is writing to it any more."""
        return now - self.since >= quiet_s or 0 < self.modified <= now - OLD_S

    def is_version(self, found: FileVersion) -> bool:
        """Whether a look found it unchanged."""
        return (self.size, self.tag) == (found.size, found.tag)


@dataclass(frozen=True)
class Content:
    """What the headers of a survey's files say, or why they say nothing.

    Attributes
    ----------
    trouble : str
        Why they make no survey; empty: they do.
    kind, domain, shape, traces
        Of the survey: ``3d``, ``prestack``, ``2d`` or ``flat``; ``twt`` or ``depth``; extents of
        the amplitude; traces there are, None where only reading the samples tells.
    crs : str or None
        What the files themselves name.
    units : str
        Of the coordinates.
    outline : mapping or None
        GeoJSON geometry in the survey's own coordinates; None where there are none.
    warnings : tuple of str
        What is odd.
    """

    trouble: str = ""
    kind: str = ""
    domain: str = ""
    shape: tuple[int, ...] = ()
    traces: int | None = None
    crs: str | None = None
    units: str = ""
    outline: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A survey's files at the last scan, and what they hold.

    Attributes
    ----------
    added : float
        When the survey was first seen.
    since : float
        When the list of files last changed; 0 if never.
    files : tuple of SeenFile
        In the order in which they are read.
    read_as : mapping or None
        How the headers were read (:attr:`seisproc.catalog.entry.Entry.reading`).
    content : Content or None
        What they say; None until all files are settled.
    versions : tuple of tuple of str
        Hashes of the files each time that they were settled with another content, the last one
        last.
    trouble : str
        Why the last scan could not read these files, whole as they are; empty: it could, or has
        not tried yet.
    """

    added: float
    since: float = 0.0
    files: tuple[SeenFile, ...] = ()
    read_as: Mapping[str, Any] | None = None
    content: Content | None = None
    versions: tuple[tuple[str, ...], ...] = ()
    trouble: str = ""

    @property
    def known(self) -> tuple[str, ...]:
        """Hashes of the files when they were last settled; none if they never were."""
        return self.versions[-1] if self.versions else ()

    @property
    def hashes(self) -> tuple[str, ...] | None:
        """Hashes of the contents, in order; None until all are known."""
        found = tuple(file.sha256 for file in self.files if file.sha256 is not None)
        return found if found and len(found) == len(self.files) else None

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.size for file in self.files)

    def settled(self, now: float, quiet_s: float) -> bool:
        """Whether all files are there and nobody is writing to them any more."""
        return (
            bool(self.files)
            and now - self.since >= quiet_s
            and all(file.settled(now, quiet_s) for file in self.files)
        )

    def is_current(self, found: Sequence[FileVersion]) -> bool:
        """Whether a look found just these files, unchanged."""
        known = {file.url: file for file in self.files}
        return len(found) == len(known) and all(
            file.url in known and known[file.url].is_version(file) for file in found
        )

    def advance(self, found: Sequence[FileVersion], now: float) -> Seen:
        """Take note of what a look found; what is unchanged keeps its times and its hash."""
        known = {file.url: file for file in self.files}
        files = tuple(_advanced(known.get(each.url), each, now) for each in found)
        moved = bool(known) and {file.url for file in found} != set(known)
        same = files == self.files
        return dataclasses.replace(
            self,
            since=now if moved else min(self.since, now),
            files=files,
            read_as=self.read_as if same else None,
            content=self.content if same else None,
            trouble=self.trouble if same else "",
        )

    def with_content(self, content: Content, read_as: Mapping[str, Any]) -> Seen:
        """Take note of what settled files hold."""
        hashes = self.hashes or ()
        older = tuple(version for version in self.versions if version != hashes)
        return dataclasses.replace(
            self, content=content, read_as=read_as, versions=(*older, hashes)[-MOST_VERSIONS:]
        )

    def to_json(self) -> str:
        """Write as text."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Seen | None:
        """Read what :meth:`to_json` wrote; None for what it did not: it is seen anew then."""
        try:
            return cls.from_dict(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Seen:
        """Turn plain values into what they stand for."""
        content = told["content"]
        if content is not None:
            content = Content(**{
                **content, "shape": tuple(content["shape"]),
                "warnings": tuple(content["warnings"]),
            })
        files = tuple(SeenFile(**file) for file in told["files"])
        versions = tuple(map(tuple, told["versions"]))
        return cls(**{**told, "files": files, "content": content, "versions": versions})


def _advanced(known: SeenFile | None, found: FileVersion, now: float) -> SeenFile:
    if known is not None and known.is_version(found):
        # a clock that was set back must not make a file wait for ever
        return known if known.since <= now else dataclasses.replace(known, since=now)
    return SeenFile(found.url, found.size, found.tag, found.modified, since=now)
