"""Write and read whole shards of a Zarr array, chunk by chunk to and from plain buffers.

Zarr's own writer needs the shard as one array and copies it on the way; a shard is but its chunks,
one after the other, and an index of where they are (Zarr v3 sharding codec, ZEP 2). The array's
metadata says how chunks are encoded; what is written here zarr-python reads.

The index carries a checksum and so does every chunk: Zarr's crc32c codec after Blosc, 4 bytes at
the end of each. So any reader notices a flipped bit when it reads. Stores of seisproc 0.1 have none
after their chunks; they are read too.
"""

from __future__ import annotations

import contextlib
import errno
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
import numcodecs
import numpy as np
import zarr
from fsspec.implementations.local import LocalFileSystem
from google_crc32c import value as crc32c
from numcodecs import blosc
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec

from seisproc.errors import SpaceError, StoreError

ABSENT = np.uint64(2**64 - 1)
"""Offset and length in a shard's index of a chunk that holds nothing but the fill value."""


class ShardedArray:
    """An array in shards as this project writes them.

    Parameters
    ----------
    url : str
        The array, which exists already: sharded, index at the end, Blosc-compressed chunks, with a
        checksum each or without.

    Attributes
    ----------
    checksums : bool
        Whether each chunk ends with its crc32c.

    Raises
    ------
    StoreError
        If it is encoded in another way.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        array = zarr.open_array(url, mode="r", zarr_format=3)
        (codec,) = array.metadata.codecs  # type: ignore[union-attr]
        self.compressor, self.chunk_shape, self.checksums = _compressor(codec, url)
        self.shard_shape = tuple(array.shards or ())
        self.per_shard = tuple(
            shard // chunk for shard, chunk in zip(self.shard_shape, self.chunk_shape, strict=True)
        )
        self.dtype = array.dtype
        self.fill = np.full((), array.fill_value, array.dtype)
        self._fill_bits = self.fill.view(f"u{self.dtype.itemsize}")
        self._fs, self._path = fsspec.core.url_to_fs(url)

    def _file(self, shard: Sequence[int]) -> str:
        return "/".join([self._path, "c", *map(str, shard)])

    def read(self, shard: Sequence[int]) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
        """Yield position within the shard and values of each of its chunks that is stored.

        The values are valid until the next chunk is asked for.

        Raises
        ------
        StoreError
            If the shard's index or one of its chunks does not match its checksum.
        """
        try:
            content = self._fs.cat_file(self._file(shard))
        except FileNotFoundError:
            return
        for position, chunk, damage in self.decode(content):
            if damage is not None:
                raise StoreError(
                    f"{self.url}: the shard {'/'.join(map(str, shard))} is damaged",
                    found=damage,
                    do="Make the store again, or copy it again from where it is whole",
                )
            yield position, chunk

    def decode(
        self, content: bytes
    ) -> Iterator[tuple[tuple[int, ...], NDArray[Any], str | None]]:
        """Yield position, values and damage of each chunk in a shard's bytes.

        Damage is None, or says in words why the values are not to be used; of a shard whose index
        is damaged it is all that comes. The values are valid until the next chunk is asked for.
        """
        chunk = np.empty(self.chunk_shape, self.dtype)
        length = 16 * math.prod(self.per_shard)
        packed = content[-length - 4 : -4]
        if len(packed) < length:
            yield (), chunk, f"its {len(content):,} bytes are too few for its index"
            return
        if int(crc32c(packed)) != int.from_bytes(content[-4:], "little"):
            yield (), chunk, "its index does not match its checksum"
            return
        index = np.frombuffer(packed, "<u8").reshape(*self.per_shard, 2)
        for position in np.ndindex(*self.per_shard):
            offset, size = index[position].tolist()
            if offset != ABSENT:
                encoded = memoryview(content)[offset : offset + size]
                damage = "reaches beyond the file" if len(encoded) < size else None
                damage = damage or self._decode_chunk(encoded, chunk)
                name = "/".join(map(str, position))
                yield position, chunk, damage and f"chunk {name} {damage}"

    def _decode_chunk(self, encoded: memoryview, chunk: NDArray[Any]) -> str | None:
        """Decode one chunk into ``chunk``, or say what is wrong with it."""
        if self.checksums:
            payload, mark = encoded[:-4], encoded[-4:]
            # google_crc32c takes arrays, and no memoryviews
            if int(crc32c(np.frombuffer(payload, "u1"))) != int.from_bytes(mark, "little"):
                return "does not match its checksum"
            encoded = payload
        # Blosc's header: the sizes of its content and of itself. Blosc reads as far as it says.
        sizes = int.from_bytes(encoded[4:8], "little"), int.from_bytes(encoded[12:16], "little")
        if sizes != (chunk.nbytes, len(encoded)):
            return "has another size than its header says"
        try:
            with _single_threaded():
                self.compressor.decode(encoded, chunk)
        except (RuntimeError, ValueError) as error:
            return f"cannot be decoded ({error})"
        return None

    def encode(self, chunk: NDArray[Any]) -> bytes | None:
        """Encode one chunk, full size and contiguous; None where it is all fill value.

        Bits are compared, not values: a NaN with another payload is no fill value.
        """
        bits = chunk.view(self._fill_bits.dtype).reshape(-1)
        if bits[0] == self._fill_bits and bits[-1] == self._fill_bits:
            if bool((bits == self._fill_bits).all()):
                return None
        with _single_threaded():
            return bytes(self.compressor.encode(chunk))

    def write(
        self, shard: Sequence[int], chunks: dict[tuple[int, ...], bytes]
    ) -> int:
        """Write the shard at a place of the shard grid from its encoded chunks.

        Parameters
        ----------
        shard : sequence of int
            Position in the grid of shards.
        chunks : dict
            Position within the shard -> encoded chunk; those that are left out are fill value. A
            shard without any chunk is not written.

        Returns
        -------
        Bytes written.

        Raises
        ------
        SpaceError
            If the disk is full.
        """
        if not chunks:
            return 0
        index = np.full((*self.per_shard, 2), ABSENT, "<u8")
        offset = 0
        parts = []
        for position in sorted(chunks):
            encoded = chunks[position]
            parts += [encoded, _mark(encoded)] if self.checksums else [encoded]
            size = len(encoded) + 4 * self.checksums
            index[position] = offset, size
            offset += size
        packed = index.tobytes()
        parts += [packed, _mark(packed)]
        path = self._file(shard)
        try:
            if isinstance(self._fs, LocalFileSystem):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                with Path(path).open("wb", buffering=0) as file:
                    for part in parts:
                        _write_all(file, part)
            else:
                self._fs.pipe_file(path, b"".join(parts))
        except OSError as error:
            raise as_space_error(error, self.url) from error
        return offset + len(packed) + 4


def _mark(content: bytes) -> bytes:
    """Checksum as Zarr's crc32c codec appends it."""
    return int(crc32c(content)).to_bytes(4, "little")


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """Keep Blosc from starting threads of its own, which it does in the main thread."""
    blosc.use_threads = False
    try:
        yield
    finally:
        blosc.use_threads = None


def _write_all(file: Any, part: bytes) -> None:
    """Write without a buffer between; the system may take a part at a time."""
    view = memoryview(part)
    while view.nbytes:
        view = view[file.write(view) :]


def as_space_error(error: OSError, url: str) -> Exception:
    """Turn "no space left" into the project's error; any other stays what it is."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SpaceError(
            f"The disk is full while writing {url}",
            do="Make room, then run the same command again: it continues where it stopped",
        )
    return error


def _compressor(codec: Any, url: str) -> tuple[numcodecs.Blosc, tuple[int, ...], bool]:
    """Build the Blosc codec that the metadata states; refuse what this writer does not speak.

    Returns the codec, the chunk's shape, and whether a checksum follows each chunk.
    """
    if isinstance(codec, ShardingCodec):
        plain_index = [type(part) for part in codec.index_codecs] == [BytesCodec, Crc32cCodec]
        inner = [type(part) for part in codec.codecs]
        checksums = inner == [BytesCodec, BloscCodec, Crc32cCodec]
        if plain_index and (checksums or inner == [BytesCodec, BloscCodec]):
            settings = codec.codecs[1]
            assert isinstance(settings, BloscCodec)
            shuffle = {
                "noshuffle": numcodecs.Blosc.NOSHUFFLE,
                "shuffle": numcodecs.Blosc.SHUFFLE,
                "bitshuffle": numcodecs.Blosc.BITSHUFFLE,
            }[settings.shuffle.value]
            built = numcodecs.Blosc(
                settings.cname.value, settings.clevel, shuffle, settings.blocksize
            )
            return built, tuple(codec.chunk_shape), checksums
    raise StoreError(
        f"{url} is not encoded as this version writes it",
        expected="sharding (bytes, Blosc, crc32c), index (bytes, crc32c) at the end",
    )
