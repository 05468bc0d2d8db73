"""Scanning: which files are new or changed, whole by now, known already; and what they hold.

A scan looks at all sources and inboxes (listings only). Files that changed wait until they are
whole (:mod:`seisproc.catalog.seen`); then their bytes are hashed and their headers read, once a
version. New files of an inbox become surveys, unless a survey has their content already.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from seisproc.atomic import write_atomic
from seisproc.catalog.arrivals import (
    Arrival,
    Candidate,
    arrivals_text,
    candidates,
    entry_of,
    legible,
    name_for,
    odd_name,
    read_arrivals,
)
from seisproc.catalog.catalog import Catalog, Snapshot
from seisproc.catalog.entry import Entry
from seisproc.catalog.look import Look
from seisproc.catalog.reading import Reader, Say, Scanned, reason
from seisproc.catalog.seen import Seen
from seisproc.catalog.sources import files_of
from seisproc.errors import OutputExistsError
from seisproc.leases import Lease
from seisproc.places import is_remote, shown

SURVEYS_AT_ONCE = 4
"""Surveys that are hashed and read at a time."""

Thing = TypeVar("Thing")
Made = TypeVar("Made")
Write = Callable[[dict[str, Any]], str]


def scan_catalog(
    catalog: Catalog,
    write: Write,
    *,
    wait: bool = False,
    say: Say = lambda _: None,
) -> Scanned:
    """Scan all sources and inboxes of a catalogue, and note what was found.

    Parameters
    ----------
    catalog : Catalog
    write : callable
        Turns the plain values of a new entry into its file's text.
    wait : bool
        Where files may still grow, look a second time after the basin's quiet time.
    say : callable
        Told what is being done, in words, where that takes long.

    Raises
    ------
    BusyError
        If another scan is under way.
    AccessError
        If the catalogue itself cannot be reached.
    """
    started = time.monotonic()
    with catalog.claim_scan() as held:
        work = _Scan(catalog, write, held, say)
        work.look()
        if wait and work.found.waiting:
            quiet = catalog.basin.quiet_s
            say(f"{len(work.found.waiting)} may still grow: looking again in {quiet:g} s")
            time.sleep(quiet)
            work.look()
        # what was noted just now is read once more, so that the next one need not
        catalog.load()
        catalog.save_index()
    return dataclasses.replace(
        work.found, hashed_bytes=sum(work.reader.hashed),
        seconds=round(time.monotonic() - started, 3),
    )


class _Scan:
    """One scan, of one look or two."""

    def __init__(self, catalog: Catalog, write: Write, held: Lease, say: Say) -> None:
        self.catalog, self.write, self.held = catalog, write, held
        self.reader = Reader(catalog, held, say)

    @property
    def found(self) -> Scanned:
        """What was found so far."""
        return self.reader.found

    def look(self) -> None:
        """Look at everything once."""
        for passing in (self.found.waiting, self.found.missing, self.found.known,
                        self.found.failed):
            passing.clear()
        snapshot = self.catalog.load()
        places = [inbox.place for inbox in snapshot.basin.inboxes]
        sources = (source for each in snapshot.entries.values() for source in each.sources)
        look, now = Look(sources, places), time.time()
        files = {}
        for name, entry in snapshot.entries.items():
            files[name], gone = files_of(entry, look)
            if gone:
                self.found.missing[name] = "; ".join(look.why_not(source) for source in gone)

        def read(name: str) -> Seen:
            before = snapshot.seen.get(name) or Seen(added=now)
            seen = before.advance(files[name], now)
            return self.reader.survey(snapshot.entries[name], before, seen, now)

        for place in places:
            refused = look.refused(place)
            self.found.failed.update(refused)
            if self.catalog.layout.writes(place):
                self.found.failed[place] = "the catalogue itself writes there: choose another inbox"
            elif refused:
                continue
            elif not is_remote(place) and not Path(place).is_dir():
                self.found.failed[place] = "the inbox is not there: is the disk mounted?"
        # of a survey that is not all there, nothing is noted: a disk may be away for a while
        there = [name for name in files if files[name] and name not in self.found.missing]
        seen = dict(zip(there, self._side_by_side(read, there), strict=True))
        taken = {file.url for each in files.values() for file in each}
        # what a person has just written wrong still has its files
        taken |= {file.url for name in snapshot.broken if name in snapshot.seen
                  for file in snapshot.seen[name].files}
        snapshot = dataclasses.replace(snapshot, seen={**snapshot.seen, **seen})
        self._inboxes(snapshot, look, taken, now)
        self.held.require(ask=True)

    def _side_by_side(
        self, function: Callable[[Thing], Made], things: Sequence[Thing]
    ) -> list[Made]:
        """Do several at a time; Ctrl-C and errors also end what is being hashed."""
        with ThreadPoolExecutor(SURVEYS_AT_ONCE) as readers:
            try:
                return list(readers.map(function, things))
            except BaseException:
                self.reader.stop.set()
                raise

    def _inboxes(self, snapshot: Snapshot, look: Look, taken: set[str], now: float) -> None:
        """Make surveys of what has arrived whole and is new; keep the rest in mind."""
        before = read_arrivals(self.catalog.layout)
        quiet_s = snapshot.basin.quiet_s
        new: list[Candidate] = []
        for inbox in snapshot.basin.inboxes:
            if self.catalog.layout.writes(inbox.place):
                continue
            new += candidates(inbox, look.in_folder(inbox.place), taken)
            taken |= {file.url for each in new for file in each.files}
        new = [each for each in new if not _is_named(each, snapshot)]
        new.sort(key=_arrival_order)

        def hashed(candidate: Candidate) -> Seen:
            known = before.get(candidate.source)
            seen = (known.seen if known else Seen(added=now)).advance(candidate.files, now)
            if not seen.settled(now, quiet_s):
                return seen
            seen = dataclasses.replace(seen, trouble="")
            try:
                return self.reader.hashed_files(seen, legible(candidate.source))
            except Exception as error:  # one bad file holds up nobody else
                return dataclasses.replace(seen, trouble=reason(error))

        looked = self._side_by_side(hashed, new)
        away = tuple(f"{place}/" for place in self.found.failed)
        arrivals = {source: each for source, each in before.items() if source.startswith(away)}
        adopted: list[tuple[Candidate, Seen, str]] = []
        # a name that a removed survey had still has its record, its store and its history
        names = {*snapshot.names, *snapshot.seen, *snapshot.records}
        owners = _owners(snapshot)
        for candidate, seen in zip(new, looked, strict=True):
            arrival = _judged(candidate, seen, owners, snapshot, look, now)
            if arrival is None:
                name = name_for(candidate, names)
                refused = self._refused(candidate, name)
                if not refused:
                    names.add(name)
                    owners.setdefault(seen.hashes or (), name)
                    adopted.append((candidate, seen, name))
                    continue
                arrival = Arrival(candidate.source, seen, "unreadable", refused)
            arrivals[candidate.source] = arrival
            passing = {"waiting": self.found.waiting, "unreadable": self.found.failed}
            kept = passing.get(arrival.state, self.found.known)
            kept[legible(candidate.source)] = arrival.why
        adopting = self._side_by_side(lambda each: self._adopt(each, names, now), adopted)
        self.found.added.extend(adopting)
        if arrivals != before:
            write_atomic(self.catalog.layout.arrivals, arrivals_text(arrivals).encode())

    def _refused(self, candidate: Candidate, name: str) -> str:
        """Say why the entry of a new survey could not be read back; empty: it can."""
        text = self.write(entry_of(candidate, self.catalog.layout))
        catalog = self.catalog
        entry = catalog.forms.entry(text, name, catalog.basin, catalog.layout)
        if isinstance(entry, Entry) and entry.sources == candidate.sources:
            return ""
        odd = odd_name(candidate)
        if odd or isinstance(entry, Entry):
            return odd or "an entry cannot name it: rename it"
        return f"its entry would not be right: {entry.why.partition(': ')[2]}"

    def _adopt(
        self, arrived: tuple[Candidate, Seen, str], names: set[str], now: float
    ) -> str:
        """Make a survey of an arrival; a name that a person took meanwhile is left to them."""
        candidate, seen, name = arrived
        text = self.write(entry_of(candidate, self.catalog.layout))
        taken = set(names)
        while True:
            try:
                entry = self.catalog.add(name, text, "arrived in an inbox")
                break
            except OutputExistsError:
                taken.add(name)
                name = name_for(candidate, taken)
        self.reader.survey(entry, Seen(added=seen.added), seen, now)
        return name


def _judged(
    candidate: Candidate,
    seen: Seen,
    owners: dict[tuple[str, ...], str],
    snapshot: Snapshot,
    look: Look,
    now: float,
) -> Arrival | None:
    """Say why an arrival is no survey of its own; None where it is one."""
    source = candidate.source
    if not seen.settled(now, snapshot.basin.quiet_s):
        return Arrival(source, seen, "waiting", "may still grow")
    if seen.hashes is None:
        state = "unreadable" if seen.trouble else "waiting"
        return Arrival(source, seen, state, seen.trouble or "it changed while it was being read")
    owner = owners.get(seen.hashes)
    if owner is None:
        return None
    entry = snapshot.entries.get(owner)
    if owner in snapshot.seen and owner not in snapshot.names:
        why = f"was survey {owner}, whose entry a person removed: add it again if it is wanted"
        return Arrival(source, seen, "removed", why)
    if entry is not None and files_of(entry, look)[1]:
        why = f"holds what survey {owner} had in {', '.join(map(shown, entry.sources))}, which " \
            f"is gone: was it moved? Correct `sources` in surveys/{owner}.yaml"
        return Arrival(source, seen, "moved", why)
    older = owner in snapshot.seen and snapshot.seen[owner].known != seen.hashes
    what = "an earlier version of" if older else "the same content as"
    return Arrival(source, seen, "duplicate", f"{what} survey {owner}")


def _owners(snapshot: Snapshot) -> dict[tuple[str, ...], str]:
    """Content of every survey, now or at some time -> the survey that has or had it.

    Surveys that have it now come first, those whose entry was removed last.
    """
    names = set(snapshot.names)
    ranked = sorted(
        (name not in names, back, seen.added, name, hashes)
        for name, seen in snapshot.seen.items()
        for back, hashes in enumerate(reversed(seen.versions))
    )
    owners: dict[tuple[str, ...], str] = {}
    for *_, name, hashes in ranked:
        owners.setdefault(hashes, name)
    return owners


def _arrival_order(candidate: Candidate) -> tuple[int, float, int, str]:
    """Put what lies higher up first, then the older: of two copies that one is the survey."""
    source = candidate.source
    written = max(file.modified for file in candidate.files)
    return (source.count("/"), written, len(source), source)


def _is_named(candidate: Candidate, snapshot: Snapshot) -> bool:
    """Whether an entry that cannot be read, and was never seen, names one of the files."""
    texts = [each.text for name, each in snapshot.broken.items() if name not in snapshot.seen]
    return any(file.name in text for text in texts for file in candidate.files)
