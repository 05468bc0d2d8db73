"""What a viewer shows, and that nothing else can be asked of it.

A place is a folder or bucket of stores, or one store, beside which lies its pyramid. Of it a
viewer hands out the files of Zarr hierarchies (metadata and chunks), reports, pictures and tables;
never sources, settings, models, hidden files, or work folders of runs under way. Links of the file
system that lead out of the place lead nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from seisproc.catalog.layout import canonical
from seisproc.errors import StoreError
from seisproc.places import is_remote, open_place, reaching, shown
from seisproc.pyramid import pyramid_url
from seisproc.survey import Survey, is_published
from seisproc.viewer.links import PAGES

_ZARR = re.compile(r"(?:.+/)?(?:zarr\.json|c(?:/\d+)*)")
"""Paths of Zarr v3: metadata, and chunks or shards."""

NAME_BYTES, PATH_BYTES = 256, 2048
"""No file system has names, and no store paths, of so many bytes; it would say so by an error."""


@dataclass(frozen=True)
class Place:
    """What a viewer shows.

    Attributes
    ----------
    root : str
        Folder or bucket: an absolute local path, or a URL.
    only : tuple of str
        Names in it that are shown: a store and its pyramid. Empty: all.
    """

    root: str
    only: tuple[str, ...] = ()

    @classmethod
    def of(cls, url: str) -> Place:
        """Find out whether a URL names a store or a folder of them.

        Raises
        ------
        StoreError
            If nothing is there, or a store that is no survey's.
        AccessError
            If it cannot be reached.
        """
        url = canonical(url)
        if is_published(url):
            Survey(url)
            root, _, name = url.rpartition("/")
            return cls(root or "/", (name, pyramid_url(name)))
        fs, path = open_place(url)
        with reaching(url):
            there = fs.isdir(path)
        if not there:
            raise StoreError(
                f"{shown(url)}: nothing to look at",
                found="no such folder",
                expected="a survey store, or a folder or bucket of stores",
                do="Check the path",
            )
        return cls(url)

    @property
    def store(self) -> str | None:
        """Path of the store, where the place is one."""
        return self.only[0] if self.only else None

    @cached_property
    def _opened(self) -> tuple[AbstractFileSystem, str]:
        return open_place(self.root)

    @property
    def fs(self) -> AbstractFileSystem:
        """File system of the place."""
        return self._opened[0]

    def url(self, path: str) -> str:
        """URL of what lies at a path in the place."""
        return f"{self.root.rstrip('/')}/{path}"

    def path_of(self, told: str) -> str:
        """Path in the place of what a link tells: such a path, or a whole URL.

        Raises
        ------
        StoreError
            If it lies elsewhere.
        """
        path = told.rstrip("/")
        if "://" in path or path.startswith("/"):
            path = self._within(canonical(path))
        if not path or not self.has(path):
            raise StoreError(
                f"{shown(told) or 'That'} is not among what this viewer shows",
                expected=f"something in {shown(self.root)}",
                do="Look at the first page of this viewer, which lists what there is",
            )
        return path

    def has(self, path: str) -> bool:
        """Whether a path is one in the place: no way out of it, and nothing that is hidden."""
        parts = path.split("/")
        if not all(map(is_shown, parts)) or (self.only and parts[0] not in self.only):
            return False
        if len(path.encode("utf-8", "replace")) >= PATH_BYTES:
            return False
        if not isinstance(self.fs, LocalFileSystem):
            return True
        try:
            real = Path(self.root, path).resolve()
            return any(real.is_relative_to(root) for root in self._roots)
        except (OSError, ValueError):  # such as links in a circle
            return False

    def file(self, path: str) -> str | None:
        """Path in the file system of a file that may be handed out; None of all else."""
        if not (_ZARR.fullmatch(path) or path.endswith(PAGES)) or not self.has(path):
            return None
        return f"{self._opened[1].rstrip('/')}/{path}"

    def require_page(self, path: str) -> None:
        """Refuse a path at which no report, picture or table lies.

        Raises
        ------
        StoreError
            If so.
        """
        file = self.file(path) if path.endswith(PAGES) else None
        with reaching(self.root):
            there = file is not None and self.fs.isfile(file)
        if not there:
            raise StoreError(
                f"{path} is no page that this viewer shows",
                found="nothing" if file else "another kind of file",
                expected=f"a file that ends in {', '.join(PAGES)}",
            )

    def _within(self, url: str) -> str:
        """Path in the place of a whole URL; empty where it lies elsewhere."""
        begin = f"{self.root.rstrip('/')}/"
        if url.startswith(begin):
            return url.removeprefix(begin)
        if is_remote(self.root) or is_remote(url):
            return ""
        try:  # whoever made the link may reach the same folder by another way
            return Path(url).resolve().relative_to(Path(self.root).resolve()).as_posix()
        except (OSError, ValueError):
            return ""

    @cached_property
    def _roots(self) -> tuple[Path, ...]:
        """Where files of a local place really lie; a store that was named may be a link itself."""
        return tuple(Path(self.root, name).resolve() for name in self.only or ("",))


def is_shown(name: str) -> bool:
    r"""Whether a part of a path may be looked at.

    >>> [is_shown(name) for name in ("f3.zarr", "..", ".git", "", "f3.zarr.work", "a\\b", "c\0")]
    [True, False, False, False, False, False, False]
    """
    hidden = name.startswith(".") or name.endswith(".work")
    possible = 0 < len(name.encode("utf-8", "replace")) < NAME_BYTES
    return possible and not hidden and "\\" not in name and "\0" not in name
