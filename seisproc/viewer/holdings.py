"""What there is to look at in a place: survey stores with their interpretations, and pages."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seisproc.errors import GeometryError, SeisprocError, StoreError, one_line
from seisproc.places import AccessError, reaching, shown
from seisproc.survey import Survey
from seisproc.viewer.links import PAGES
from seisproc.viewer.place import Place, is_shown

DEEPEST, LOOKED_INTO, MOST = 4, 500, 1000
"""Folders below folders, and folders in all, that are looked into; entries that are listed."""

ASKED = 50
"""Stores that are asked for their interpretations: each takes a few reads."""

SHORT = 200
"""Letters of an error that are shown."""


@dataclass(frozen=True)
class Held:
    """A store: its path in the place, its interpretations, and why it cannot be shown, if so."""

    path: str
    runs: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Holdings:
    """Stores and pages of a place, by path.

    Attributes
    ----------
    more : bool
        Whether there are folders that were not looked into, or more than is listed.
    unread : tuple of str
        Folders that could not be read.
    """

    stores: tuple[Held, ...]
    pages: tuple[str, ...]
    more: bool = False
    unread: tuple[str, ...] = ()


def holdings(place: Place) -> Holdings:
    """List what lies in a place, nearest folders first.

    Raises
    ------
    AccessError
        If it cannot be reached.
    """
    if place.store is not None:
        asked = _ask(place, place.store)
        return Holdings((asked,) if asked else (), ())
    stores: list[str] = []
    pages: list[str] = []
    unread: list[str] = []
    folders, looked, deeper = deque([""]), 0, False
    while folders and looked < LOOKED_INTO and len(stores) + len(pages) < MOST:
        folder = folders.popleft()
        looked += 1
        try:
            entries = _entries(place, folder)
        except AccessError:
            if not folder:
                raise
            unread.append(folder)  # somebody else's: no reason to show nothing at all
            continue
        for path, is_folder in entries:
            if not is_folder:
                pages += [path] if path.endswith(PAGES) else []
            elif path.endswith(".zarr"):
                stores += [] if path.endswith(".ome.zarr") else [path]
            elif path.count("/") < DEEPEST:
                folders.append(path)
            else:
                deeper = True
    more = bool(folders) or deeper or max(len(stores), len(pages)) > MOST
    stores, pages = stores[:MOST], pages[:MOST]
    held = [_ask(place, path) if at < ASKED else Held(path) for at, path in enumerate(stores)]
    return Holdings(tuple(filter(None, held)), tuple(pages), more, tuple(unread))


def _entries(place: Place, folder: str) -> list[tuple[str, bool]]:
    """Paths of what a folder holds and may be shown, sorted, and which are folders.

    Raises
    ------
    AccessError
        If it cannot be read.
    """
    found = []
    for entry in _listed(place, folder):
        name = str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]
        path = f"{folder}/{name}" if folder else name
        if is_shown(name) and place.has(path):
            is_folder = entry["type"] == "directory"
            if entry.get("islink"):  # to a store or a page; to a folder it might lead in a circle
                is_folder = name.endswith(".zarr") and os.path.isdir(entry["name"])  # noqa: PTH112
                if not is_folder and not os.path.isfile(entry["name"]):  # noqa: PTH113
                    continue
            found.append((path, is_folder))
    return sorted(found)


def _listed(place: Place, folder: str) -> list[Mapping[str, Any]]:
    try:
        with reaching(place.root):
            try:
                return list(place.fs.ls(place.url(folder), detail=True))
            except FileNotFoundError:
                if folder:  # removed since the one above was listed
                    return []
                raise
    except OSError as error:
        raise AccessError(
            f"{shown(place.root)} cannot be read",
            found=error.strerror or one_line(error),
            do="Start the viewer as somebody who may read it",
        ) from None


def survey_at(place: Place, path: str) -> Survey:
    """Open a stacked 3-D survey of a place.

    Raises
    ------
    StoreError
        If there is none, or not a finished one.
    GeometryError
        If it is a survey of another kind.
    AccessError
        If it cannot be read.
    """
    url = place.url(path)
    try:
        with reaching(url):
            survey = Survey(url)
            survey.lattice.grid(path)
    except SeisprocError:
        raise
    except Exception as error:  # of metadata that is no JSON, or says anything at all
        raise AccessError(f"{path} cannot be read", found=one_line(error)[:SHORT]) from None
    return survey


def _ask(place: Place, path: str) -> Held | None:
    """Tell a store's interpretations; None where it is no survey's, or not finished."""
    try:
        survey = survey_at(place, path)
        with reaching(survey.url):
            return Held(path, tuple(survey.groups("interpretation")))
    except StoreError:
        return None
    except (AccessError, GeometryError) as error:
        return Held(path, problem=error.found or error.what)
    except OSError as error:
        return Held(path, problem=one_line(error)[:SHORT])
