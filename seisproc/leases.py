"""The right to write one product: an object that its holder keeps fresh, lest two runs write it."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from seisproc.errors import BusyError, SeisprocError, one_line
from seisproc.lease_objects import LeaseObject, lease_object, read_owner
from seisproc.lease_owners import Owner, is_running, is_seen_from_here, this_process
from seisproc.places import AccessError, open_place, require_writable, shown

LEASE_REFRESH_S = 5.0
LEASE_STALE_S = 30.0
"""A lease that was not refreshed for this long belonged to a process that died."""

WATCH_REFRESHES = 2.2
"""How long a lease of another host is watched before it is taken over, in times of refreshing:
clocks differ, so that it may look old and yet be alive."""

TRIES = 3
"""How often a lease is asked for that whoever had it gives back while it is watched."""


@dataclass(frozen=True)
class Right:
    """What a worker needs to know of a lease: whether the run that sent it still has it."""

    path: str
    owner: str
    product: str

    def is_held(self) -> bool:
        """Ask the place itself whether the lease is still that run's."""
        holder = read_owner(self.path)
        return holder is not None and holder["id"] == self.owner

    def require(self) -> None:
        """Stop work for a run that is over, before it writes beside the one that goes on.

        Raises
        ------
        BusyError
            If the lease is another run's, or nobody's, or not to be seen from here.
        """
        holder = read_owner(self.path)
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
            holder = read_owner(self.path)
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
        self._owner = this_process()
        self._object = lease_object(path, self._owner)
        self._lost = threading.Event()

    @property
    def right(self) -> Right:
        """What workers are told of it."""
        return Right(self._path, str(self._owner["id"]), self._product)

    def take(self) -> None:
        """Create the lease, or take over that of a dead run; BusyError if neither may be."""
        holder = None
        for _ in range(TRIES):
            holder = self._try_to_take()
            if holder is not None:
                break
        if holder is None or holder["id"] != self._owner["id"]:
            raise BusyError(
                f"{self._product} is being written by another run",
                found=None if holder is None else _named(holder),
                do="Wait for it to end, or stop it, then run again",
            )

    def _try_to_take(self) -> Owner | None:
        """Return who has it then; None if nobody does: whoever had it has given it back."""
        place = self._object
        holder = place.holder()
        if holder is None:
            if place.create():
                return self._owner
            # just being created by another run, or by one that was killed right there
            time.sleep(_moment_s())
            holder = place.holder()
        if holder is not None and (holder["id"] == self._owner["id"] or _alive(place, holder)):
            return holder
        if place.take_from(holder):
            return self._owner
        # of several runs that come to take over, the last writer may get it
        time.sleep(_moment_s())
        return place.holder()

    def refresh(self) -> bool:
        """Show that this run lives; false once another one has the lease."""
        # who watches it has seen it written anew less than a refresh before this one began
        if not self._object.refresh((WATCH_REFRESHES - 1) * LEASE_REFRESH_S):
            self._lost.set()
            return False
        return True

    def is_held(self) -> bool:
        """Ask the place itself whether the lease is still this run's."""
        return self._object.is_mine()

    def require(self, *, ask: bool = False) -> None:
        """Stop a run that lost its lease while it slept, before it spoils the other's work.

        Without ``ask`` what the last refresh found is good enough.

        Raises
        ------
        BusyError
            If another run holds it.
        """
        if self._lost.is_set() or (ask and not self.is_held()):
            found = None
            with contextlib.suppress(AccessError, OSError):
                found = self._found()
            raise BusyError(
                f"{self._product} was taken over by another run",
                found=found,
                do="Wait for the other one to end, then run again. A run that stands still, or "
                f"cannot write {shown(self._path)}, for half a minute loses it",
            )

    def _found(self) -> str:
        """Say what is there instead of this run's lease."""
        holder = self._object.holder()
        if holder is None:
            return "its lease is gone"
        if holder["id"] == self._owner["id"]:  # where nobody can tell what was there before
            return "this one stood still while it wrote its lease"
        return _named(holder)

    def give_back(self) -> None:
        """Let others have it, unless one has it already."""
        self._object.remove()


@contextlib.contextmanager
def lease(url: str, product: str) -> Iterator[Lease]:
    """Hold the right to write one product while the body runs.

    The lease is an object created only if absent and refreshed every few seconds. One whose owner
    is a dead process of this machine, or an owner elsewhere that has not refreshed it for half a
    minute, is taken over; it is watched for so long, whatever time is written in it. A run that
    finds its lease taken by another one never takes it back: before it publishes, it asks with
    :meth:`Lease.require`.

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
    try:
        held.take()
    except AccessError:  # it may have been made all the same, and its owner goes on to live
        with contextlib.suppress(AccessError, OSError):
            held.give_back()
        raise
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
        held.give_back()
        fs, where = open_place(path)
        if isinstance(fs, LocalFileSystem):  # object stores have no empty folders
            folder = Path(where).parent
            with contextlib.suppress(OSError):  # one that holds records or other work stays
                folder.rmdir()
                folder.parent.rmdir()


def _alive(place: LeaseObject, holder: Owner) -> bool:
    """Whether the holder of a lease lives, as far as can be seen from here.

    One elsewhere is watched by this machine's own clock: theirs may be ahead, or behind.
    """
    if is_seen_from_here(holder):
        return is_running(holder)
    looks_old = time.time() - float(holder["time"]) > LEASE_STALE_S
    patience_s = WATCH_REFRESHES * LEASE_REFRESH_S if looks_old else LEASE_STALE_S
    # counted in looks: time in which this process itself stands still is none of the other's
    for _ in range(math.ceil(patience_s / _moment_s())):
        time.sleep(_moment_s())
        now = place.holder()
        if now != holder:
            return now is not None
    return False


def _named(holder: Owner) -> str:
    return f"process {holder['pid']} on {holder['host']}"


def _moment_s() -> float:
    """How long two runs that come at once may be apart."""
    return min(1.0, LEASE_REFRESH_S / 5)
