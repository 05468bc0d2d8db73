"""The right to write one product: an object that its holder keeps fresh, lest two runs write it."""

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

from seisproc.atomic import write_atomic
from seisproc.errors import BusyError, SeisprocError, one_line
from seisproc.places import (
    AccessError,
    open_place,
    reaching,
    read_object,
    require_writable,
    shown,
)

LEASE_REFRESH_S = 5.0
LEASE_STALE_S = 30.0
"""A lease that was not refreshed for this long belonged to a process that died."""

WATCH_REFRESHES = 2.2
"""How long a lease of another host is watched before it is taken over, in times of refreshing:
clocks differ, so that it may look old and yet be alive."""


@dataclass(frozen=True)
class Right:
    """What a worker needs to know of a lease: whether the run that sent it still has it."""

    path: str
    owner: str
    product: str

    def is_held(self) -> bool:
        """Ask the place itself whether the lease is still that run's."""
        holder = _holder(self.path)
        return holder is not None and holder["id"] == self.owner

    def require(self) -> None:
        """Stop work for a run that is over, before it writes beside the one that goes on.

        Raises
        ------
        BusyError
            If the lease is another run's, or nobody's, or not to be seen from here.
        """
        holder = _holder(self.path)
        if holder is None:
            raise BusyError(
                f"the run that was writing {self.product} has ended, or {socket.gethostname()} "
                "does not see its folder",
                found=f"no {shown(self.path)} there",
                do="If that run goes on, mount its folder on every worker under the same path",
            )
        if holder["id"] != self.owner:
            raise BusyError(
                f"the run that was writing {self.product} has ended, or another one took it over",
                found=f"{shown(self.path)} of process {holder['pid']} on {holder['host']}",
            )

    def unseen(self) -> str:
        """Say why this process does not see the lease, while it is held; "" if it does."""
        try:
            holder = _holder(self.path)
        except (SeisprocError, OSError) as error:
            return f"{socket.gethostname()}: {one_line(error)}"
        if holder is None:
            return f"{socket.gethostname()}: there is no {shown(self.path)}"
        if holder["id"] != self.owner:
            return f"{socket.gethostname()}: another {shown(self.path)} is there"
        return ""


class Lease:
    """The right to write one product, as long as nobody took it over."""

    def __init__(self, path: str, product: str) -> None:
        self._path, self._product = path, product
        self._owner = {
            "host": socket.gethostname(), "pid": os.getpid(), "id": uuid.uuid4().hex,
            "started": psutil.Process().create_time(),
        }
        self._lost = threading.Event()

    @property
    def right(self) -> Right:
        """What workers are told of it."""
        return Right(self._path, str(self._owner["id"]), self._product)

    def take(self) -> None:
        """Create the lease, or take over that of a dead run; BusyError if neither may be."""
        _take(self._path, self._owner, self._product)

    def refresh(self) -> bool:
        """Show that this run lives; false once another one has the lease."""
        if not _refresh(self._path, self._owner):
            self._lost.set()
            return False
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
            with reaching(url), contextlib.suppress(FileNotFoundError):
                fs.rm_file(where)
            if isinstance(fs, LocalFileSystem):  # of a run that was killed while it took over
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
    if holder is None:  # just being created by another run, or by one that was killed right there
        time.sleep(_moment_s())
        holder = _holder(path)
    if holder is None or not _alive(path, holder):
        write_atomic(path, _stamp(mine))
        # of several runs that come to take over, the last writer gets it
        time.sleep(_moment_s())
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


def _moment_s() -> float:
    """How long two runs that come at once may be apart."""
    return min(1.0, LEASE_REFRESH_S / 5)


def _refresh(url: str, owner: dict[str, Any]) -> bool:
    """Write the lease anew if it is still ``owner``'s; say whether it is."""
    fs, path = open_place(url)
    if not isinstance(fs, LocalFileSystem):
        held = _is_mine(url, owner)
        if held:
            write_atomic(url, _stamp(owner))
        return held
    # Within the very file that was looked at: who takes over puts another one in its place. A
    # process that is stopped in here, and wakes when that has happened, writes into one that has
    # no name any more.
    try:
        with Path(path).open("r+b", buffering=0) as file:
            held = _parsed(file.read()).get("id") == owner["id"]
            if held:
                file.seek(0)
                file.write(_stamp(owner))
    except FileNotFoundError:
        return False
    return held


def _stamp(owner: dict[str, Any]) -> bytes:
    """Say who holds a lease and since when it is fresh, always in as many bytes."""
    return json.dumps({**owner, "time": f"{time.time():.3f}"}).encode()


def _parsed(content: bytes) -> dict[str, Any]:
    """Read a stamp; an empty one where none has been written yet."""
    try:
        return dict(json.loads(content))
    except ValueError:
        return {}


def _create(url: str, owner: dict[str, Any], tries: int = 20) -> bool:
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            with Path(path).open("xb") as file:
                file.write(_stamp(owner))
        except FileExistsError:
            return False
        except FileNotFoundError:  # whoever has just given it back removed the empty folder
            if not tries:
                raise
            return _create(url, owner, tries - 1)
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
            return _parsed(read_object(fs, path)) or None
        except FileNotFoundError:
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
