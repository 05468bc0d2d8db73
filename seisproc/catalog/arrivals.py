"""Files in an inbox that belong to no survey: what they would be, and what they are called."""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seisproc.catalog.documents import read_text
from seisproc.catalog.entry import Inbox
from seisproc.catalog.files import FileVersion
from seisproc.catalog.layout import Layout, slug
from seisproc.catalog.seen import Seen
from seisproc.places import is_remote

_DEEPEST = 4
"""Folders of its path that may become part of a survey's name."""


@dataclass(frozen=True)
class Candidate:
    """Files of an inbox that together would be a survey.

    Attributes
    ----------
    sources : tuple of str
        The file, or the patterns that together stand for all in a folder.
    inbox : Inbox
        Where they are.
    files : tuple of FileVersion
        What a look found, sorted.
    """

    sources: tuple[str, ...]
    inbox: Inbox
    files: tuple[FileVersion, ...]

    @property
    def source(self) -> str:
        """What they are known by as long as they are no survey."""
        return self.sources[0]


@dataclass(frozen=True)
class Arrival:
    """Files in an inbox that are no survey yet, as the last scan knew them.

    Attributes
    ----------
    source : str
        The file, or the first pattern that stands for files of a folder.
    seen : Seen
        Its files.
    state : str
        ``waiting`` for files that may still grow, ``unreadable`` for such that could not be read,
        ``duplicate`` of what a survey has, ``moved`` where that survey's own files are gone,
        ``removed`` where its entry is.
    why : str
        In words.
    """

    source: str
    seen: Seen
    state: str
    why: str


def candidates(
    inbox: Inbox, files: Iterable[FileVersion], taken: Collection[str]
) -> list[Candidate]:
    """Group the files of an inbox that no survey has.

    A folder of which a survey has some files is that survey's own business.
    """
    matching = [file for file in files if any(
        fnmatch.fnmatchcase(file.name, pattern) for pattern in inbox.patterns)]
    if not inbox.folders:
        new = (file for file in matching if file.url not in taken)
        return [Candidate((file.url,), inbox, (file,)) for file in new]
    grouped: dict[str, list[FileVersion]] = defaultdict(list)
    for file in matching:
        grouped[file.url.rpartition("/")[0]].append(file)
    return [
        Candidate(_patterns(folder, group, inbox), inbox, tuple(group))
        for folder, group in sorted(grouped.items())
        if not any(file.url in taken for file in group)
    ]


def _patterns(folder: str, files: list[FileVersion], inbox: Inbox) -> tuple[str, ...]:
    """Patterns for the files of a folder: the inbox's first that finds them all, else several."""
    found = {
        pattern: {file.name for file in files if fnmatch.fnmatchcase(file.name, pattern)}
        for pattern in inbox.patterns
    }
    missing = {file.name for file in files}
    chosen = [pattern for pattern, names in found.items() if names == missing][:1]
    for pattern, names in () if chosen else found.items():
        if names & missing:
            chosen.append(pattern)
            missing -= names
    return tuple(f"{glob.escape(folder)}/{pattern}" for pattern in chosen)


def name_for(candidate: Candidate, taken: Collection[str]) -> str:
    """Name for a new survey: its file's or folder's, with folders before it where that is taken."""
    path = candidate.files[0].url
    inside = path[len(candidate.inbox.place) :].strip("/")
    parts = inside.split("/")
    if candidate.inbox.folders:
        parts = parts[:-1] or [candidate.inbox.place.rsplit("/", 1)[-1]]
    else:
        parts[-1] = parts[-1].rsplit(".", 1)[0] or parts[-1]
    lower = {name.lower() for name in taken}
    name = ""
    for depth in range(1, min(len(parts), _DEEPEST) + 1):
        name = slug("-".join(parts[-depth:]))
        if name not in lower:
            return name
    number = 2
    while f"{name[:70]}-{number}" in lower:
        number += 1
    return f"{name[:70]}-{number}"


def entry_of(candidate: Candidate, layout: Layout) -> dict[str, Any]:
    """Plain values of the entry of a new survey; its paths start at the catalogue where they can.

    One that would begin with a tilde means somebody's home folder without the dot.
    """
    inside = (source.removeprefix(f"{layout.root}/") for source in candidate.sources)
    sources = [f"./{source}" if source.startswith("~") else source for source in inside]
    return {"sources": sources, **candidate.inbox.told}


def odd_name(candidate: Candidate) -> str:
    """Say what is odd about a name that no entry can hold; empty: nothing that is known."""
    if legible(candidate.source) != candidate.source:
        return "its name is no Unicode text (UTF-8): rename it"
    if is_remote(candidate.source) and re.search("[?#]", candidate.source):
        return "its name has a ? or #, which in a URL ends the path: rename it"
    return ""


def legible(source: str) -> str:
    r"""Write the source of an arrival for people; bytes that are no Unicode come as numbers.

    A listing of an inbox holds no secrets, and a ``#`` in it is part of a name.

    >>> legible("in/Ma\udcdfstab.sgy")
    'in/Ma\\xdfstab.sgy'
    """
    return source.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_arrivals(layout: Layout) -> dict[str, Arrival]:
    """Read what the last scan knew, by source; nothing where there was none."""
    try:
        told = json.loads(read_text(layout.arrivals) or "[]")
        found = [Arrival(**{**each, "seen": Seen.from_dict(each["seen"])}) for each in told]
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {each.source: each for each in found}


def arrivals_text(arrivals: Mapping[str, Arrival]) -> str:
    """Write what the next scan will want to know."""
    return json.dumps([dataclasses.asdict(each) for _, each in sorted(arrivals.items())], indent=1)
