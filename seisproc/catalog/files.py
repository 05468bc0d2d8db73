"""Looking at files without opening them: which there are, how large, of which version.

A version is what ingest takes it for (:meth:`seisproc.segy.source.Source.identity`), so that the
catalogue and ingest agree on what has changed.

A search of a folder leaves out hidden names, the inside of stores, and what a catalogue writes: an
inbox that lies above a catalogue must not be fed with its own exports. Links are followed, to files
and to folders, but for those that lead back up.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from seisproc.catalog.layout import WRITTEN, canonical
from seisproc.places import is_remote, open_place, reaching
from seisproc.segy.source import listed_version, local_version

STORE_ENDINGS = (".zarr", ".mdio")
METADATA = ("zarr.json", ".zmetadata", ".zattrs", ".zgroup")
"""Files that stand for a store that is a source: every writer finishes with one of them."""

BASIN, ENTRIES = "catalog.yaml", "surveys"
"""File and folder that together make a folder a catalogue."""

_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


@dataclass(frozen=True)
class FileVersion:
    """A file as a listing shows it.

    Attributes
    ----------
    url : str
        Absolute path or URL.
    size : int
        Bytes.
    tag : str
        Changes whenever the file is written to; with its size only, where no more is known.
    modified : float
        Last time that it was written to, seconds since 1970; 0 where nobody knows.
    racy : bool
        Two writes in one tick of the clock may look the same: a file of a local disk.
    sure : bool
        Whether more than its size is known: a time, or a version.
    """

    url: str
    size: int
    tag: str
    modified: float
    racy: bool = False
    sure: bool = True

    @property
    def name(self) -> str:
        """Last part of its path."""
        return self.url.rsplit("/", 1)[-1]


@dataclass
class Tree:
    """What a search found.

    Attributes
    ----------
    root : str
        Where it began.
    files : list of FileVersion
        Sorted.
    folders : set of str
        Those that were searched.
    refused : dict
        Those that could not be listed -> why.
    whole : bool
        One listing told all: what is not among it is not there, but for what is left out.
    """

    root: str
    files: list[FileVersion] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    own: tuple[str, ...] = ()

    def covers(self, folder: str) -> bool:
        """Whether the search tells what lies in a folder."""
        inside = folder == self.root or folder.startswith(f"{self.root}/")
        return folder in self.folders or (self.whole and inside and not self.leaves_out(folder))

    def leaves_out(self, url: str) -> bool:
        """Whether a search does not look at a place below its root."""
        parts = url[len(self.root) :].split("/")
        return f"{url}/".startswith(self.own) or any(
            part.startswith(".") or part.endswith(STORE_ENDINGS) for part in parts
        )


def list_folder(url: str) -> list[FileVersion]:
    """List the files right in a folder; none where there is no such folder."""
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        return list(_scanned(path))
    with reaching(url):
        return [_listed(fs, url, entry) for entry in _entries(fs, path) if entry["type"] == "file"]


def find_files(url: str) -> list[FileVersion]:
    """List the files in a folder and in all folders below it, as :func:`search` does."""
    return search(url).files


def search(url: str) -> Tree:
    """Search a folder, or a place in a bucket.

    Raises
    ------
    AccessError
        If a place elsewhere cannot be listed.
    """
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        tree = Tree(path)
        tree.files.extend(_walked(tree))
    else:
        tree = Tree(url, whole=True)
        with reaching(url):
            found = fs.find(path, detail=True).values()
            files = [_listed(fs, url, entry) for entry in found if entry["type"] == "file"]
        folders = {file.url.rpartition("/")[0] for file in files}
        catalogues = [file.url.rpartition("/")[0] for file in files if file.name == BASIN]
        tree.own = tuple(f"{each}/{name}/" for each in catalogues
                         if f"{each}/{ENTRIES}" in folders for name in WRITTEN)
        tree.files = [file for file in files if not tree.leaves_out(file.url)]
    tree.files.sort(key=lambda file: file.url)
    return tree


def look_at(url: str) -> FileVersion | None:
    """Look at one file, or at what stands for a store; None where there is none."""
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        return _local(path)
    with reaching(url):
        for each in _standing_for(path):
            try:
                entry = fs.info(each)
            except FileNotFoundError:
                continue
            if entry["type"] == "file" and entry.get("size") is not None:
                return _listed(fs, url, entry)
    return None


def _standing_for(path: str) -> list[str]:
    if path.endswith(STORE_ENDINGS):
        return [f"{path}/{name}" for name in METADATA]
    return [path]


def _local(path: str) -> FileVersion | None:
    """Look at a local file, or at what stands for a store."""
    if Path(path).is_dir():
        stands = (Path(path, name) for name in METADATA)
        file = next((each for each in stands if each.is_file()), None)
        if file is None:
            return None
    else:
        file = Path(path)
    try:
        status = file.stat()
    except OSError:
        return None
    # whoever opens a pipe waits until somebody writes into it
    return _of_status(path, status) if stat.S_ISREG(status.st_mode) else None


def _of_status(path: str, status: os.stat_result) -> FileVersion:
    version = local_version(status)
    # the time of the last change of any kind cannot be set back, as that of the content can
    written = max(status.st_mtime, status.st_ctime)
    return FileVersion(path, version.size, version.tag, written, racy=True)


def _scanned(folder: str) -> Iterator[FileVersion]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if entry.is_file():
                        yield _of_status(f"{folder.rstrip('/')}/{entry.name}", entry.stat())
                except OSError:  # gone since it was listed
                    continue
    except (FileNotFoundError, NotADirectoryError):
        return


def _walked(tree: Tree) -> Iterator[FileVersion]:
    """Walk through local folders, noting which were seen and which refuse."""
    todo: list[tuple[str, tuple[str, ...]]] = [(tree.root, ())]
    while todo:
        folder, crossings = todo.pop()
        try:
            with os.scandir(folder) as listing:
                entries = [each for each in listing if not each.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            tree.refused[folder] = str(error)
            continue
        tree.folders.add(folder)
        is_catalogue = {BASIN, ENTRIES} <= {each.name for each in entries}
        own = WRITTEN if is_catalogue else ()
        for entry in entries:
            path = f"{folder.rstrip('/')}/{entry.name}"
            try:
                if entry.is_file():
                    yield _of_status(path, entry.stat())
                elif entry.is_dir() and entry.name not in own:
                    if entry.name.endswith(STORE_ENDINGS):  # no folder of files
                        continue
                    if not entry.is_symlink():
                        todo.append((path, crossings))
                        continue
                    at = (*crossings, os.path.realpath(folder))
                    if not _leads_back(path, at) and not _stays_within(path, tree.root):
                        todo.append((path, at))
            except OSError:  # gone since it was listed
                continue


def _stays_within(link: str, root: str) -> bool:
    """Whether a link leads to a folder that is found by itself, as ``latest`` does where it is."""
    return PurePosixPath(os.path.realpath(link)).is_relative_to(os.path.realpath(root))


def _leads_back(link: str, crossings: tuple[str, ...]) -> bool:
    """Whether a link leads to a folder that it lies in itself, by way of other links too."""
    target = PurePosixPath(os.path.realpath(link))
    return any(PurePosixPath(place).is_relative_to(target) for place in crossings)


def _entries(fs: AbstractFileSystem, path: str) -> list[dict[str, Any]]:
    try:
        return list(fs.ls(path, detail=True))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _listed(fs: AbstractFileSystem, asked: str, entry: Mapping[str, Any]) -> FileVersion:
    """Turn an entry of a listing into a version, under the URL that people would write."""
    version = listed_version(entry)
    known = any(entry.get(key) for key in ("ETag", "etag", *_TIMES))
    written = next((entry[key] for key in _TIMES if entry.get(key)), 0.0)
    name = str(entry["name"])
    url = asked if not is_remote(asked) else f"{asked.split('://', 1)[0]}://{name.lstrip('/')}"
    if asked.startswith(("http://", "https://")) or asked.endswith(STORE_ENDINGS):
        url = asked
    return FileVersion(
        canonical(url), version.size, version.tag, _seconds(written), sure=known
    )


def _seconds(written: Any) -> float:
    """Seconds since 1970 of what a file system says of a time.

    >>> _seconds("2026-11-29T11:00:00Z"), _seconds(12.5), _seconds("yesterday")
    (1795950000.0, 12.5, 0.0)
    """
    if isinstance(written, int | float):
        return float(written)
    if isinstance(written, datetime):
        return written.timestamp()
    try:
        return datetime.fromisoformat(str(written)).timestamp()
    except ValueError:
        return 0.0
