"""What a published group holds: a list of its stored files, and a seal that guards the list.

Zarr reads a missing shard as fill value, so nobody misses it; and metadata has no checksum. So the
last act of a writer (:func:`seisproc.survey.publish`) records which files its arrays have:

* the array ``manifest``, uint8 (manifest_byte_<n>,): a line of text for each file, ``bytes crc32c
  path``, array by array. Chunks and shards carry checksums of their own and have ``-`` there;
* the attribute ``seal`` of the group: how many files and bytes, the SHA-256 of the manifest with
  its metadata, and that of all other attributes.

:mod:`seisproc.verify` compares. Nested groups are published, and recorded, by themselves.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import IO, Any

import fsspec
import numpy as np
import zarr
from fsspec import AbstractFileSystem
from google_crc32c import value as crc32c

from seisproc.background import in_order, step_threads
from seisproc.places import files_under, read_object

MANIFEST = "manifest"
SEAL = "seal"
METADATA = "zarr.json"
NO_MARK = "-"

LISTED_AT_ONCE = 20_000
"""Files whose names, sizes and times are held in memory together: some tens of MB."""

HELD_BYTES = 4 << 20
"""Of a manifest's text: whole chunks of its array."""


@dataclass(frozen=True)
class StoredFile:
    """A file of an array: its path within the group, its size, its crc32c or ``-``."""

    path: str
    size: int
    mark: str = NO_MARK

    def line(self) -> str:
        """One line of the manifest."""
        return f"{self.size} {self.mark} {self.path}\n"

    @classmethod
    def parse(cls, line: str) -> StoredFile:
        """Read a line of the manifest.

        >>> StoredFile.parse("12 - live/c/0/0")
        StoredFile(path='live/c/0/0', size=12, mark='-')
        """
        size, mark, path = line.split(" ", 2)
        return cls(path, int(size), mark)


def sealed(group_url: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Record the finished arrays of a group; return its attributes with their seal.

    The list may have millions of lines: they go through a file on this machine, never all through
    memory.
    """
    fs, root = fsspec.core.url_to_fs(group_url)
    fs.invalidate_cache()  # other processes wrote the shards
    files = size = 0
    with tempfile.SpooledTemporaryFile(max_size=HELD_BYTES) as text, step_threads() as threads:
        for file in _stored_files(fs, root, threads):
            text.write(file.line().encode())
            files, size = files + 1, size + file.size
        seal: dict[str, Any] = {
            "files": files, "bytes": size, "attributes": attributes_hash(attributes)
        }
        if files:
            _write(group_url, text)
            seal["manifest"] = manifest_hash(group_url)
    fs.invalidate_cache()  # a listing that is kept would lack the group's metadata
    return {**attributes, SEAL: seal}


def array_names(fs: AbstractFileSystem, root: str) -> list[str]:
    """Names of the arrays right under a group, without the manifest, sorted."""
    with step_threads() as threads:
        return list(_array_metadata(fs, root, threads))


def _array_metadata(fs: AbstractFileSystem, root: str, threads: Executor) -> dict[str, bytes]:
    """Metadata of the arrays right under a group, by name, sorted; all asked for side by side."""
    names = [name for name in folder_names(fs, root) if name != MANIFEST]
    found = threads.map(lambda name: _metadata(fs, f"{root}/{name}"), names)
    return {
        name: content
        for name, content in zip(names, found, strict=True)
        if _node_type(content) == "array"
    }


def folder_names(fs: AbstractFileSystem, root: str) -> list[str]:
    """Names of the folders right under a path, sorted; none where there is nothing."""
    try:
        entries = fs.ls(root, detail=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(_name(entry) for entry in entries if entry["type"] == "directory")


def _metadata(fs: AbstractFileSystem, path: str) -> bytes:
    """Read the metadata of an array or a group; empty where there is none."""
    try:
        return read_object(fs, f"{path}/{METADATA}")
    except FileNotFoundError:
        return b""


def _node_type(metadata: bytes) -> str | None:
    """``array`` or ``group``; None of metadata that cannot be read."""
    try:
        return str(json.loads(metadata)["node_type"])
    except (ValueError, KeyError, TypeError):
        return None


def part_names(fs: AbstractFileSystem, array: str) -> list[str]:
    """Parts in which an array's files are listed, such as ``c/12``: few files in each, sorted."""
    try:
        entries = fs.ls(f"{array}/c", detail=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(f"c/{_name(entry)}" for entry in entries)


def part_files(fs: AbstractFileSystem, array: str, part: str) -> dict[str, int]:
    """Sizes of the files of one part by path within the array, sorted."""
    found = files_under(fs, f"{array}/{part}")
    return {path[len(array) + 1 :]: size for path, size in found.items()}


def chunk_files(
    fs: AbstractFileSystem, array: str, grid: Sequence[int]
) -> Iterator[tuple[str, int]]:
    """Yield path within the array and size of every chunk or shard, sorted, some at a time.

    ``grid``: how many there may be along each axis; where they are many, they are listed in parts.
    """
    if math.prod(grid) <= LISTED_AT_ONCE:
        yield from part_files(fs, array, "c").items()
        return
    for part in part_names(fs, array):
        yield from _files_within(fs, array, part, grid[1:])


def _files_within(
    fs: AbstractFileSystem, array: str, part: str, grid: Sequence[int]
) -> Iterator[tuple[str, int]]:
    if math.prod(grid) <= LISTED_AT_ONCE:
        yield from part_files(fs, array, part).items()
        return
    entries = {_name(entry): entry for entry in fs.ls(f"{array}/{part}", detail=True)}
    for name in sorted(entries):
        if entries[name]["type"] == "directory":
            yield from _files_within(fs, array, f"{part}/{name}", grid[1:])
        else:
            yield f"{part}/{name}", int(entries[name]["size"])


def attributes_hash(attributes: Mapping[str, Any]) -> str:
    """SHA-256 of a group's attributes as JSON holds them, the seal aside."""
    plain = json.loads(json.dumps({k: v for k, v in attributes.items() if k != SEAL}))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def manifest_hash(group_url: str) -> str:
    """SHA-256 of the manifest's text and of its array's metadata."""
    fs, root = fsspec.core.url_to_fs(group_url)
    stored = zarr.open_array(f"{group_url}/{MANIFEST}", mode="r", zarr_format=3)
    digest = hashlib.sha256()
    for start in range(0, stored.shape[0], HELD_BYTES):
        digest.update(np.asarray(stored[start : start + HELD_BYTES], "uint8").tobytes())
    digest.update(read_object(fs, f"{root}/{MANIFEST}/{METADATA}"))
    return digest.hexdigest()


def read_manifest(group_url: str) -> str:
    """Text of a group's manifest."""
    stored = zarr.open_array(f"{group_url}/{MANIFEST}", mode="r", zarr_format=3)
    return np.asarray(stored[...], "uint8").tobytes().decode()


def _write(group_url: str, text: IO[bytes]) -> None:
    from seisproc.survey import LIST_CHUNK, create_array

    length = text.tell()
    # The length in the name: in a tree of groups, xarray takes equal names for equal dimensions.
    dimension = f"manifest_byte_{length}"
    array = create_array(
        group_url, MANIFEST, (length,), "uint8", (dimension,), chunks=(min(length, LIST_CHUNK),)
    )
    text.seek(0)
    for start in range(0, length, HELD_BYTES):
        block = np.frombuffer(text.read(HELD_BYTES), "uint8")
        array[start : start + len(block)] = block


def _stored_files(
    fs: AbstractFileSystem, root: str, threads: Executor
) -> Iterator[StoredFile]:
    """Yield the metadata and every chunk or shard of all arrays, array by array.

    The next arrays are listed ahead, as long as their files are few.
    """
    arrays = _array_metadata(fs, root, threads)
    listed = (_listing(fs, f"{root}/{name}", content) for name, content in arrays.items())
    found = in_order(threads, listed, LISTED_AT_ONCE)
    for (name, content), files in zip(arrays.items(), found, strict=True):
        yield StoredFile(f"{name}/{METADATA}", len(content), mark_of(content))
        for path, size in files:
            yield StoredFile(f"{name}/{path}", size)


def _listing(
    fs: AbstractFileSystem, array: str, content: bytes
) -> tuple[Callable[[], Iterable[tuple[str, int]]], int]:
    """Return what lists an array's files, and how many it then holds: of many none."""
    metadata = json.loads(content)
    edges = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    grid = [-(-extent // edge) for extent, edge in zip(metadata["shape"], edges, strict=True)]
    files = chunk_files(fs, array, grid)
    count = math.prod(grid)
    if count > LISTED_AT_ONCE:
        return (lambda: files), 0  # listed as they are asked for
    return functools.partial(list, files), count


def mark_of(content: bytes) -> str:
    """Checksum of a file that carries none: crc32c, eight hexadecimal digits."""
    return f"{int(crc32c(content)):08x}"


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]
