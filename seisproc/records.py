"""What is done and who is at work: completion records and the lease of a product under way.

Both live in a work folder beside the store (:func:`work_url`), outside the Zarr hierarchy, where
no reader of the store trips over them, and vanish when the product is published.

An all-fill shard is never written, so a missing object does not mean an undone region; the record
decides. A record's name holds the region, its state and the checksum of what was written, so that
a resume is one listing.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from seisproc.errors import BusyError

LEASE_REFRESH_S = 5.0
LEASE_STALE_S = 30.0
"""A lease that was not refreshed for this long belonged to a process that died."""


def work_url(store_url: str, product: str, fingerprint: str) -> str:
    """Folder for the records of one product of a store, keyed by what it is made from.

    >>> work_url("data/f3.zarr", "interpretation/demo", "0123456789abcdef")
    'data/f3.zarr.work/interpretation-demo-01234567'
    """
    return f"{store_url.rstrip('/')}.work/{product.replace('/', '-')}-{fingerprint[:8]}"


@dataclass(frozen=True)
class Record:
    """One finished region: its key, its state (``done`` or ``failed``), what was written."""

    key: str
    state: str
    checksum: str
    payload: dict[str, Any]


class Records:
    """The completion records of one product under way, in the folder ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._path = fsspec.core.url_to_fs(url)

    def mark(self, key: str, state: str, checksum: str, payload: dict[str, Any]) -> None:
        """Record a region, after its shards are written. ``key`` holds no dot."""
        name = f"{key}.{state}.{checksum}.json"
        write_atomic(f"{self.url}/{name}", json.dumps(payload).encode())

    def read(self) -> dict[str, Record]:
        """All records by key; where a region failed and was redone, ``done`` wins."""
        try:
            names = self._fs.ls(self._path, detail=False)
        except FileNotFoundError:
            return {}
        found: dict[str, Record] = {}
        for path in sorted(names):
            parts = path.rsplit("/", 1)[-1].split(".")
            if len(parts) != 4 or parts[3] != "json":
                continue
            key, state, checksum, _ = parts
            if key in found and found[key].state == "done":
                continue
            payload = json.loads(self._fs.cat_file(path))
            found[key] = Record(key, state, checksum, payload)
        return found

    def forget(self, key: str) -> None:
        """Remove the records of one region, so that it is done again."""
        try:
            names = self._fs.ls(self._path, detail=False)
        except FileNotFoundError:
            return
        for path in names:
            if path.rsplit("/", 1)[-1].startswith(f"{key}."):
                self._fs.rm_file(path)

    def clear(self) -> None:
        """Remove the folder, and the store's work folder when this was the last product in it."""
        if self._fs.exists(self._path):
            self._fs.rm(self._path, recursive=True)
        if isinstance(self._fs, LocalFileSystem):
            with contextlib.suppress(OSError):
                Path(self._path).parent.rmdir()


def write_atomic(url: str, content: bytes) -> None:
    """Write a small object so that it is there whole or not at all."""
    fs, path = fsspec.core.url_to_fs(url)
    if not isinstance(fs, LocalFileSystem):
        fs.pipe_file(path, content)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)


@contextlib.contextmanager
def lease(url: str, product: str) -> Iterator[None]:
    """Hold the right to write one product while the body runs.

    The lease is an object created only if absent and refreshed every few seconds. One whose owner
    is a dead process of this machine, or that has not been refreshed for half a minute, is taken
    over.

    Raises
    ------
    BusyError
        If a living run holds it.
    """
    path = f"{url}/lease"
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "id": uuid.uuid4().hex}
    if not _create(path, mine):
        holder = _holder(path)
        if holder is not None and _alive(holder):
            raise BusyError(
                f"{product} is being written by another run",
                found=f"process {holder['pid']} on {holder['host']}",
                do="Wait for it to end, or stop it, then run again",
            )
        write_atomic(path, _stamp(mine))
    stop = threading.Event()

    def refresh() -> None:
        while not stop.wait(LEASE_REFRESH_S):
            write_atomic(path, _stamp(mine))

    thread = threading.Thread(target=refresh, daemon=True, name="seisproc-lease")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        fs, where = fsspec.core.url_to_fs(path)
        holder = _holder(path)
        if holder is not None and holder["id"] == mine["id"]:
            fs.rm_file(where)
        if isinstance(fs, LocalFileSystem):  # object stores have no empty folders
            folder = Path(where).parent
            with contextlib.suppress(OSError):  # one that holds records or other work stays
                folder.rmdir()
                folder.parent.rmdir()


def _stamp(owner: dict[str, Any]) -> bytes:
    return json.dumps({**owner, "time": time.time()}).encode()


def _create(url: str, owner: dict[str, Any]) -> bool:
    fs, path = fsspec.core.url_to_fs(url)
    try:
        if isinstance(fs, LocalFileSystem):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            with Path(path).open("xb") as file:
                file.write(_stamp(owner))
        else:
            fs.pipe_file(path, _stamp(owner), mode="create")
    except FileExistsError:
        return False
    return True


def _holder(url: str) -> dict[str, Any] | None:
    fs, path = fsspec.core.url_to_fs(url)
    try:
        return dict(json.loads(fs.cat_file(path)))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _alive(holder: dict[str, Any]) -> bool:
    if holder["host"] == socket.gethostname():
        try:
            os.kill(int(holder["pid"]), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
    return bool(time.time() - float(holder["time"]) < LEASE_STALE_S)
