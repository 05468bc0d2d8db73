"""A catalogue, open: its basin, entries, and what the machine has noted of each survey."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from seisproc.atomic import write_atomic
from seisproc.catalog.documents import Documents, create_text, delete, read_text
from seisproc.catalog.entry import Basin, Broken, Entry
from seisproc.catalog.history import RELEASED, Event, Record, tell
from seisproc.catalog.layout import NAME, Layout, require_name
from seisproc.catalog.seen import Seen
from seisproc.errors import ConfigError, OutputExistsError
from seisproc.leases import Lease, lease
from seisproc.places import require_writable, shown


class Forms(Protocol):
    """How what people wrote is read and checked: at the boundary, where the forms are."""

    def basin(self, text: str, layout: Layout) -> Basin:
        """Read ``catalog.yaml``; ConfigError if it is not right."""
        ...

    def entry(self, text: str, name: str, basin: Basin, layout: Layout) -> Entry | Broken:
        """Read the entry of a survey."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """All that a catalogue said at one moment.

    Attributes
    ----------
    basin : Basin
    entries : mapping
        Name -> entry, those that can be read.
    broken : mapping
        Name -> entry that cannot.
    seen : mapping
        Name -> what scan saw.
    records : mapping
        Name -> what was last made.
    """

    basin: Basin
    entries: Mapping[str, Entry]
    broken: Mapping[str, Broken] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All surveys, as people sort them."""
        return sorted([*self.entries, *self.broken], key=str.lower)

    def require(self, name: str) -> Entry:
        """Return a survey's entry.

        Raises
        ------
        ConfigError
            If there is none, or it cannot be read.
        """
        if name in self.broken:
            raise ConfigError(self.broken[name].why)
        if name not in self.entries:
            raise _unknown(name, self.names)
        return self.entries[name]


class Catalog:
    """The catalogue at a place.

    Parameters
    ----------
    root : str
        Its folder: a local path or fsspec URL.
    forms : Forms
        Reads what people wrote.

    Raises
    ------
    ConfigError
        If there is no catalogue, or its own file is not right.
    """

    def __init__(self, root: str, forms: Forms) -> None:
        self.layout, self.forms = Layout(root), forms
        text = read_text(self.layout.basin)
        if text is None:
            raise ConfigError(
                f"{shown(self.layout.root)}: no catalogue here",
                found="no catalog.yaml",
                do="Check the path, or make one: seisproc catalog init",
            )
        self.basin = forms.basin(text, self.layout)
        self._documents = Documents(self.layout)

    def load(self) -> Snapshot:
        """Read everything: three listings, the index, and what has changed since it was saved."""
        entries: dict[str, Entry] = {}
        broken: dict[str, Broken] = {}
        for name, document in self._documents.read("surveys").items():
            found = self._entry(name, document.text)
            if isinstance(found, Entry):
                entries[name] = found
            else:
                broken[name] = found
        for file in self._documents.misnamed:
            name = f"{file.rpartition('.')[0]}.yaml"
            broken[file] = Broken(file, f"surveys/{file}: entries end in .yaml. Rename it {name}")
        seen = {name: Seen.from_json(each.text)
                for name, each in self._documents.read("seen").items()}
        records = {name: Record.from_json(each.text)
                   for name, each in self._documents.read("runs").items()}
        return Snapshot(
            self.basin, entries, broken,
            {name: each for name, each in seen.items() if each is not None},
            {name: each for name, each in records.items() if each is not None},
        )

    def load_one(self, name: str) -> Snapshot:
        """Read one survey, once: what is done and what is noted of it go by the same entry.

        What a run reads that has just got the survey's lease: another may have done it meanwhile,
        or a person may have changed the entry.

        Raises
        ------
        ConfigError
            If there is no such entry, or it cannot be read.
        """
        entry, seen, record = self.entry(name), self.seen(name), self.record(name)
        return Snapshot(
            self.basin, {name: entry},
            seen={} if seen is None else {name: seen},
            records={} if record is None else {name: record},
        )

    def save_index(self) -> None:
        """Save what was read, so that the next one reads only what has changed by then."""
        self._documents.save()

    def entry(self, name: str) -> Entry:
        """Read one survey's entry, as it is now.

        Raises
        ------
        ConfigError
            If there is none, or it cannot be read.
        """
        text = read_text(self.layout.entry(name)) if NAME.fullmatch(name) else None
        if text is None:
            raise _unknown(name, list(self._documents.read("surveys")))
        found = self._entry(name, text)
        if isinstance(found, Broken):
            raise ConfigError(found.why)
        return found

    def seen(self, name: str) -> Seen | None:
        """Read what scan saw of one survey."""
        text = read_text(self.layout.seen(name))
        return None if text is None else Seen.from_json(text)

    def record(self, name: str) -> Record | None:
        """Read what was last made of one survey."""
        text = read_text(self.layout.run(name))
        return None if text is None else Record.from_json(text)

    def add(self, name: str, text: str, why: str = "") -> Entry:
        """Write the entry of a new survey; from then on it is a person's.

        Raises
        ------
        ConfigError
            If it is not right, or the name is none.
        OutputExistsError
            If there is a survey of that name; it is left as it is.
        """
        require_name(name)
        require_writable(self.layout.root)
        found = self.forms.entry(text, name, self.basin, self.layout)
        if isinstance(found, Broken):
            raise ConfigError(found.why)
        if not create_text(self.layout.entry(name), text):
            raise OutputExistsError(
                f"{shown(self.layout.entry(name))} is there already",
                do="Edit that file, or choose another name",
            )
        tell(self.layout, name, Event(time.time(), "added", why))
        return found

    def note_seen(self, name: str, seen: Seen) -> None:
        """Write what scan saw; scan alone does."""
        write_atomic(self.layout.seen(name), seen.to_json().encode())

    def note(self, name: str, record: Record) -> None:
        """Write what was made of a survey, and add it to the history.

        Only the holder of the survey's lease (:meth:`claim`) may.
        """
        write_atomic(self.layout.run(name), record.to_json().encode())
        tell(self.layout, name, Event(record.time, record.outcome, record.reason, run=record.run))

    def take_back(self, name: str, before: Record | None, why: str, run: str = "") -> None:
        """Put back the record of a survey as it was before a run that could do nothing.

        Only the holder of the survey's lease (:meth:`claim`) may.
        """
        if before is None:
            delete(self.layout.run(name))
        else:
            write_atomic(self.layout.run(name), before.to_json().encode())
        tell(self.layout, name, Event(time.time(), "skipped", why, run=run))

    def release(self, name: str, why: str = "", held: float | None = None) -> bool:
        """Let a survey that is quarantined or held for review be tried again; false if none is.

        With ``held``, the time of a record, only from the hold that this record tells of.

        Raises
        ------
        BusyError
            If a run is at work on it.
        """
        with self.claim(name):
            record = self.record(name)
            if record is None or record.outcome not in ("quarantined", "review"):
                return False
            if held is not None and record.time != held:
                return False
            reason = f"released{f': {why}' if why else ''}"
            # of a bad source nobody has seen what the gates would say
            seen = {RELEASED: reason} if record.outcome == "review" else {}
            freed = replace(record, outcome="released", attempts=0, time=time.time(),
                            reason=reason, facts={**record.facts, **seen})
            write_atomic(self.layout.run(name), freed.to_json().encode())
            tell(self.layout, name, Event(freed.time, "released", why))
        return True

    @contextlib.contextmanager
    def claim(self, name: str) -> Iterator[Lease]:
        """Hold the right to work on a survey; read its record within, it may be done by now.

        Raises
        ------
        BusyError
            If another run holds it.
        """
        require_name(name)
        with lease(f"{self.layout.folder('leases')}/{name}", f"survey {name}") as held:
            yield held

    @contextlib.contextmanager
    def claim_scan(self) -> Iterator[Lease]:
        """Hold the right to scan: two at a time would hash the same files twice.

        Raises
        ------
        BusyError
            If another scan is under way.
        """
        product = f"what scan keeps of {shown(self.layout.root)}"
        with lease(f"{self.layout.folder('leases')}/.scan", product) as held:
            yield held

    def _entry(self, name: str, text: str) -> Entry | Broken:
        if not NAME.fullmatch(name):
            return Broken(name, f"surveys/{name}.yaml: this is no name for a survey", text)
        if not text.strip():
            return Broken(name, f"surveys/{name}.yaml is empty: is it just being saved?")
        return self.forms.entry(text, name, self.basin, self.layout)


def _unknown(name: str, known: list[str]) -> ConfigError:
    import difflib

    near = difflib.get_close_matches(name, known, 1, 0.5)
    return ConfigError(
        f"the catalogue has no survey {name!r}",
        expected=", ".join(known[:8]) + (", ..." if len(known) > 8 else "") or "any survey at all",
        do=f"Name {near[0]}" if near else "See `seisproc catalog list`",
    )


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {}, ())}
