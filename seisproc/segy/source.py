"""Reading bytes of a SEG-Y file: memory map on local disk, ranges anywhere else."""

from __future__ import annotations

import hashlib
import mmap
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

from seisproc.errors import SegyError
from seisproc.places import AccessError, open_place, reaching, require_bucket, revealed, shown
from seisproc.segy.remote import RemoteFile, may_pass, waits

_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "Last-Modified", "LastModified",
         "last_modified", "updated", "mtime", "modified", "created")
"""What file systems say of a file's version, the surest first."""


@dataclass(frozen=True)
class Seen:
    """A file as it was when it was first looked at."""

    size: int
    tag: str


def local_version(status: os.stat_result) -> Seen:
    """Size and version of a local file."""
    tag = repr((status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return _seen(status.st_size, tag)


def listed_version(found: Mapping[str, Any]) -> Seen:
    """Size and version of a file elsewhere, from what its file system tells or lists."""
    tag = next((f"{key} {found[key]}" for key in _TAGS if found.get(key)), "")
    return _seen(int(found["size"]), tag)


def _seen(size: int, tag: str) -> Seen:
    return Seen(size, hashlib.sha256(f"{size} {tag}".encode()).hexdigest()[:16])


@dataclass(frozen=True, repr=False)
class Source:
    """One SEG-Y file on a local path or fsspec URL. Cheap to pickle; opens on first use."""

    url: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", revealed(self.url))

    def __repr__(self) -> str:
        return f"Source({self.shown!r})"  # Dask logs the arguments of a task that fails

    @cached_property
    def shown(self) -> str:
        """Path or URL for messages: without any credentials."""
        return shown(self.url)

    @cached_property
    def name(self) -> str:
        """Last part of the path: folders and credentials stay out of stores and messages."""
        return self.shown.rstrip("/").rsplit("/", 1)[-1]

    @cached_property
    def _where(self) -> tuple[fsspec.AbstractFileSystem, str]:
        return open_place(self.url)

    @property
    def _is_local(self) -> bool:
        return isinstance(self._where[0], LocalFileSystem)

    @cached_property
    def seen(self) -> Seen:
        """Size and version of the file when it was first looked at, here or before it travelled."""
        return self._look()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.seen.size

    def _look(self) -> Seen:
        fs, path = self._where
        if self._is_local:
            try:
                found = fs.info(path)
            except FileNotFoundError:
                raise AccessError(f"{self.shown}: no such file", do="Check the path") from None
        else:
            found = self._ask(lambda: fs.info(path))
        if found["type"] == "directory":
            raise SegyError(
                f"{self.shown} is a folder",
                expected="a SEG-Y file",
                do=f"Name the files, or give a pattern: '{self.shown.rstrip('/')}/*.sgy'",
            )
        if found["size"] is None:
            raise SegyError(
                f"{self.shown}: the server does not say how large the file is",
                do="Copy the file to the local disk first",
            )
        return local_version(Path(path).stat()) if self._is_local else listed_version(found)

    def _ask(self, request: Callable[[], Any]) -> Any:
        """Carry out a small request, again where that may help; else say what is wrong."""
        fs, path = self._where
        pauses = waits(fs)
        with reaching(self.url):
            while True:
                try:
                    return request()
                except Exception as error:
                    pause = next(pauses, None)
                    if pause is None or not may_pass(error):
                        if isinstance(error, FileNotFoundError):
                            require_bucket(fs, path)
                        raise
                time.sleep(pause)

    def identity(self) -> str:
        """Return what changes whenever the file is written to: inode, size, times; or a tag."""
        return self.seen.tag

    def require_unchanged(self) -> None:
        """Look again, and raise :class:`SegyError` if the file is not what it was at first."""
        if self._look() != self.seen:
            raise SegyError(
                f"{self.shown} was changed while it was being read",
                do="Wait until nobody writes to it, then run the same command again",
            )

    @cached_property
    def _map(self) -> NDArray[np.uint8] | None:
        if not self._is_local or not self.size:
            return None
        try:
            file = Path(self._where[1]).open("rb")
        except PermissionError:
            raise AccessError(
                f"{self.shown} may not be read", do="Check its permissions"
            ) from None
        with file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), "uint8")

    @cached_property
    def _remote(self) -> RemoteFile:
        fs, path = self._where
        size = self.size
        protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
        if "https" in protocols and size:
            if not self._ask(lambda: fsspec.asyn.sync(fs.loop, _answers_in_parts, fs, path)):
                raise AccessError(
                    f"{self.shown} cannot be read in parts: the server does not answer HTTP range "
                    "requests",
                    do="Download the file first, then give the local copy",
                )
        return RemoteFile(fs, path, self.url, size)

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Bytes [start, stop) of the file, cut at its end; a view of the mapped file."""
        stop = min(stop, self.size)
        if stop <= start:
            return np.empty(0, "uint8")
        if self._map is not None:
            return self._map[start:stop]
        return self._remote.mapped(np.array([start]), stop - start)[start:stop]

    def rows(self, start: int, count: int, step: int, width: int) -> NDArray[np.uint8]:
        """Read the first bytes of records that follow one another, such as trace headers.

        Parameters
        ----------
        start, count, step, width : int
            First byte, number of records, bytes from one to the next, and wanted of each.

        Returns
        -------
        uint8 (count, width); a view where the file is mapped. Elsewhere what lies between is
        passed over or read and dropped, whichever is faster.
        """
        if count <= 0:
            return np.empty((0, width), "uint8")
        if self._map is not None:
            return self._map[start : start + count * step].reshape(count, step)[:, :width]
        return self._remote.rows(start, count, step, width)

    def fetch(
        self, starts: NDArray[np.int64], length: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Bytes of many pieces, each ``length`` long, without copying a mapped file.

        Parameters
        ----------
        starts : int64 (n,)
            First byte of each piece in the file.

        Returns
        -------
        buffer : uint8
            Holds every piece: the whole file, mapped. Of a remote one, at least these are there.
        positions : int64 (n,)
            Where each piece starts in ``buffer``.
        """
        if self._map is not None:
            return self._map, starts
        return self._remote.mapped(starts, length), starts

    def __reduce__(self) -> tuple[Any, ...]:
        # A cached map must not travel to workers. What is known of a remote file does: it saves
        # every task a request.
        seen = self.__dict__.get("seen")
        return (_rebuild, (self.url, None if seen is None or self._is_local else seen))


def _rebuild(url: str, seen: Seen | None) -> Source:
    source = Source(url)
    if seen is not None:
        source.__dict__["seen"] = seen
    return source


async def _answers_in_parts(fs: Any, url: str) -> bool:
    """Ask an HTTP server for one byte, without taking the whole file where it sends that."""
    session = await fs.set_session()
    options = {**fs.kwargs, "headers": {**fs.kwargs.get("headers", {}), "Range": "bytes=0-0"}}
    async with session.get(fs.encode_url(url), **options) as answer:
        answer.raise_for_status()
        return bool(answer.status == 206)
