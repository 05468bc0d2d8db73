"""What there is to look at in a place: survey stores with their interpretations, and pages."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from seisproc.errors import GeometryError, StoreError
from seisproc.places import reaching
from seisproc.survey import Survey
from seisproc.viewer.links import PAGES
from seisproc.viewer.place import Place, is_shown

DEEPEST, MOST = 4, 1000
"""Folders below folders that are looked into, and entries that are listed."""

ASKED = 50
"""Stores that are asked for their interpretations: each takes a few reads."""


@dataclass(frozen=True)
class Held:
    """A store: its path in the place, its interpretations, and why it cannot be shown, if so."""

    path: str
    runs: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Holdings:
    """Stores and pages of a place, by path; ``more``: there are more than are listed."""

    stores: tuple[Held, ...]
    pages: tuple[str, ...]
    more: bool


def holdings(place: Place) -> Holdings:
    """List what lies in a place, nearest folders first.

    Raises
    ------
    AccessError
        If it cannot be reached.
    """
    if place.store is not None:
        asked = _ask(place, place.store)
        return Holdings((asked,) if asked else (), (), False)
    stores: list[str] = []
    pages: list[str] = []
    folders = deque([""])
    with reaching(place.root):
        while folders and len(stores) + len(pages) < MOST:
            for path, is_folder in _entries(place, folders.popleft()):
                if not is_folder:
                    pages += [path] if path.endswith(PAGES) else []
                elif path.endswith(".zarr"):
                    stores += [] if path.endswith(".ome.zarr") else [path]
                elif path.count("/") < DEEPEST:
                    folders.append(path)
    stores, pages = stores[:MOST], pages[:MOST]
    held = [_ask(place, path) if at < ASKED else Held(path) for at, path in enumerate(stores)]
    return Holdings(tuple(filter(None, held)), tuple(pages), bool(folders))


def _entries(place: Place, folder: str) -> list[tuple[str, bool]]:
    """Paths of what a folder holds and may be shown, sorted, and which are folders."""
    found = []
    for entry in place.fs.ls(place.url(folder), detail=True):
        name = str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]
        path = f"{folder}/{name}" if folder else name
        if is_shown(name) and place.has(path):
            found.append((path, entry["type"] == "directory"))
    return sorted(found)


def _ask(place: Place, path: str) -> Held | None:
    """Tell a store's interpretations; None where it is no survey's, or not finished."""
    try:
        survey = Survey(place.url(path))
        survey.lattice.grid(path)
        return Held(path, tuple(survey.groups("interpretation")))
    except StoreError:
        return None
    except GeometryError as error:
        return Held(path, problem=error.found or error.what)
