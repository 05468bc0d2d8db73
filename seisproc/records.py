"""What is done and who is at work: completion records and the lease of a product under way.

Both live in a work folder beside the store (:func:`work_url`), outside the Zarr hierarchy, where
no reader of the store trips over them, and vanish when the product is published.

An all-fill shard is never written, so a missing object does not mean an undone region; the record
decides. A record's name holds the region, its state and the checksum of what was written, so that
a resume is one listing.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from seisproc.atomic import write_atomic
from seisproc.folders import remove_tree
from seisproc.leases import Lease, Right, lease
from seisproc.places import open_place, reaching, read_object

__all__ = ["Lease", "Name", "Record", "Records", "Right", "lease", "work_url", "write_atomic"]

READ_AT_ONCE, READERS = 500, 16
"""Records that are read ahead, and how many side by side: an object store takes its time."""


def work_url(store_url: str, product: str, fingerprint: str) -> str:
    """Folder for the records of one product of a store, named by all of what it is made from.

    The whole fingerprint stands in the name: what other work left can never be taken for this.

    >>> work_url("data/f3.zarr", "interpretation/demo", "0123456789abcdef")
    'data/f3.zarr.work/interpretation-demo-0123456789abcdef'
    """
    return f"{store_url.rstrip('/')}.work/{product.replace('/', '-')}-{fingerprint}"


class Name(NamedTuple):
    """What a record says in its name: the region, ``done`` or ``failed``, what was written."""

    key: str
    state: str
    checksum: str


@dataclass(frozen=True)
class Record:
    """One finished region: its key, its state (``done`` or ``failed``), what was written."""

    key: str
    state: str
    checksum: str
    payload: dict[str, Any]


class Records:
    """The completion records of one product under way, in the folder ``url``.

    They lie in folders by the first number in their key, where others follow, so that those of a
    survey of a million regions are listed a row at a time.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._path = open_place(url)

    def mark(self, key: str, state: str, checksum: str, payload: dict[str, Any]) -> None:
        """Record a region, after its shards are written. ``key`` and ``checksum`` hold no dot."""
        name = f"{key}.{state}.{checksum}.json"
        write_atomic(f"{self.url}/{_folder(key)}{name}", json.dumps(payload).encode())

    def names(self) -> Iterator[Name]:
        """Yield what stands in the records' names, unsorted, without opening any.

        Of a region that failed and was redone, or that two workers did, one record counts.
        """
        for _, name in self._paths():
            yield name

    def each(self) -> Iterator[Record]:
        """Yield all records, some hundred at a time opened together."""
        paths = self._paths()
        local = isinstance(self._fs, LocalFileSystem)
        with ThreadPoolExecutor(READERS) as readers:
            side_by_side = map if local else readers.map
            read = functools.partial(read_object, self._fs)
            while batch := list(itertools.islice(paths, READ_AT_ONCE)):
                with reaching(self.url):
                    found = list(side_by_side(read, [path for path, _ in batch]))
                for (_, name), content in zip(batch, found, strict=True):
                    yield Record(*name, json.loads(content))

    def read(self) -> dict[str, Record]:
        """All records by key."""
        return {record.key: record for record in sorted(self.each(), key=lambda each: each.key)}

    def of(self, key: str) -> list[Name]:
        """List what stands in the names of a region's records, the one that counts first."""
        return sorted(name for _, name in self._of(key, _folder(key)))

    def forget(self, key: str) -> None:
        """Remove the records of one region, so that it is done again."""
        for folder in {_folder(key), ""}:  # the latter is that of older versions
            for path, _ in list(self._of(key, folder)):
                with reaching(self.url):
                    self._fs.rm_file(path)

    def _of(self, key: str, folder: str) -> Iterator[tuple[str, Name]]:
        found = _listed(self._fs, f"{self._path}/{folder}".rstrip("/"))
        with reaching(self.url):
            for path, is_folder in found:
                name = None if is_folder else _name(path)
                if name is not None and name.key == key:
                    yield path, name

    def _paths(self) -> Iterator[tuple[str, Name]]:
        with reaching(self.url):
            top = list(_listed(self._fs, self._path))
        yield from _that_count(path for path, is_folder in top if not is_folder)
        for folder in (entry for entry, is_folder in top if is_folder):
            with reaching(self.url):
                inside = [path for path, _ in _listed(self._fs, folder)]
            yield from _that_count(inside)

    def clear(self) -> None:
        """Remove the folder, and the store's work folder when this was the last product in it."""
        remove_tree(self.url)
        if isinstance(self._fs, LocalFileSystem):
            with contextlib.suppress(OSError):
                Path(self._path).parent.rmdir()


def _folder(key: str) -> str:
    """Folder of a record: the first number in its key, if others follow.

    >>> _folder("sums-3-14"), _folder("created"), _folder("0000007")
    ('3/', '', '')
    """
    number = _ROW.search(key)
    return f"{number[1]}/" if number else ""


_ROW = re.compile(r"([0-9]+)-[0-9]")


def _that_count(paths: Iterable[str]) -> list[tuple[str, Name]]:
    """Choose one record of each key, all of which lie in one folder: ``done`` before ``failed``."""
    best: dict[str, tuple[str, Name]] = {}
    for path in paths:
        name = _name(path)
        if name is not None and (name.key not in best or name < best[name.key][1]):
            best[name.key] = (path, name)
    return list(best.values())


def _name(path: str) -> Name | None:
    """Take a record's name apart; None for whatever else lies there."""
    parts = path.rsplit("/", 1)[-1].split(".")
    return Name(*parts[:3]) if len(parts) == 4 and parts[3] == "json" and parts[0] else None


def _listed(fs: AbstractFileSystem, folder: str) -> Iterator[tuple[str, bool]]:
    """Yield the paths in a folder, and whether each is a folder; nothing where there is none."""
    try:
        if isinstance(fs, LocalFileSystem):
            with os.scandir(folder) as entries:
                for entry in entries:
                    yield entry.path, entry.is_dir()
            return
        for known in fs.ls(folder, detail=True):
            yield str(known["name"]).rstrip("/"), known["type"] == "directory"
    except FileNotFoundError:
        return
