"""NumPy files: ``.npy``, and the members of an ``.npz`` archive. Nothing is ever unpickled.

An array that lies in a local file as it is gets mapped. A compressed member, or a remote file, is
first unpacked beside the store, in blocks.
"""

from __future__ import annotations

import math
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from seisproc.errors import VolumeError
from seisproc.segy.source import Source
from seisproc.volumes.files import native_kind, open_binary
from seisproc.volumes.reading import Arrangement, MappedArray

COPY_BYTES = 1 << 24
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""What zipfile raises for archives that are damaged, encrypted, or compressed in unknown ways."""

LOCAL_HEADER = 30
"""Bytes of a zip member's own header before its name (APPNOTE.TXT, 4.3.7)."""


@dataclass(frozen=True)
class NumpyArray:
    """An array in a NumPy file, as its header says.

    Attributes
    ----------
    url : str
        The file.
    member : str or None
        Name within an archive.
    dtype : numpy.dtype
        As it stands in the file.
    shape : tuple of int
    order : str
        ``C`` or ``F``.
    offset : int
        Byte of the first number in the file, or in the unpacked member.
    mapped : bool
        The file is local and holds the numbers as they are.
    """

    url: str
    member: str | None
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str
    offset: int
    mapped: bool

    @property
    def size(self) -> int:
        """Bytes of the array, with its header."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize

    def reader(self, arrangement: Arrangement, path: str | None = None) -> MappedArray:
        """Return the reader of the file, or of the unpacked copy at ``path``."""
        return MappedArray(
            arrangement,
            native_kind(self.dtype, self.name),
            path or self.url,
            self.offset,
            self.dtype.str,
            self.order,
            self.shape,
        )

    @property
    def name(self) -> str:
        """File and member, for messages."""
        name = Source(self.url).name
        return name if self.member is None else f"{name}:{self.member.removesuffix('.npy')}"

    def unpack(self, path: Path) -> None:
        """Copy the array to a local ``.npy`` file, whole or not at all, block by block."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        try:
            with _opened(self.url, self.member) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target, COPY_BYTES)
            part.replace(path)
        except (*_UNREADABLE, EOFError) as error:
            raise _damaged(self.name, error) from error
        finally:
            part.unlink(missing_ok=True)
        if path.stat().st_size < self.size:
            found = path.stat().st_size
            path.unlink()
            raise _truncated(self.name, found, self.size)


def open_numpy(url: str, dataset: str = "") -> NumpyArray:
    """Read the header of a ``.npy`` file, or of one array of an ``.npz`` archive.

    Raises
    ------
    VolumeError
        If the file is damaged or truncated, holds no numbers, or several arrays and ``dataset``
        names none of them.
    """
    source = Source(url)
    with open_binary(url) as file:
        is_archive = file.read(2) == b"PK"
    if not is_archive:
        if dataset:
            raise VolumeError(f"{source.name} holds one array without a name", do="Drop --dataset")
        found = _read_header(url, None)
        native_kind(found.dtype, found.name)
        _require_size(found, source.size)
        return found
    member = _choose(url, dataset)
    found = _read_header(url, member.filename)
    native_kind(found.dtype, found.name)
    _require_size(found, member.file_size)
    if found.mapped and member.compress_type == zipfile.ZIP_STORED:
        return NumpyArray(
            url, found.member, found.dtype, found.shape, found.order,
            found.offset + _member_offset(url, member), mapped=True,
        )
    return NumpyArray(
        url, found.member, found.dtype, found.shape, found.order, found.offset, mapped=False
    )


def list_numpy(url: str) -> list[NumpyArray]:
    """Read the headers of all arrays in a file, whatever they hold.

    Raises
    ------
    VolumeError
        If the file is damaged.
    """
    with open_binary(url) as file:
        is_archive = file.read(2) == b"PK"
    members = [each.filename for each in _members(url).values()] if is_archive else [None]
    return [_read_header(url, member) for member in members]


def _members(url: str) -> dict[str, zipfile.ZipInfo]:
    """Arrays of an archive, by name."""
    try:
        with open_binary(url) as file, zipfile.ZipFile(file) as archive:
            return {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
    except zipfile.BadZipFile as error:
        raise _damaged(Source(url).name, error) from error


def _choose(url: str, dataset: str) -> zipfile.ZipInfo:
    name, members = Source(url).name, _members(url)
    if dataset in members:
        return members[dataset]
    if len(members) == 1 and not dataset:
        return next(iter(members.values()))
    raise VolumeError(
        f"{name} holds no array {dataset!r}" if dataset else f"{name} holds several arrays"
        if members else f"{name} is an archive without any NumPy array",
        expected=", ".join(sorted(members)) or None,
        do="Name one of them with --dataset" if members else "Unpack it first",
    )


@contextmanager
def _opened(url: str, member: str | None) -> Iterator[IO[bytes]]:
    with open_binary(url) as file:
        if member is None:
            yield file
        else:
            with zipfile.ZipFile(file) as archive, archive.open(member) as inner:
                yield inner


def _read_header(url: str, member: str | None) -> NumpyArray:
    name = Source(url).name if member is None else f"{Source(url).name}:{member}"
    try:
        with _opened(url, member) as file:
            version = npy.read_magic(file)
            if version == (1, 0):
                shape, fortran, dtype = npy.read_array_header_1_0(file)
            elif version == (2, 0):
                shape, fortran, dtype = npy.read_array_header_2_0(file)
            else:
                raise ValueError(f"version {version[0]}.{version[1]} of the format")
            offset = file.tell()
    except (ValueError, EOFError, *_UNREADABLE) as error:
        raise _damaged(name, error) from error
    order = "F" if fortran else "C"
    mapped = "://" not in url
    return NumpyArray(url, member, dtype, tuple(shape), order, offset, mapped)


def _member_offset(url: str, member: zipfile.ZipInfo) -> int:
    """Byte of the archive at which the content of a stored member begins."""
    with open_binary(url) as file:
        file.seek(member.header_offset)
        header = file.read(LOCAL_HEADER)
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    return member.header_offset + LOCAL_HEADER + name + extra


def _require_size(array: NumpyArray, size: int) -> None:
    if size < array.size:
        raise _truncated(array.name, size, array.size)


def _truncated(name: str, found: int, expected: int) -> VolumeError:
    return VolumeError(
        f"{name} is truncated",
        found=f"{found:,} bytes",
        expected=f"{expected:,}",
        do="Copy the file again",
    )


def _damaged(name: str, error: Exception) -> VolumeError:
    return VolumeError(f"{name} is damaged", found=str(error), do="Copy the file again")
