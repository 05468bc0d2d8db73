"""Arrays of which whole shards are written, each at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import zarr
from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import StorePath, WrapperStore


@lru_cache(maxsize=64)
def open_for_whole_shards(url: str) -> zarr.Array[Any]:
    """Open an array to write boxes of whole shards.

    Zarr reads a shard before it writes it, even one that it replaces altogether: on an object store
    that takes three requests, not one, and it fails where a power loss has torn what is there. Of
    this array nothing that is there is read: of a shard that is written in part, the rest is lost.
    It is opened once a process; its metadata must not change.
    """
    opened = zarr.open_array(url, mode="r+", zarr_format=3).async_array
    place = StorePath(_NothingThere(opened.store_path.store), opened.store_path.path)
    return zarr.Array(zarr.AsyncArray(opened.metadata, place, opened.config))


class _NothingThere(WrapperStore[Store]):
    """A store that is written, and says of all that it is asked for that it is not there."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Find nothing."""
        return None

    async def exists(self, key: str) -> bool:
        """Find nothing."""
        return False
