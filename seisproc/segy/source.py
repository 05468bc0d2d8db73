"""Reading bytes of a SEG-Y file: memory map on local disk, ranges anywhere else."""

from __future__ import annotations

import hashlib
import mmap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

from seisproc.errors import SegyError

GAP_BYTES = 1 << 20
"""Remote ranges nearer than this are read as one: a request costs as much as a megabyte."""


@dataclass(frozen=True)
class Source:
    """One SEG-Y file on a local path or fsspec URL. Cheap to pickle; opens on first use."""

    url: str

    @cached_property
    def name(self) -> str:
        """Last part of the path: folders and credentials stay out of stores and messages."""
        return self.url.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]

    @cached_property
    def _where(self) -> tuple[fsspec.AbstractFileSystem, str]:
        fs, path = fsspec.core.url_to_fs(self.url)
        return fs, str(path)

    @cached_property
    def size(self) -> int:
        """Bytes in the file."""
        fs, path = self._where
        try:
            information = fs.info(path)
        except FileNotFoundError:
            raise SegyError(f"{self.url}: no such file", do="Check the path") from None
        if information["type"] == "directory":
            raise SegyError(f"{self.url} is a folder", expected="a SEG-Y file")
        return int(information["size"])

    @cached_property
    def _map(self) -> NDArray[np.uint8] | None:
        fs, path = self._where
        if not isinstance(fs, LocalFileSystem) or not self.size:
            return None
        try:
            file = Path(path).open("rb")
        except PermissionError:
            raise SegyError(f"{self.url} may not be read", do="Check its permissions") from None
        with file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), "uint8")

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Bytes [start, stop) of the file, cut at its end; a view where the file is mapped."""
        stop = min(stop, self.size)
        if self._map is not None:
            return self._map[start:stop]
        fs, path = self._where
        if stop <= start:
            return np.empty(0, "uint8")
        return np.frombuffer(fs.cat_file(path, start=start, end=stop), "uint8")

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
            Holds every piece; the whole file where it is mapped.
        positions : int64 (n,)
            Where each piece starts in ``buffer``.
        """
        if self._map is not None:
            return self._map, starts
        order = np.argsort(starts, kind="stable")
        ordered = starts[order]
        breaks = np.flatnonzero(np.diff(ordered) > length + GAP_BYTES) + 1
        firsts = ordered[np.concatenate([[0], breaks])]
        lasts = ordered[np.concatenate([breaks - 1, [len(ordered) - 1]])] + length
        fs, path = self._where
        parts = fs.cat_ranges([path] * len(firsts), firsts.tolist(), lasts.tolist())
        offsets = np.concatenate([[0], np.cumsum(lasts - firsts)[:-1]])
        run = np.searchsorted(firsts, starts, side="right") - 1
        return np.frombuffer(b"".join(parts), "uint8"), starts - firsts[run] + offsets[run]

    def identity(self) -> str:
        """Return what changes whenever the file is written to: inode, size, times; or a tag."""
        fs, path = self._where
        if isinstance(fs, LocalFileSystem):
            status = Path(path).stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
        return str(fs.ukey(path))[:64]

    def __reduce__(self) -> tuple[object, ...]:
        # A cached map must not travel to workers.
        return (Source, (self.url,))
