"""What is due, and why: the entry, the files, the last scan and the last run held side by side.

Nothing is written, and no source is opened. Of a thousand surveys it takes a few listings: of the
catalogue's own folders (:mod:`seisproc.catalog.documents`), of the inboxes and of the folders that
the sources lie in (:class:`seisproc.catalog.look.Look`), of the folders of the stores.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seisproc.catalog.catalog import Catalog, Snapshot
from seisproc.catalog.entry import Entry
from seisproc.catalog.files import FileVersion, find_files
from seisproc.catalog.held import HELD_BY, changed_limits
from seisproc.catalog.history import Record
from seisproc.catalog.look import Look
from seisproc.catalog.originals import originals
from seisproc.catalog.recipe import SOURCE_KEYS, differences, recipe_of
from seisproc.catalog.seen import Seen
from seisproc.catalog.sources import files_of
from seisproc.catalog.stores import shared_stores, stores_there
from seisproc.places import shown

STATES = {
    "new": "never processed",
    "changed": "source, model, settings or the gate that held it changed since",
    "released": "a person has let it be tried again",
    "failed": "the last run failed; it is tried again",
    "interrupted": "the last run did not end",
    "done": "everything is there",
    "waiting": "a file still grows, or changed since the last scan",
    "missing": "a source, or the disk of its store, is not there or cannot be reached",
    "unreadable": "the source cannot be read, or holds no survey",
    "duplicate": "another survey has this very content",
    "quarantined": "a run found the source bad",
    "review": "it waits for a person: a quality gate holds it, or labels would be lost",
    "on hold": "a person wants nothing done",
    "invalid": "the entry cannot be read",
    "no model": "a model that the entry names is not there, or cannot be reached or read",
}
"""States of a survey: what they mean."""

DUE = ("new", "changed", "released", "failed", "interrupted")
"""States in which there is something to do, most wanted first."""


@dataclass(frozen=True)
class Verdict:
    """Whether there is something to do for a survey.

    Attributes
    ----------
    name : str
    state : str
        One of :data:`STATES`.
    why : tuple of str
        In words.
    priority : int
        Higher ones first.
    at_work : bool
        A run holds its lease, or died with it.
    recipe : mapping or None
        What it would be made from now; what a run notes when it is done.
    """

    name: str
    state: str
    why: tuple[str, ...] = ()
    priority: int = 0
    at_work: bool = False
    recipe: Mapping[str, Any] | None = None

    @property
    def due(self) -> bool:
        """Whether a run has something to do."""
        return self.state in DUE


@dataclass(frozen=True)
class Wanted:
    """What products are to be made with now.

    Attributes
    ----------
    pinned : mapping
        Reference of a model -> ``URL@sha256:HASH`` of the bundle that it means now.
    missing : mapping
        Reference of a model that means nothing now -> why.
    algorithms : mapping
        Versions of whatever makes the products, by name.
    defaults : mapping
        Settings of an interpretation that hold where nobody says others.
    """

    pinned: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    algorithms: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """What is due in a catalogue.

    Attributes
    ----------
    snapshot : Snapshot
        What was read.
    verdicts : tuple of Verdict
        One for every survey: those that are due first, by priority.
    """

    snapshot: Snapshot
    verdicts: tuple[Verdict, ...]

    @property
    def due(self) -> tuple[Verdict, ...]:
        """Those with something to do, in the order to do them."""
        return tuple(each for each in self.verdicts if each.due)

    @property
    def broken_models(self) -> dict[str, tuple[str, ...]]:
        """Why a model that entries name cannot be had -> surveys that wait for nothing else.

        A registry that is away makes a whole basin wait, with nothing due: that is no good night.
        """
        found: dict[str, tuple[str, ...]] = {}
        for verdict in self.verdicts:
            for why in verdict.why if verdict.state == "no model" else ():
                found[why] = (*found.get(why, ()), verdict.name)
        return found


def check(
    catalog: Catalog,
    wanted: Wanted | None = None,
    *,
    snapshot: Snapshot | None = None,
    now: float | None = None,
) -> Check:
    """Say of every survey whether something is due, and why.

    Parameters
    ----------
    catalog : Catalog
    wanted : Wanted, optional
        What products are to be made with. Without it, models are compared as they are named.
    snapshot : Snapshot, optional
        What was read just now; read here unless given. Of one survey
        (:meth:`seisproc.catalog.catalog.Catalog.load_one`), whether it is a duplicate is not looked
        at.
    now : float, optional
        The time; that of this machine's clock.
    """
    snapshot = snapshot or catalog.load()
    now = time.time() if now is None else now
    basin, entries = snapshot.basin, snapshot.entries
    # one search of an inbox answers for all the surveys in it; for one it is too much
    inboxes = [inbox.place for inbox in basin.inboxes] if len(entries) > 1 else []
    look = Look((source for each in entries.values() for source in each.sources), inboxes)
    at_work = {file.url.split("/")[-2] for file in find_files(catalog.layout.folder("leases"))}
    wanted = wanted or _as_named(snapshot)
    judged: dict[str, Verdict] = {
        name: Verdict(name, "invalid", (each.why,)) for name, each in snapshot.broken.items()
    }
    judged |= {name: Verdict(name, "invalid", (why,))
               for name, why in shared_stores(entries).items()}
    recipes: dict[str, dict[str, Any]] = {}
    unfit: dict[str, Verdict] = {}
    for name, entry in entries.items():
        if name in judged:
            continue
        seen = snapshot.seen.get(name)
        verdict = _unfit(entry, seen, look, wanted, now, basin.quiet_s)
        if verdict is not None:
            unfit[name] = verdict
        if seen is not None and seen.hashes is not None:
            pinned = {**dict(zip(entry.models, entry.models, strict=True)), **wanted.pinned}
            recipes[name] = recipe_of(entry, seen.hashes, pinned, wanted.algorithms)
    away = {name for name, each in unfit.items() if each.state in ("missing", "unreadable")}
    first_of = originals(recipes, snapshot, away)
    stores = stores_there(snapshot)
    for name in recipes.keys() - unfit.keys():
        recipe, seen, record = recipes[name], snapshot.seen[name], snapshot.records.get(name)
        changes = _changes(recipe, seen, record, wanted.defaults)
        state, why = _compared(record, changes, name in stores.gone, name in at_work)
        if state == "review" and record is not None:
            told = (basin.gates, entries[name].gates)
            limits = changed_limits(record.facts.get(HELD_BY, {}), *told)
            state, why = ("changed", limits) if limits else (state, why)
        first = first_of[name]
        if first != name and state in DUE:
            other = f"; {first} is {unfit[first].state}" if first in unfit else ""
            state, why = "duplicate", (f"the same content as {first}, read in the same way{other}",)
        elif name in stores.away and state in (*DUE, "done"):
            state, why = "missing", (stores.away[name],)
        judged[name] = Verdict(name, state, why, recipe=recipe)
    judged |= unfit
    verdicts = [_completed(each, entries, at_work) for each in judged.values()]
    return Check(snapshot, tuple(sorted(verdicts, key=_order)))


def _as_named(snapshot: Snapshot) -> Wanted:
    names = {model for entry in snapshot.entries.values() for model in entry.models}
    return Wanted({name: name for name in names})


def _unfit(
    entry: Entry, seen: Seen | None, look: Look, wanted: Wanted, now: float, quiet_s: float
) -> Verdict | None:
    """Say why a survey cannot be worked on at all; None where it can."""
    name = entry.name
    if entry.hold:
        return Verdict(name, "on hold", (entry.hold,))
    found, gone = files_of(entry, look)
    if gone:
        return Verdict(name, "missing", tuple(look.why_not(source) for source in gone))
    if seen is not None and seen.trouble and seen.is_current(found):
        return Verdict(name, "unreadable", (f"the last scan could not read it: {seen.trouble}",))
    waiting = _waiting(entry, seen, found, now, quiet_s)
    if waiting or seen is None or seen.content is None:
        return Verdict(name, "waiting", (waiting,))
    if seen.content.trouble:
        return Verdict(name, "unreadable", (seen.content.trouble,))
    unknown = [model for model in entry.models if model not in wanted.pinned]
    why = (wanted.missing.get(model, f"{shown(model)} is not there") for model in unknown)
    return Verdict(name, "no model", tuple(why)) if unknown else None


def _waiting(
    entry: Entry, seen: Seen | None, found: Sequence[FileVersion], now: float, quiet_s: float
) -> str:
    """Say what a survey waits for; empty: nothing."""
    if seen is None:
        return "not scanned yet"
    if not seen.is_current(found):
        return "changed since the last scan"
    if seen.hashes is None or seen.content is None:
        if seen.settled(now, quiet_s):
            return "whole by now; the next scan looks into it"
        growing = next((file for file in seen.files if not file.settled(now, quiet_s)), None)
        name = f"{growing.name} may still grow" if growing else "files came or went"
        return f"{name}: it waits until nothing has changed for {quiet_s:g} s"
    if seen.content.trouble and seen.read_as != entry.reading:
        return "to be read in another way now; the next scan does"
    return ""


def _changes(
    recipe: Mapping[str, Any], seen: Seen, record: Record | None, defaults: Mapping[str, Any]
) -> tuple[str, ...]:
    """Compare what would be made now with what was made last; of a bad source, what is read."""
    if record is None:
        return ()
    keys = SOURCE_KEYS if record.outcome == "quarantined" else tuple(recipe)
    return differences(record.recipe, recipe, seen, keys, defaults)


def _compared(
    record: Record | None, changes: tuple[str, ...], is_gone: bool, at_work: bool
) -> tuple[str, tuple[str, ...]]:
    """Say how a survey stands by its record, and by what has changed since."""
    if record is None:
        return "new", ("never processed",)
    if record.outcome in ("quarantined", "review"):
        return ("changed", changes) if changes else (record.outcome, (record.reason,))
    if record.outcome in ("failed", "released"):
        return record.outcome, (record.reason, *changes)
    if record.outcome == "started":
        ended = "has not ended: it is at work, or died" if at_work else "did not end"
        return "interrupted", (" ".join(f"run {record.run} {ended}".split()), *changes)
    gone = ("its store is gone",) if is_gone else ()
    return ("changed", (*gone, *changes)) if gone or changes else ("done", ())


def _completed(verdict: Verdict, entries: Mapping[str, Entry], at_work: set[str]) -> Verdict:
    entry = entries.get(verdict.name)
    priority = 0 if entry is None else entry.priority
    return replace(verdict, priority=priority, at_work=verdict.name in at_work)


def _order(verdict: Verdict) -> tuple[bool, int, int, str]:
    rank = list(STATES).index(verdict.state)
    return (not verdict.due, -verdict.priority, rank, verdict.name.lower())
