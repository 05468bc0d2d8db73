"""What a scan does about one survey: wait, hash, read the headers, note what is new, tell it."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from seisproc.catalog.catalog import Catalog
from seisproc.catalog.content import hash_of_version, is_there, read_content
from seisproc.catalog.entry import Entry
from seisproc.catalog.history import Event, tell
from seisproc.catalog.seen import Seen
from seisproc.errors import SeisprocError, one_line
from seisproc.leases import Lease
from seisproc.places import without_secrets

HASHERS = 4
"""Files of one survey that are hashed at a time."""

LONG_BYTES = 200_000_000
"""So much is told before it is read."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scanned:
    """What a scan found.

    Attributes
    ----------
    added : list of str
        New surveys, from inboxes.
    settled : list of str
        Surveys whose files are whole and read since this scan: new or changed content, or headers
        that are read in another way.
    touched : list of str
        Surveys whose files have another time and the same content.
    unreadable : dict
        Surveys whose files hold nothing that can be read -> why.
    waiting : dict
        Surveys, and arrivals by their source, that wait for files which may still grow -> why.
    missing : dict
        Surveys of which a source is not there -> which.
    known : dict
        Arrivals, by their source, whose content a survey has already -> in words.
    failed : dict
        Inboxes that could not be looked at this time, and surveys and arrivals, by their source,
        that could not be read -> why.
    hashed_bytes : int
        Read to hash.
    seconds : float
    """

    added: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    hashed_bytes: int = 0
    seconds: float = 0.0


def reason(error: Exception) -> str:
    """Say in one line why something could not be read."""
    if isinstance(error, SeisprocError | OSError):
        return str(error)
    return f"it seems damaged: {without_secrets(one_line(error))}"


class Reader:
    """Reads surveys for one scan; several threads may at a time."""

    def __init__(self, catalog: Catalog, held: Lease, say: Say) -> None:
        self.catalog, self.held, self.say = catalog, held, say
        self.found = Scanned()
        self.hashed: list[int] = []
        self.stop = threading.Event()

    def survey(self, entry: Entry, before: Seen, seen: Seen, now: float) -> Seen:
        """Note what a look found of one survey; hash and read it if it is whole and new."""
        name, quiet_s = entry.name, self.catalog.basin.quiet_s
        if not seen.settled(now, quiet_s):
            growing = [file.name for file in seen.files if not file.settled(now, quiet_s)]
            what = ", ".join(growing[:3]) or "its list of files"
            self.found.waiting[name] = f"{what} may still change"
        else:
            seen = dataclasses.replace(seen, trouble="")
            try:
                seen = self.hashed_files(seen, name)
                seen = self._read(entry, seen)
            except Exception as error:  # libraries raise all sorts of things of a damaged file
                self.found.failed[name] = reason(error)
                seen = dataclasses.replace(seen, trouble=reason(error))
        if seen != before:
            self.held.require()
            self.catalog.note_seen(name, seen)
            self._tell(name, before, seen)
        return seen

    def hashed_files(self, seen: Seen, name: str) -> Seen:
        """Hash the files that have no hash yet; one that changed meanwhile stays without."""
        todo = [file for file in seen.files if file.sha256 is None]
        if not todo:
            return seen
        size = sum(file.size for file in todo)
        if size > LONG_BYTES:
            self.say(f"{name}: reading {size / 1e9:,.1f} GB to know its content")
        with ThreadPoolExecutor(HASHERS) as hashers:
            hashing = hashers.map(lambda file: hash_of_version(file, self.stop), todo)
            hashes = dict(zip(todo, hashing, strict=True))
        self.hashed.append(size)
        return dataclasses.replace(seen, files=tuple(
            dataclasses.replace(file, sha256=hashes.get(file, file.sha256)) for file in seen.files
        ))

    def _read(self, entry: Entry, seen: Seen) -> Seen:
        if seen.hashes is None:
            self.found.waiting[entry.name] = "it changed while it was being read"
            return seen
        if seen.content is not None and seen.read_as == entry.reading:
            return seen
        if seen.bytes > LONG_BYTES:
            self.say(f"{entry.name}: reading the headers")
        content = read_content(entry, [file.url for file in seen.files])
        if content.trouble and not all(map(is_there, seen.files)):
            # of a disk that went away meanwhile, nothing is wrong with what lies on it
            self.found.waiting[entry.name] = "it changed while it was being read"
            return seen
        return seen.with_content(content, entry.reading)

    def _tell(self, name: str, before: Seen, seen: Seen) -> None:
        """Say in the summary and in the history what is new about a survey."""
        if seen.trouble and seen.trouble != before.trouble:
            tell(self.catalog.layout, name, Event(time.time(), "unreadable", seen.trouble))
        if seen.content is None or seen.hashes is None:
            return
        trouble = seen.content.trouble
        if trouble:
            self.found.unreadable[name] = trouble
            tell(self.catalog.layout, name, Event(time.time(), "unreadable", trouble))
            return
        if before.known == seen.known and before.read_as in (None, seen.read_as):
            self.found.touched.append(name)
            return
        several = len(seen.files) > 1
        what = f"{len(seen.files)} files" if several else seen.files[0].name
        self.found.settled.append(name)
        size = f"{seen.bytes / 1e6:,.1f} MB"
        tell(self.catalog.layout, name, Event(time.time(), "settled", f"{what}, {size}"))
