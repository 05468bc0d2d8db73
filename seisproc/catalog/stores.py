"""Whether the stores of finished surveys are still there: their folders are listed, none opened."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from seisproc.catalog.catalog import Snapshot
from seisproc.catalog.entry import Entry
from seisproc.catalog.look import LOOKERS
from seisproc.manifest import folder_names
from seisproc.places import AccessError, is_remote, open_place, reaching, shown

AWAY = "the folder of its store cannot be reached: is the disk mounted?"


@dataclass(frozen=True)
class Stores:
    """How it stands with the stores of a catalogue.

    Attributes
    ----------
    gone : set of str
        Finished surveys whose store is not there any more.
    away : mapping
        Surveys whose store can neither be found nor be made now, as its disk seems not to be
        mounted -> why.
    """

    gone: frozenset[str]
    away: Mapping[str, str]


def stores_there(snapshot: Snapshot) -> Stores:
    """Say which stores of finished surveys are gone, and which surveys' stores are out of reach.

    A store is out of reach if its folder cannot be listed; and on a local disk if that folder is
    not there or holds nothing at all, while a finished survey was made in it: all its neighbours
    would be gone at once, and to make them again, where a disk is to be mounted, would be wrong.
    That goes for a survey that is to be made there for the first time, too.
    """
    done = {name: record for name, record in snapshot.records.items()
            if record.outcome == "done" and name in snapshot.entries}
    held = {_parent(str(record.recipe.get("store") or record.store)) for record in done.values()}
    stores = {name: entry.store for name, entry in snapshot.entries.items()
              if name in done or _parent(entry.store) in held}
    parents = sorted({_parent(store) for store in stores.values()})
    with ThreadPoolExecutor(LOOKERS) as lookers:
        listed = dict(zip(parents, lookers.map(_folders, parents), strict=True))
    refusing = {
        parent: AWAY if listed[parent] is None else _missing(parent, parent in held)
        for parent in parents
    }
    away = {name: why for name, store in stores.items() if (why := refusing[_parent(store)])}
    gone = {name for name in done if name not in away
            and stores[name].rpartition("/")[2] not in (listed[_parent(stores[name])] or ())}
    return Stores(frozenset(gone), away)


def shared_stores(entries: Mapping[str, Entry]) -> dict[str, str]:
    """Surveys whose store an earlier one, by name, has as well -> in words."""
    first: dict[str, str] = {}
    shared = {}
    for name in sorted(entries):
        store = entries[name].store
        owner = first.setdefault(store, name)
        if owner != name:
            shared[name] = f"surveys/{name}.yaml: its store is that of {owner}: {shown(store)}"
    return shared


def _parent(store: str) -> str:
    return store.rpartition("/")[0]


def _missing(parent: str, held: bool) -> str:
    """Say why a local folder looks like a disk that is not mounted; empty: it does not."""
    if is_remote(parent) or not held:
        return ""
    folder = Path(parent)
    if not folder.is_dir():
        return AWAY
    if next(folder.iterdir(), None) is None:
        return (f"the folder of its store, {parent}, is empty and held stores: is the disk mounted?"
                " If somebody removed them on purpose, put any file there: then they are made anew")
    return ""


def _folders(parent: str) -> set[str] | None:
    """Names of the folders in a place, none where it is not there; None if it refuses."""
    try:
        fs, path = open_place(parent)
        with reaching(parent):
            return set(folder_names(fs, path))
    except (AccessError, OSError):
        return None
