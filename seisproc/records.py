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

import psutil
from fsspec.implementations.local import LocalFileSystem

from seisproc.errors import BusyError
from seisproc.places import AccessError, open_place, reaching, require_writable

LEASE_REFRESH_S = 5.0
LEASE_STALE_S = 30.0
"""A lease that was not refreshed for this long belonged to a process that died."""

WATCH_REFRESHES = 2.2
"""How long a lease of another host is watched before it is taken over, in times of refreshing:
clocks differ, so that it may look old and yet be alive."""


def work_url(store_url: str, product: str, fingerprint: str) -> str:
    """Folder for the records of one product of a store, named by all of what it is made from.

    The whole fingerprint stands in the name: what other work left can never be taken for this.

    >>> work_url("data/f3.zarr", "interpretation/demo", "0123456789abcdef")
    'data/f3.zarr.work/interpretation-demo-0123456789abcdef'
    """
    return f"{store_url.rstrip('/')}.work/{product.replace('/', '-')}-{fingerprint}"


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
        self._fs, self._path = open_place(url)

    def mark(self, key: str, state: str, checksum: str, payload: dict[str, Any]) -> None:
        """Record a region, after its shards are written. ``key`` holds no dot."""
        name = f"{key}.{state}.{checksum}.json"
        write_atomic(f"{self.url}/{name}", json.dumps(payload).encode())

    def read(self) -> dict[str, Record]:
        """All records by key; where a region failed and was redone, ``done`` wins."""
        found: dict[str, Record] = {}
        for path in sorted(self._names()):
            parts = path.rsplit("/", 1)[-1].split(".")
            if len(parts) != 4 or parts[3] != "json":
                continue
            key, state, checksum, _ = parts
            if key in found and found[key].state == "done":
                continue
            with reaching(self.url):
                payload = json.loads(self._fs.cat_file(path))
            found[key] = Record(key, state, checksum, payload)
        return found

    def forget(self, key: str) -> None:
        """Remove the records of one region, so that it is done again."""
        for path in self._names():
            if path.rsplit("/", 1)[-1].startswith(f"{key}."):
                with reaching(self.url):
                    self._fs.rm_file(path)

    def _names(self) -> list[str]:
        with reaching(self.url):
            try:
                return list(self._fs.ls(self._path, detail=False))
            except FileNotFoundError:
                return []

    def clear(self) -> None:
        """Remove the folder, and the store's work folder when this was the last product in it."""
        with reaching(self.url):
            if self._fs.exists(self._path):
                self._fs.rm(self._path, recursive=True)
        if isinstance(self._fs, LocalFileSystem):
            with contextlib.suppress(OSError):
                Path(self._path).parent.rmdir()


def write_atomic(url: str, content: bytes) -> None:
    """Write a small object so that it is there whole or not at all."""
    fs, path = open_place(url)
    if not isinstance(fs, LocalFileSystem):
        with reaching(url):
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


class Lease:
    """The right to write one product, as long as nobody took it over."""

    def __init__(self, path: str, product: str) -> None:
        self._path, self._product = path, product
        self._owner = {
            "host": socket.gethostname(), "pid": os.getpid(), "id": uuid.uuid4().hex,
            "started": psutil.Process().create_time(),
        }
        self._lost = threading.Event()

    def take(self) -> None:
        """Create the lease, or take over that of a dead run; BusyError if neither may be."""
        _take(self._path, self._owner, self._product)

    def refresh(self) -> bool:
        """Show that this run lives; false once another one has the lease."""
        if not self.is_held():
            self._lost.set()
            return False
        write_atomic(self._path, _stamp(self._owner))
        return True

    def is_held(self) -> bool:
        """Ask the place itself whether the lease is still this run's."""
        return _is_mine(self._path, self._owner)

    def require(self, *, ask: bool = False) -> None:
        """Stop a run that lost its lease while it slept, before it spoils the other's work.

        Without ``ask`` what the last refresh found is good enough.

        Raises
        ------
        BusyError
            If another run holds it.
        """
        if self._lost.is_set() or (ask and not self.is_held()):
            raise BusyError(
                f"{self._product} was taken over by another run, since this one stood still",
                do="Wait for the other one to end, then run again",
            )


@contextlib.contextmanager
def lease(url: str, product: str) -> Iterator[Lease]:
    """Hold the right to write one product while the body runs.

    The lease is an object created only if absent and refreshed every few seconds. One whose owner
    is a dead process of this machine, or an owner elsewhere that has not refreshed it for half a
    minute, is taken over. A run that finds its lease taken by another one never takes it back:
    before it publishes, it asks with :meth:`Lease.require`.

    Raises
    ------
    BusyError
        If a living run holds it.
    AccessError
        If the place cannot be written to, or its URL carries credentials.
    """
    require_writable(url)
    path = f"{url}/lease"
    held = Lease(path, product)
    held.take()
    stop = threading.Event()

    def refresh() -> None:
        while not stop.wait(LEASE_REFRESH_S):
            # a server that does not answer now may do so in time for the next one
            with contextlib.suppress(AccessError, OSError):
                if not held.refresh():
                    return

    thread = threading.Thread(target=refresh, daemon=True, name="seisproc-lease")
    thread.start()
    try:
        yield held
    finally:
        stop.set()
        thread.join()
        fs, where = open_place(path)
        if held.is_held():
            with reaching(url):
                fs.rm_file(where)
            if isinstance(fs, LocalFileSystem):  # of a run that was killed while it refreshed
                for torn in Path(where).parent.glob(f".{Path(where).name}.*"):
                    torn.unlink(missing_ok=True)
        if isinstance(fs, LocalFileSystem):  # object stores have no empty folders
            folder = Path(where).parent
            with contextlib.suppress(OSError):  # one that holds records or other work stays
                folder.rmdir()
                folder.parent.rmdir()


def _take(path: str, mine: dict[str, Any], product: str) -> None:
    """Create the lease, or take over that of a dead run; BusyError if neither may be."""
    holder = _holder(path)
    if holder is None and _create(path, mine):
        # a store that knows no "only if absent" has let the last of two writers win
        holder = _holder(path)
        if holder is not None and holder["id"] == mine["id"]:
            return
    holder = holder or _holder(path)
    if holder is None or not _alive(path, holder):
        write_atomic(path, _stamp(mine))
        # of several runs that come to take over, the last writer gets it
        time.sleep(min(1.0, LEASE_REFRESH_S / 5))
        holder = _holder(path)
    if holder is not None and holder["id"] != mine["id"]:
        raise BusyError(
            f"{product} is being written by another run",
            found=f"process {holder['pid']} on {holder['host']}",
            do="Wait for it to end, or stop it, then run again",
        )


def _is_mine(path: str, mine: dict[str, Any]) -> bool:
    holder = _holder(path)
    return holder is not None and holder["id"] == mine["id"]


def _stamp(owner: dict[str, Any]) -> bytes:
    return json.dumps({**owner, "time": time.time()}).encode()


def _create(url: str, owner: dict[str, Any]) -> bool:
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        try:
            with Path(path).open("xb") as file:
                file.write(_stamp(owner))
        except FileExistsError:
            return False
        return True
    with reaching(url):
        try:
            fs.pipe_file(path, _stamp(owner), mode="create")
        except FileExistsError:
            return False
        except OSError:
            # some stores refuse such a write in words that fsspec does not know
            if fs.exists(path):
                return False
            raise
    return True


def _holder(url: str) -> dict[str, Any] | None:
    fs, path = open_place(url)
    with reaching(url):
        try:
            return dict(json.loads(fs.cat_file(path)))
        except (FileNotFoundError, json.JSONDecodeError):
            return None


def _alive(path: str, holder: dict[str, Any]) -> bool:
    if holder["host"] == socket.gethostname():
        try:
            # a number may belong to another process by now; one that only stands still is alive
            started = psutil.Process(int(holder["pid"])).create_time()
        except psutil.NoSuchProcess:
            return False
        return bool(abs(started - float(holder.get("started", started))) < 1)
    if time.time() - float(holder["time"]) < LEASE_STALE_S:
        return True
    time.sleep(WATCH_REFRESHES * LEASE_REFRESH_S)
    return _holder(path) not in (None, holder)
