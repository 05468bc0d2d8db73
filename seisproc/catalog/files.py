"""Looking at files without opening them: which there are, how large, of which version.

A version is what ingest takes it for (:meth:`seisproc.segy.source.Source.identity`), so that the
catalogue and ingest agree on what has changed. Many sources are looked at by listing the folders
that they lie in, side by side; a file that is alone in its folder is asked for by itself.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import glob_translate

from seisproc.catalog.layout import canonical
from seisproc.errors import ConfigError
from seisproc.places import (
    AccessError,
    is_remote,
    open_place,
    reaching,
    shown,
    without_secrets,
)
from seisproc.segy.source import listed_version, local_version

LOOKERS = 32
FEW = 2
"""So many sources of one folder are asked for one by one; more are listed with it."""

STORE_ENDINGS = (".zarr", ".mdio")
METADATA = ("zarr.json", ".zmetadata", ".zattrs", ".zgroup")
"""Files that stand for a store that is a source: every writer finishes with one of them."""

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


Found = dict[str, FileVersion]
Answer = TypeVar("Answer")


def list_folder(url: str) -> list[FileVersion]:
    """List the files right in a folder; none where there is no such folder."""
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        return list(_scanned(path))
    with reaching(url):
        return [_listed(fs, url, entry) for entry in _entries(fs, path) if entry["type"] == "file"]


def find_files(url: str) -> list[FileVersion]:
    """List the files in a folder and in all folders below it, hidden ones left out."""
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        return list(_walked(path))
    with reaching(url):
        found = fs.find(path, detail=True).values()
        files = [_listed(fs, url, entry) for entry in found if entry["type"] == "file"]
    return [file for file in files if "/." not in file.url[len(url) :]]


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


class Look:
    """One look at many sources: files and patterns, some of them below folders that are searched.

    Parameters
    ----------
    sources : iterable of str
        Absolute paths and URLs, patterns too.
    folders : iterable of str
        Inboxes, searched with all folders below them.

    Attributes
    ----------
    troubles : dict
        Folder or source that could not be looked at -> why. The others are looked at all the same.
    """

    def __init__(self, sources: Iterable[str], folders: Iterable[str] = ()) -> None:
        self._trees: dict[str, Found] = {}
        self._folders: dict[str, Found] = {}
        self._single: dict[str, FileVersion | None] = {}
        self.troubles: dict[str, str] = {}
        with ThreadPoolExecutor(LOOKERS) as lookers:

            def looked(function: Callable[[str], Answer], urls: list[str]) -> dict[str, Answer]:
                """Look at several places side by side, leaving out those that refuse."""
                answers = lookers.map(lambda url: self._tried(function, url), urls)
                found = zip(urls, answers, strict=True)
                return {url: answer for url, answer in found if answer is not None}

            def searched(roots: list[str]) -> None:
                trees = looked(find_files, roots)
                for root in roots:
                    self._trees[root] = {file.url: file for file in trees.get(root, [])}

            searched(sorted(set(folders)))
            deep, flat, single = self._plan(set(sources))
            searched(deep)
            for root, files in looked(list_folder, flat).items():
                self._folders[root] = {file.url: file for file in files}
            self._single = {**dict.fromkeys(single), **looked(look_at, single)}

    def in_folder(self, folder: str) -> list[FileVersion]:
        """Files of a folder that was searched, sorted."""
        return [file for _, file in sorted(self._trees[folder].items())]

    def files_of(self, source: str) -> list[FileVersion]:
        """Files that a source means, sorted: one, those that match a pattern, or none."""
        if source in self._single:
            file = self._single[source]
            return [] if file is None else [file]
        known = self._around(source)
        if source in known:
            return [known[source]]
        if not is_pattern(source):
            return []
        matches = re.compile(glob_translate(source)).match
        return [file for url, file in sorted(known.items()) if matches(url)]

    def why_not(self, source: str) -> str:
        """Say why a source has no files."""
        base = _base(source)
        for place, why in self.troubles.items():
            if place in (source, base) or base.startswith(f"{place}/"):
                return why
        if not is_remote(source) and Path(source).exists():
            return f"{shown(source)} is there, but is neither a file nor a store"
        return f"{shown(source)} is not there"

    def _tried(self, function: Callable[[str], Answer], url: str) -> Answer | None:
        try:
            return function(url)
        except (AccessError, OSError) as error:
            self.troubles[url] = without_secrets(str(error), url)
            return None

    def _around(self, source: str) -> Mapping[str, FileVersion]:
        tree = self._tree_of(source)
        return self._folders.get(_base(source), {}) if tree is None else tree

    def _tree_of(self, source: str) -> Found | None:
        base = _base(source)
        return next(
            (files for root, files in self._trees.items()
             if base == root or base.startswith(f"{root}/")), None
        )

    def _plan(self, sources: set[str]) -> tuple[list[str], list[str], list[str]]:
        """Choose what to search, what to list, and what to ask for by itself."""
        deep, flat, single = set(), set(), []
        alone: dict[str, list[str]] = defaultdict(list)
        for source in sources:
            if source.endswith(STORE_ENDINGS) or source.startswith(("http://", "https://")):
                single.append(source)
            elif self._tree_of(source) is not None and "/." not in source:
                continue
            elif not is_pattern(source):
                alone[_base(source)].append(source)
            elif source.count("/") == _base(source).count("/") + 1 and "**" not in source:
                flat.add(_base(source))
            else:
                deep.add(_base(source))
        for folder, files in alone.items():
            if len(files) > FEW or folder in flat:
                flat.add(folder)
            else:
                single += files
        return sorted(deep), sorted(flat), sorted(single)


def is_pattern(source: str) -> bool:
    """Whether a source stands for all files that match it; HTTP has no listings."""
    return glob.has_magic(source) and not source.startswith(("http://", "https://"))


def require_pattern(source: str) -> None:
    """Refuse a pattern that means nothing.

    Raises
    ------
    ConfigError
        If it can match no file.
    """
    if not is_pattern(source):
        return
    try:
        re.compile(glob_translate(source))
    except ValueError as error:  # re.error is one too
        raise ConfigError(
            f"{shown(source)} is no pattern", found=str(error),
            expected="*, ? and [a-z] in names; ** only for folders, as in in/**/*.sgy",
        ) from None


def _base(source: str) -> str:
    """Folder that all files of a source lie in or below.

    >>> _base("/data/a/f3.sgy"), _base("s3://b/*/line-?.sgy")
    ('/data/a', 's3://b')
    """
    if is_pattern(source):
        source = source[: re.search(r"[*?\[]", source).start()]  # type: ignore[union-attr]
    return source.rsplit("/", 1)[0]


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


def _walked(root: str) -> Iterator[FileVersion]:
    for folder, names, _ in os.walk(root):
        # what looks like a store is no folder of files
        names[:] = sorted(
            name for name in names if name[0] != "." and not name.endswith(STORE_ENDINGS)
        )
        yield from (file for file in _scanned(folder) if not file.name.startswith("."))


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
