"""The cluster at work on items: groups of them under way, and those that have completed."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import queue
import time
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from seisproc.errors import ClusterError
from seisproc.outcomes import Group, Item, Needs, Outcome, Result, run_group
from seisproc.workforce import Workforce, in_words, lost, offers

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

GROUP_S, LARGEST_GROUP = 0.05, 64
"""Items of one task: as many as take this long by what those before took, and no more than so many.
An item of a second travels alone."""

SLOW_TO_BELIEVE = 0.7
"""Items are held to be no quicker than this part of what was thought: quick ones may come first."""

RECOUNT_S = 1.0
"""How often the workers' threads are counted."""

WATCH_S = 60.0
"""How long nothing may complete until the cluster is asked whether it still has workers."""

NO_WORKERS_S = 3600.0
"""How long a cluster may be without any, where neither its scheduler says so itself nor who opened
it: batch systems take theirs away and give others."""


@dataclass(frozen=True)
class _Sent(Generic[Item]):
    """Items under way together, what they need, and the only workers that may do them if any."""

    items: list[Item]
    needs: Needs
    only: frozenset[str]


class Crew(Generic[Item, Result]):
    """What the workers of a cluster have been sent, and what has come back.

    Parameters
    ----------
    client : distributed.Client
    function : callable
        What is done to each item.
    priority : int
        As Dask knows it.
    needs : callable
        What an item asks of its worker.

    Attributes
    ----------
    running : dict
        What is under way, by future.
    back : deque
        Items to be sent again: their group took too long, or their worker may be unfit.
    suspects : deque
        Items that were about when workers died.
    alone : bool
        Whether one of those is under way, and nothing else.
    """

    def __init__(
        self,
        client: Client,
        function: Callable[[Item], Result],
        priority: int,
        needs: Callable[[Item], Needs],
    ) -> None:
        self._client, self._function, self._needs = client, function, needs
        self._options: dict[str, Any] = {"pure": False, "priority": priority}
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.running: dict[Any, _Sent[Item]] = {}
        self.back: deque[Item] = deque()
        self.suspects: deque[Item] = deque()
        self.alone = False
        self._item_s = GROUP_S
        self._workers = Workforce(client)
        self._elsewhere: dict[int, frozenset[str]] = {}
        self._threads, self._counted = 0, -math.inf
        self._seen_workers = self._watched = time.monotonic()
        if not self.threads():
            self._await_first()

    def _await_first(self) -> None:
        """Begin without workers where somebody has said how long they may be waited for.

        The last one may have been lost since the client connected, and another one be on its way.

        Raises
        ------
        ClusterError
            If nobody has.
        """
        if self._workers.patience_s() is None:
            raise ClusterError(
                "The Dask cluster has no workers",
                expected="at least one",
                do="Start workers, or wait until the cluster has scaled up",
            )
        log.warning("the Dask cluster has no workers; waiting for some")
        self._threads = 1

    @property
    def group_size(self) -> int:
        """Items that travel together."""
        return max(1, min(LARGEST_GROUP, int(GROUP_S / self._item_s)))

    def threads(self) -> int:
        """Threads of all workers, counted anew each second: an adaptive cluster grows and shrinks.

        Where all are gone for the moment, as many as there were: others will come.
        """
        now = time.monotonic()
        if now - self._counted >= RECOUNT_S:
            self._threads = self._workers.count() or self._threads
            self._counted = now
        return self._threads

    def submit(self, items: list[Item]) -> None:
        """Send items to the workers, in groups of those that need the same."""
        alike: dict[Needs, list[Item]] = {}
        for item in items:
            needs = self._needs(item)
            if failed_on := self._elsewhere.pop(id(item), None):
                needs = Needs(needs.resources, needs.avoid | failed_on)
            alike.setdefault(needs, []).append(item)
        for needs, each in alike.items():
            size = 1 if needs.avoid else self.group_size
            self._send([each[n : n + size] for n in range(0, len(each), size)], needs)

    def take_back(self, count: int) -> list[Item]:
        """Take items that are to be sent again."""
        return [self.back.popleft() for _ in range(min(count, len(self.back)))]

    def submit_suspect(self) -> bool:
        """Send one item that was about when workers died, now that nothing else is under way."""
        if self.suspects:
            self.alone = True
            item = self.suspects.popleft()
            # Wherever there is room: Dask counts the workers that a task has killed only as long as
            # there are others that may do it.
            self._send([[item]], Needs(self._needs(item).resources), anywhere=True)
        return self.alone

    def _send(self, groups: list[list[Item]], needs: Needs, *, anywhere: bool = False) -> None:
        from dask.utils import funcname

        options = {**self._options, "resources": dict(needs.resources)}
        only = frozenset() if anywhere else self._workers.only(needs)
        if only:
            options["workers"] = sorted(only)
        run = functools.partial(run_group, self._function)
        futures = self._client.map(run, groups, key=funcname(self._function), **options)
        for future, group in zip(futures, groups, strict=True):
            self.running[future] = _Sent(group, needs, only)
            future.add_done_callback(self._done.put)

    def completed(self, wait_s: float) -> Iterator[list[Outcome[Item, Result]]]:
        """Yield the outcomes of each group that has completed; wait for one, but not for ever."""
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker, NoValidWorkerError, NoWorkerError

        found = [future for future in self._next(wait_s) if future in self.running]
        results: dict[Any, Group[Result]] = {}
        for future in list(found):
            if future.status == "finished":
                try:
                    with contextlib.suppress(CancelledError, FutureCancelledError):
                        results[future] = future.result()
                except CommClosedError as error:
                    raise lost() from error
            if future.status == "cancelled":
                raise lost()
            if future not in results and future.status != "error":
                # It went with the worker that held it, and is being made again.
                found.remove(future)
                future.add_done_callback(self._done.put)
        alone, self.alone = self.alone, False if found else self.alone
        for future in found:
            sent = self.running.pop(future)
            if future in results:
                yield self._judged(sent, results[future])
                continue
            failure = future.exception()
            if isinstance(failure, NoWorkerError | NoValidWorkerError):
                if not sent.only:
                    raise self._workers.all_lost(f"none for {failure.timeout:.0f} s", sent.needs)
                self.back.extend(sent.items)
            elif len(sent.items) > 1:  # which of them it was shows when each runs alone
                self._item_s = GROUP_S
                self._send([[item] for item in sent.items], sent.needs)
            elif isinstance(failure, KilledWorker) and not alone:
                # Dask also accuses what was only waiting on the worker that another item killed
                self.suspects.append(sent.items[0])
            else:
                yield [Outcome(sent.items[0], None, failure)]

    def _judged(self, sent: _Sent[Item], group: Group[Result]) -> list[Outcome[Item, Result]]:
        """Learn from a group about items and workers; return the outcomes that count."""
        item_s = max(group.seconds / max(1, len(group.outcomes)), 1e-6)
        quickest = SLOW_TO_BELIEVE if group.is_sound else 1.0  # to fail takes no time
        self._item_s = max(item_s, quickest * self._item_s)
        self.back.extend(sent.items[len(group.outcomes) :])
        workers, outcomes = self._workers, []
        for item, (result, error) in zip(sent.items, group.outcomes, strict=False):
            if error is None:
                workers.note_success(group.worker, item)
            elif workers.may_be_done_elsewhere(item, error, group.worker, sent.needs):
                self.back.append(item)
                self._elsewhere[id(item)] = sent.needs.avoid | {group.worker}
                continue
            outcomes.append(Outcome(item, result, error, group.worker))
        workers.let_unfit_go()
        return outcomes

    def _next(self, wait_s: float) -> list[Any]:
        end = time.monotonic() + wait_s
        found: list[Any] = []
        while not found:
            now = time.monotonic()
            if now >= self._watched + WATCH_S:
                self._watch()
                self._watched = now
            if now >= end:
                return []
            with contextlib.suppress(queue.Empty):
                found.append(self._done.get(timeout=min(end, self._watched + WATCH_S) - now))
        self._seen_workers = time.monotonic()
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def _watch(self) -> None:
        """Look whether there are workers for what is under way; if none for long, give up."""
        told = self._workers.told()
        self._free_stranded(told)
        lacking = [
            sent.needs for sent in self.running.values()
            if not any(offers(each.get("resources"), sent.needs.resources)
                       for each in told.values())
        ]
        now = time.monotonic()
        if not lacking:
            self._seen_workers = now
            return
        said = self._workers.patience_s()
        patience_s = NO_WORKERS_S if said is None else said
        if now - self._seen_workers > patience_s:
            raise self._workers.all_lost(f"none for {patience_s:g} s", lacking[0])
        log.warning("the Dask cluster has no workers%s; waiting for some", in_words(lacking[0]))

    def _free_stranded(self, workers: Mapping[str, Any]) -> None:
        """Take back what is for workers that are all gone; it may be what has killed them."""
        stranded = [
            future for future, sent in self.running.items()
            if sent.only and not sent.only & workers.keys()
        ]
        for future in stranded:
            self.suspects.extend(self.running.pop(future).items)
        if stranded:
            self._client.cancel(stranded, force=True)

    def cancel(self) -> None:
        """Give up what is still under way."""
        if self.running:
            self._client.cancel(list(self.running), force=True)
            self.running.clear()
