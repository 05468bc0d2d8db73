"""A function over any number of items, in this process or on a Dask cluster, a handful at a time.

Neither the client nor the scheduler ever knows more than what is under way: items are taken from an
iterator as others complete. Items that take no time travel in groups, since a task of Dask's costs
a millisecond or two however little it does.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import pickle
import queue
import time
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from seisproc.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

GROUP_S, LARGEST_GROUP = 0.05, 64
"""Items of one task: as many as take this long by what the last ones took, and no more than so
many. An item of a second travels alone."""

RECOUNT_S = 1.0
"""How often the workers' threads are counted."""

WATCH_S = 60.0
"""How long nothing may complete until the cluster is asked whether it still has workers."""

NO_WORKERS_S = 3600.0
"""How long a cluster may be without any: batch systems take theirs away and give others."""


@dataclass(frozen=True)
class Later:
    """Stands among the items where there is none now: ask again after the next outcome.

    Or after ``seconds``, if that is sooner.
    """

    seconds: float = math.inf


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """What became of one item: its result, or the error that it raised."""

    item: Item
    result: Result | None
    error: Exception | None


def map_bounded(
    function: Callable[[Item], Result],
    items: Iterable[Item | Later],
    client: Client | None = None,
    *,
    in_flight: int | None = None,
    priority: int = 0,
    resources: dict[str, float] | None = None,
) -> Generator[Outcome[Item, Result], None, None]:
    """Apply ``function`` to every item and yield outcomes as they complete, in any order.

    Without a client the items run here, one after the other. With one, at most ``in_flight``
    (default: twice the cluster's threads) tasks exist at a time: 60,000 unbounded futures cost
    98 s and 611 MB on a scheduler. An item's error is handed over, not raised; what the caller
    does with it is the caller's policy. The caller has seen every outcome before further items are
    taken, so that an iterator may depend on them. An item whose workers died again and again is
    tried once more when nothing else is under way, since it may have been another one's doing.

    Raises
    ------
    ClusterError
        If the cluster has no workers, or is lost on the way.
    """
    source = _Source(items)
    if client is None:
        while taken := source.take_when_due(1):
            yield _outcome(function, taken[0])
        return
    crew = _Crew(client, function, priority, resources or {})
    try:
        while True:
            limit = in_flight or 2 * crew.threads()
            while not crew.alone and (room := limit - len(crew.running)) > 0:
                idle = not (crew.running or crew.suspects)
                take = source.take_when_due if idle else source.take
                taken = take(room * crew.group_size)
                if not taken:
                    break
                crew.submit(taken)
            if not crew.running and not crew.submit_suspect():
                return
            for outcomes in crew.completed(source.wait_s):
                yield from outcomes
    finally:
        crew.cancel()


class _Source(Generic[Item]):
    """Where the items come from, one after the other, some of them later."""

    def __init__(self, items: Iterable[Item | Later]) -> None:
        self._items = iter(items)
        self.wait_s = math.inf

    def take(self, count: int) -> list[Item]:
        """Take up to so many items, as many as there are now."""
        self.wait_s = math.inf
        taken: list[Item] = []
        for item in self._items:
            if isinstance(item, Later):
                self.wait_s = item.seconds
                break
            taken.append(item)
            if len(taken) == count:
                break
        return taken

    def take_when_due(self, count: int) -> list[Item]:
        """Take items while nothing is under way: wait for the first; none at the end."""
        while True:
            taken = self.take(count)
            if taken or math.isinf(self.wait_s):
                return taken
            time.sleep(self.wait_s)


class _Crew(Generic[Item, Result]):
    """The cluster at work: groups of items under way, and those that have completed."""

    def __init__(
        self,
        client: Client,
        function: Callable[[Item], Result],
        priority: int,
        resources: dict[str, float],
    ) -> None:
        self._client, self._function = client, function
        self._options: dict[str, Any] = {
            "pure": False, "priority": priority, "resources": resources,
        }
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.running: dict[Any, list[Item]] = {}
        self.suspects: deque[Item] = deque()
        self.alone = False
        self.group_size = 1
        self._threads, self._counted = 0, -math.inf
        self._seen_workers = time.monotonic()
        if not self.threads():
            raise ClusterError(
                "The Dask cluster has no workers",
                expected="at least one",
                do="Start workers, or wait until the cluster has scaled up",
            )

    def threads(self) -> int:
        """Threads of all workers, counted anew each second: an adaptive cluster grows and shrinks.

        Where all are gone for the moment, as many as there were: others will come.
        """
        now = time.monotonic()
        if now - self._counted >= RECOUNT_S:
            self._threads = sum(self._workers().values()) or self._threads
            self._counted = now
        return self._threads

    def _workers(self) -> dict[str, int]:
        """Ask the scheduler for its workers' threads."""
        try:
            return dict(self._client.nthreads())
        except (OSError, AttributeError) as error:  # the client has noticed, and has none any more
            raise _lost() from error

    def submit(self, items: list[Item]) -> None:
        """Send items to the workers, in groups."""
        size = self.group_size
        self._send([items[n : n + size] for n in range(0, len(items), size)])

    def submit_suspect(self) -> bool:
        """Send one item that was about when workers died, now that nothing else is under way."""
        if self.suspects:
            self.alone = True
            self._send([[self.suspects.popleft()]])
        return self.alone

    def _send(self, groups: list[list[Item]]) -> None:
        from dask.utils import funcname

        run = functools.partial(_run_group, self._function)
        futures = self._client.map(run, groups, key=funcname(self._function), **self._options)
        for future, group in zip(futures, groups, strict=True):
            self.running[future] = group
            future.add_done_callback(self._done.put)

    def completed(self, wait_s: float) -> Iterator[list[Outcome[Item, Result]]]:
        """Yield the outcomes of each group that has completed; wait for one, but not for ever."""
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        found = self._next(wait_s)
        results: dict[Any, Any] = {}
        for future in list(found):
            if future.status == "finished":
                try:
                    with contextlib.suppress(CancelledError):
                        results[future] = future.result()
                except CommClosedError as error:
                    raise _lost() from error
            if future.status == "cancelled":
                raise _lost()
            if future not in results and future.status != "error":
                # It went with the worker that held it, and is being made again.
                found.remove(future)
                future.add_done_callback(self._done.put)
        alone, self.alone = self.alone, False if found else self.alone
        for future in found:
            group = self.running.pop(future)
            if future in results:
                outcomes, seconds = results[future]
                self.group_size = max(
                    1, min(LARGEST_GROUP, int(GROUP_S * len(group) / max(seconds, 1e-6)))
                )
                yield [Outcome(item, *each) for item, each in zip(group, outcomes, strict=True)]
            elif len(group) > 1:  # which of them it was shows when each runs alone
                self.group_size = 1
                self._send([[item] for item in group])
            elif isinstance(future.exception(), KilledWorker) and not alone:
                # Dask also accuses what was only waiting on the worker that another item killed
                self.suspects.append(group[0])
            else:
                yield [Outcome(group[0], None, future.exception())]

    def _next(self, wait_s: float) -> list[Any]:
        end = time.monotonic() + wait_s
        found: list[Any] = []
        while not found:
            left = end - time.monotonic()
            if left <= 0:
                return []
            try:
                found.append(self._done.get(timeout=min(left, WATCH_S)))
            except queue.Empty:
                if left > WATCH_S:
                    self._watch()
        self._seen_workers = time.monotonic()
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def _watch(self) -> None:
        """Look whether there are workers; a cluster that has none for long is given up."""
        if self._workers():
            self._seen_workers = time.monotonic()
        elif time.monotonic() - self._seen_workers > NO_WORKERS_S:
            raise ClusterError(
                "The Dask cluster has lost all its workers",
                found=f"none for {NO_WORKERS_S / 60:.0f} minutes",
                do="Start workers and run the same command again: it resumes",
            )
        else:
            log.warning("the Dask cluster has no workers; waiting for some")

    def cancel(self) -> None:
        """Give up what is still under way."""
        if self.running:
            self._client.cancel(list(self.running), force=True)
            self.running.clear()


def _lost() -> ClusterError:
    return ClusterError(
        "The Dask scheduler was lost, or the work was cancelled",
        do="Run the same command again: it resumes where this run stopped",
    )


def _outcome(function: Callable[[Item], Result], item: Item) -> Outcome[Item, Result]:
    try:
        return Outcome(item, function(item), None)
    except Exception as error:  # noqa: BLE001 - handed to the caller, who decides
        return Outcome(item, None, error)


def _run_group(
    function: Callable[[Item], Result], items: list[Item]
) -> tuple[list[tuple[Result | None, Exception | None]], float]:
    """Run a group of items on a worker: results and errors in order, and the seconds it took."""
    start, outcomes = time.perf_counter(), []
    for item in items:
        outcome = _outcome(function, item)
        error = outcome.error
        if error is not None:
            log.info("%s: %s", type(error).__name__, error, exc_info=error)
            error = _portable(error)
        outcomes.append((outcome.result, error))
    return outcomes, time.perf_counter() - start


def _portable(error: Exception) -> Exception:
    """Return an error as it can travel: some cannot be pickled, or not be unpickled."""
    try:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled just now
    except Exception:  # noqa: BLE001 - whatever its class makes of it
        return RuntimeError(f"{type(error).__name__}: {error}")
    return copy if isinstance(copy, type(error)) else RuntimeError(str(error))
