"""The small files of a catalogue, a thousand in a few requests.

A folder is listed, which tells every file's version; of those, only the ones are read whose copy in
the index is of another version. The index is a cache and nothing more: any writer may save it, the
last one wins, and what it holds counts only for the very versions that the listing shows.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from seisproc.atomic import write_atomic
from seisproc.catalog.files import FileVersion, list_folder
from seisproc.catalog.layout import Layout
from seisproc.places import AccessError, open_place, reaching

READERS = 32
RACY_S = 2.0
"""A file may be written to again within one tick of its disk's clock: a copy that was taken so soon
after the last write is not trusted."""

MISNAMED = (".yml", ".YAML", ".YML", ".json")
"""Endings that people give entries, which end in ``.yaml``."""

FOLDERS = ("surveys", "seen", "runs")


@dataclass(frozen=True)
class Document:
    """A small file: its text, and the version that it is of."""

    text: str
    tag: str


class Documents:
    """All small files of a catalogue, as a listing and the index together know them.

    Attributes
    ----------
    fetched : int
        Files that were read by themselves since the index was saved.
    misnamed : list of str
        Files among the entries that would be some under another name.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._index: dict[str, dict[str, str]] | None = None
        self.fetched = 0
        self.misnamed: list[str] = []

    def read(self, kind: str) -> dict[str, Document]:
        """Read the files of a folder, by their names without the ending."""
        ending = ".yaml" if kind == "surveys" else ".json"
        listed = list_folder(self._layout.folder(kind))
        wanted = {
            found.name.removesuffix(ending): found
            for found in listed
            if found.name.endswith(ending) and not found.name.startswith(".")
        }
        if kind == "surveys":
            self.misnamed = [found.name for found in listed if found.name.endswith(MISNAMED)]
        copies = self._copies().get(kind, {})
        known = {
            name: Document(copies[_key(name, found)], found.tag)
            for name, found in wanted.items()
            if found.sure and _key(name, found) in copies
        }
        missing = {name: found for name, found in wanted.items() if name not in known}
        empty = {name for name, found in missing.items() if not found.size}
        texts = read_texts({n: f.url for n, f in missing.items() if n not in empty})
        for name, text in {**texts, **dict.fromkeys(empty, "")}.items():
            known[name] = Document(text, missing[name].tag)
            self.fetched += 1
        self._keep(kind, wanted, known)
        return {name: known[name] for name in sorted(known)}

    def save(self) -> None:
        """Save what was read, for the next one; who may not write there does without."""
        if self._index is None or not self.fetched:
            return
        with contextlib.suppress(OSError, AccessError):
            write_atomic(self._layout.index, json.dumps(self._index).encode())
            self.fetched = 0

    def _copies(self) -> dict[str, dict[str, str]]:
        if self._index is None:
            text = read_text(self._layout.index)
            self._index = {}
            with contextlib.suppress(ValueError, TypeError):
                found = json.loads(text or "{}")
                self._index = {kind: dict(found[kind]) for kind in FOLDERS if kind in found}
        return self._index

    def _keep(
        self, kind: str, wanted: Mapping[str, FileVersion], known: Mapping[str, Document]
    ) -> None:
        now = time.time()
        self._copies()[kind] = {
            _key(name, wanted[name]): document.text
            for name, document in known.items()
            if wanted[name].sure
            and not (wanted[name].racy and now - wanted[name].modified < RACY_S)
        }


def _key(name: str, found: FileVersion) -> str:
    return f"{name}.{found.tag}"


def read_text(url: str) -> str | None:
    """Read one small file; None where there is none."""
    fs, path = open_place(url)
    with reaching(url):
        return _read(fs, path)


def read_texts(urls: Mapping[str, str]) -> dict[str, str]:
    """Read many small files side by side, none of them empty; those that are gone are left out."""
    if not urls:
        return {}
    first = next(iter(urls.values()))
    fs, _ = open_place(first)
    paths = {name: open_place(url)[1] for name, url in urls.items()}
    with reaching(first), ThreadPoolExecutor(READERS) as readers:
        side_by_side = map if isinstance(fs, LocalFileSystem) else readers.map
        found = dict(zip(paths, side_by_side(lambda path: _read(fs, path, start=0), paths.values()),
                         strict=True))
    return {name: text for name, text in found.items() if text is not None}


def _read(fs: AbstractFileSystem, path: str, start: int | None = None) -> str | None:
    """Read a file. From a start, s3fs does not ask for its size first: half the requests."""
    try:
        return bytes(fs.cat_file(path, start=start)).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


def create_text(url: str, text: str) -> bool:
    """Write a small file where there is none; false where there is one already."""
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        return _create_local(path, text)
    with reaching(url):
        try:
            fs.pipe_file(path, text.encode(), mode="create")
        except FileExistsError:
            return False
        except OSError:
            # some stores refuse such a write in words that fsspec does not know
            if fs.exists(path):
                return False
            raise
    return True


def delete(url: str) -> None:
    """Delete a small file, if it is there."""
    fs, path = open_place(url)
    with reaching(url), contextlib.suppress(FileNotFoundError):
        fs.rm_file(path)


def _create_local(path: str, text: str) -> bool:
    """Write aside, then link: whoever meets the name finds the whole file."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    aside.write_text(text)
    try:
        os.link(aside, target)
    except FileExistsError:
        return False
    finally:
        aside.unlink(missing_ok=True)
    return True

