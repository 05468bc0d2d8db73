"""Reading a remote file in parts: large requests, several at a time, never more than a few MiB.

What the conversion needs again and again is kept in a file of the temporary folder, with holes
where nothing was read yet, and used like a mapped local file. Headers are picked out and dropped.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

from seisproc.errors import SegyError, SpaceError
from seisproc.places import reaching, shown

BLOCK_BYTES = 1 << 16
"""Unit in which a remote file is kept."""

GAP_BYTES = 1 << 18
"""Parts nearer than this are read as one. A request costs as much time as a megabyte, and at least
four are under way."""

PART_BYTES = 2 << 20
IN_FLIGHT_BYTES = 16 << 20
IN_FLIGHT_REQUESTS = 64
"""Largest request, and how much is under way: the only memory that reading takes."""

KEPT_BYTES = 1 << 30
"""Disk space after which what was kept of a file is dropped: more than a column of shards has."""

TRIES = 4
FIRST_PAUSE_S = 0.5

Range = tuple[int, int]


class RemoteFile:
    """A file of known size behind a file system without memory maps.

    Parameters
    ----------
    fs : fsspec.AbstractFileSystem
    path : str
        The file within ``fs``.
    url : str
        Its URL, for messages.
    size : int
        Bytes in the file.
    """

    def __init__(self, fs: fsspec.AbstractFileSystem, path: str, url: str, size: int) -> None:
        self.url, self.size = url, size
        self._fs, self._path = fs, path
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._kept_rows: dict[tuple[int, int, int], _Kept] = {}

    def mapped(self, starts: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
        """Return the whole file, uint8 (size,), in which the pieces at ``starts`` can be read.

        Elsewhere it may be zero. The view stays valid after further calls.

        Raises
        ------
        AccessError, SegyError
            If the file cannot be read, or ends early.
        SpaceError
            If the temporary folder is full.
        """
        with self._lock:
            if self._kept is None or self._kept.bytes > KEPT_BYTES:
                self._kept = _Kept(self.size, BLOCK_BYTES, self.url)  # views keep the old one alive
            kept = self._kept
            for start, content in self._read(_blocks_missing(kept, starts, length)):
                kept.add(start, content)
            return kept.content

    def rows(self, start: int, count: int, step: int, width: int) -> NDArray[np.uint8]:
        """Read the first ``width`` bytes of ``count`` records, ``step`` apart.

        What lies between is read with them where that is faster, and dropped at once. The rows are
        kept on disk, unless there are too many: several passes over the headers cost one.

        Returns
        -------
        uint8 (count, width)
        """
        number, phase = divmod(start, step)
        everything = (self.size // step + 1) * width
        if everything > KEPT_BYTES:
            found = np.empty((count, width), "uint8")
            for first, rows in self._read_rows(start, count, step, width):
                found[first : first + len(rows)] = rows
            return found
        with self._lock:
            key = (phase, step, width)
            if key not in self._kept_rows:
                self._kept_rows[key] = _Kept(everything, width, self.url)
            kept = self._kept_rows[key]
            lacking = np.flatnonzero(~kept.have[number : number + count])
            for first, last in _joined(lacking, lacking, 1) if len(lacking) else ():
                begin = start + first * step
                for at, rows in self._read_rows(begin, last - first + 1, step, width):
                    kept.add((number + first + at) * width, np.ascontiguousarray(rows).data)
            return kept.content[number * width :][: count * width].reshape(count, width)

    def _read_rows(
        self, start: int, count: int, step: int, width: int
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield the number of a row and those that were read from there on."""
        together = max(1, PART_BYTES // step) if step - width <= GAP_BYTES else 1
        ranges = [
            (start + first * step, start + (min(first + together, count) - 1) * step + width)
            for first in range(0, count, together)
        ]
        for begin, content in self._read(ranges):
            rows = np.lib.stride_tricks.as_strided(
                np.frombuffer(content, "uint8"),
                ((len(content) - width) // step + 1, width), (step, 1), writeable=False,
            )
            yield (begin - start) // step, rows

    def _read(self, ranges: Sequence[Range]) -> Iterator[tuple[int, bytes]]:
        """Yield (start, content) of every range, a bounded number of bytes at a time."""
        wave: list[Range] = []
        size = 0
        for start, stop in ranges:
            if wave and (
                size + stop - start > IN_FLIGHT_BYTES or len(wave) >= IN_FLIGHT_REQUESTS
            ):
                yield from self._read_wave(wave)
                wave, size = [], 0
            wave.append((start, stop))
            size += stop - start
        if wave:
            yield from self._read_wave(wave)

    def _read_wave(self, wave: Sequence[Range]) -> Iterator[tuple[int, bytes]]:
        left, pauses = list(wave), waits(self._fs)
        while left:
            starts, stops = [start for start, _ in left], [stop for _, stop in left]
            with reaching(self.url):
                answers = self._fs.cat_ranges([self._path] * len(left), starts, stops)
            failed: list[Range] = []
            pause = next(pauses, None)
            for (start, stop), answer in zip(left, answers, strict=True):
                if isinstance(answer, BaseException):
                    if pause is None or not may_pass(answer):
                        with reaching(self.url):
                            raise answer
                    failed.append((start, stop))
                    continue
                if len(answer) != stop - start:
                    raise SegyError(
                        f"{shown(self.url)}: a part of it came with another length",
                        found=f"{len(answer)} bytes",
                        expected=f"{stop - start} bytes from byte {start} on",
                        do="Check that nobody writes to the file, then run again",
                    )
                yield start, answer
            left = failed
            if left and pause is not None:
                time.sleep(pause)


def waits(fs: fsspec.AbstractFileSystem) -> Iterator[float]:
    """Pauses in s before another try; none where the file system has tries of its own."""
    protocols = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
    tries = TRIES if protocols & {"http", "https"} else 1
    yield from (FIRST_PAUSE_S * 2**attempt for attempt in range(tries - 1))


def may_pass(error: BaseException) -> bool:
    """Whether the same HTTP request may do better in a moment."""
    cause = error.__cause__ or error
    status = getattr(cause, "status", None)
    if isinstance(status, int):
        return status == 429 or status >= 500
    library = type(cause).__module__.split(".", 1)[0]
    return library == "aiohttp" or isinstance(cause, TimeoutError | ConnectionError)


class _Kept:
    """Bytes in an unnamed temporary file with holes, which is there in units of some bytes."""

    def __init__(self, size: int, unit: int, url: str) -> None:
        self._file = tempfile.TemporaryFile(prefix="seisproc-")
        self._url = url
        self.size, self.unit = size, unit
        self.have = np.zeros(-(-size // unit), bool)
        self.bytes = 0
        os.ftruncate(self._file.fileno(), size)
        kept = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ)
        self.content = np.frombuffer(kept, "uint8")

    def add(self, start: int, content: bytes | memoryview) -> None:
        """Keep whole units from a byte on."""
        view, at = memoryview(content).cast("B"), start
        try:
            while view.nbytes:
                written = os.pwrite(self._file.fileno(), view, at)
                view, at = view[written:], at + written
        except OSError as error:
            raise SpaceError(
                f"The temporary folder is full while reading {shown(self._url)}",
                found=f"{error.strerror} in {tempfile.gettempdir()}",
                expected=f"room for about {KEPT_BYTES >> 30} GiB a worker",
                do="Make room, or name another folder in the variable TMPDIR",
            ) from None
        self.have[start // self.unit : -(-at // self.unit)] = True
        self.bytes += at - start


def _blocks_missing(kept: _Kept, starts: NDArray[np.int64], length: int) -> list[Range]:
    """Byte ranges to read before all pieces are there, in whole blocks, in order."""
    if not len(starts) or length <= 0:
        return []
    ordered = np.sort(starts)
    parts: list[Range] = []
    for first, last in _joined(ordered // kept.unit, (ordered + length - 1) // kept.unit, 1):
        blocks = first + np.flatnonzero(~kept.have[first : last + 1])
        parts += _joined(blocks, blocks, 1) if len(blocks) else []
    if not parts:
        return []
    edges = np.array(parts)
    found = []
    for first, last in _joined(edges[:, 0], edges[:, 1], 1 + GAP_BYTES // kept.unit):
        stop = min((last + 1) * kept.unit, kept.size)
        for start in range(first * kept.unit, stop, PART_BYTES):
            found.append((start, min(start + PART_BYTES, stop)))
    return found


def _joined(firsts: NDArray[Any], lasts: NDArray[Any], reach: int) -> list[Range]:
    """Join intervals of blocks, sorted by their first one, that lie at most ``reach`` apart."""
    ends = np.maximum.accumulate(lasts)
    breaks = np.flatnonzero(firsts[1:] - ends[:-1] > reach) + 1
    begin = np.concatenate([[0], breaks])
    end = np.concatenate([breaks - 1, [len(firsts) - 1]])
    return list(zip(firsts[begin].tolist(), ends[end].tolist(), strict=True))
