"""Are the stored files of one array whole? A task of :func:`seisproc.verify.verify`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import fsspec
import zarr
from fsspec import AbstractFileSystem
from zarr.codecs import Crc32cCodec, ShardingCodec

from seisproc.errors import StoreError
from seisproc.manifest import METADATA, NO_MARK, StoredFile, mark_of
from seisproc.shards import ShardedArray


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong with a file: the array's path in the store, the file's in the array, words."""

    array: str
    file: str
    what: str

    def __str__(self) -> str:
        return f"{'/'.join(filter(None, (self.array, self.file)))} {self.what}"


@dataclass(frozen=True)
class Batch:
    """Files of one array, to be checked one after the other.

    ``files`` have paths within the array; a size below 0 was not recorded.
    """

    store: str
    array: str
    files: tuple[StoredFile, ...]


@dataclass(frozen=True)
class Checked:
    """What was checked: files, chunks decoded, bytes read, and what is wrong."""

    files: int
    chunks: int
    bytes: int
    checksums: bool
    problems: tuple[Problem, ...]


def check_batch(batch: Batch) -> Checked:
    """Read and decode each file of a batch; memory for one file and one chunk at a time.

    What is wrong with a file is handed back; nothing but the loss of the machine is raised.
    """
    url = f"{batch.store}/{batch.array}"
    try:
        reader = _ArrayReader(url)
    except Exception as error:  # noqa: BLE001 - whatever Zarr makes of damaged metadata
        told = f"cannot be understood ({_one_line(error)})"
        return Checked(0, 0, 0, False, (Problem(batch.array, METADATA, told),))
    chunks, size = 0, 0
    problems = []
    for file in batch.files:
        try:
            found, decoded, read = reader.check(file)
        except Exception as error:  # noqa: BLE001 - codecs raise what they like
            found, decoded, read = [f"cannot be read ({_one_line(error)})"], 0, 0
        problems += [Problem(batch.array, file.path, what) for what in found]
        chunks += decoded
        size += read
    return Checked(len(batch.files), chunks, size, reader.checksums, tuple(problems))


class _ArrayReader:
    """Checks files of one array: shards as this project writes them itself, all else by Zarr."""

    def __init__(self, url: str) -> None:
        self.array = zarr.open_array(url, mode="r")
        fs, self._path = fsspec.core.url_to_fs(url)
        self._fs: AbstractFileSystem = fs
        self._sharded: ShardedArray | None = None
        if self.array.shards is not None:
            try:
                self._sharded = ShardedArray(url)
            except StoreError:  # shards of another kind: Zarr reads them
                self._sharded = None
        self.checksums = _has_checksums(self.array)

    def check(self, file: StoredFile) -> tuple[list[str], int, int]:
        """Say what is wrong with a file, and how many chunks were decoded and bytes read."""
        try:
            content = self._fs.cat_file(f"{self._path}/{file.path}")
        except FileNotFoundError:
            return ["is missing"], 0, 0
        size = len(content)
        if 0 <= file.size != size:
            return [f"has {size:,} bytes, not the {file.size:,} that were published"], 0, size
        if file.path == METADATA:
            changed = file.mark not in (NO_MARK, mark_of(content))
            return ["is not what was published"] if changed else [], 0, size
        place = self._place(file.path)
        if place is None:
            return ["is no chunk of the array"], 0, size
        if self._sharded is None:
            self._read(place)
            return [], 1, size
        found = []
        chunks = 0
        for _, _, damage in self._sharded.decode(content):
            chunks += 1
            if damage is not None:
                found.append(damage)
        return found, chunks, size

    def _place(self, path: str) -> tuple[int, ...] | None:
        """Position of a chunk or shard in the array's grid; None of a file that is neither."""
        name, *numbers = path.split("/")
        if name != "c" or not all(number.isdecimal() for number in numbers):
            return None
        place = tuple(map(int, numbers))
        if len(place) != self.array.ndim:
            return None
        edges = self.array.shards or self.array.chunks
        grid = [math.ceil(extent / edge) for extent, edge in
                zip(self.array.shape, edges, strict=True)]
        return place if all(n < count for n, count in zip(place, grid, strict=True)) else None

    def _read(self, place: tuple[int, ...]) -> None:
        edges = self.array.shards or self.array.chunks
        box = tuple(slice(n * edge, (n + 1) * edge) for n, edge in zip(place, edges, strict=True))
        self.array[box]


def _has_checksums(array: zarr.Array[Any]) -> bool:
    """Whether every chunk ends with its crc32c."""
    codecs = list(array.metadata.codecs)  # type: ignore[union-attr]
    if len(codecs) == 1 and isinstance(codecs[0], ShardingCodec):
        codecs = list(codecs[0].codecs)
    return isinstance(codecs[-1], Crc32cCodec)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else f"{text[:117]}..."
