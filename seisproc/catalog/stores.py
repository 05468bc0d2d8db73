"""Whether the stores of finished surveys are still there: their folders are listed, none opened."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from seisproc.catalog.catalog import Snapshot
from seisproc.catalog.entry import Entry
from seisproc.catalog.files import LOOKERS
from seisproc.manifest import folder_names
from seisproc.places import AccessError, is_remote, open_place, reaching, shown


def stores_there(snapshot: Snapshot) -> dict[str, str]:
    """Say of every finished survey whether its store is ``there``, ``gone`` or ``unmounted``.

    Unmounted is a store whose folder cannot be reached, or on a local disk is not there either: all
    its neighbours would be gone at once, and to make them again would be wrong.
    """
    stores = {
        name: snapshot.entries[name].store
        for name, record in snapshot.records.items()
        if record.outcome == "done" and name in snapshot.entries
    }
    parents = sorted({_parent(store) for store in stores.values()})
    with ThreadPoolExecutor(LOOKERS) as lookers:
        listed = dict(zip(parents, lookers.map(_folders, parents), strict=True))
    found = {}
    for name, store in stores.items():
        names = listed[_parent(store)]
        is_there = names is not None and store.rpartition("/")[2] in names
        found[name] = "unmounted" if names is None else ("there" if is_there else "gone")
    return found


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


def _folders(parent: str) -> set[str] | None:
    """Names of the folders in a place; None where it cannot be reached."""
    if not is_remote(parent) and not Path(parent).is_dir():
        return None
    try:
        fs, path = open_place(parent)
        with reaching(parent):
            return set(folder_names(fs, path))
    except (AccessError, OSError):
        return None
