"""A function over any number of items, in this process or on a Dask cluster, a handful at a time.

Neither the client nor the scheduler ever knows more than what is under way: items are taken from an
iterator as others complete. Items that take no time travel in groups, since a task of Dask's costs
a millisecond or two however little it does.

::

    map_bounded --items--> crew: who does what --groups--> outcomes.run_group, on a worker
                             |
                             +-- fitness: which workers fail at everything
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from seisproc.crew import Crew
from seisproc.outcomes import Item, Needs, Outcome, Result, run_one

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Later", "Needs", "Outcome", "map_bounded"]


@dataclass(frozen=True)
class Later:
    """Stands among the items where there is none now: ask again after the next outcome.

    Or after ``seconds``, if that is sooner.
    """

    seconds: float = math.inf


def map_bounded(
    function: Callable[[Item], Result],
    items: Iterable[Item | Later],
    client: Client | None = None,
    *,
    in_flight: int | None = None,
    priority: int = 0,
    needs: Callable[[Item], Needs] | None = None,
) -> Generator[Outcome[Item, Result], None, None]:
    """Apply ``function`` to every item and yield outcomes as they complete, in any order.

    Without a client the items run here, one after the other. With one, at most ``in_flight``
    (default: twice the cluster's threads) tasks exist at a time: 60,000 unbounded futures cost
    98 s and 611 MB on a scheduler. An item's error is handed over, not raised; what the caller
    does with it is the caller's policy, to which belongs what an item ``needs`` of its worker. The
    caller has seen every outcome before further items are taken, so that an iterator may depend on
    them. An item whose workers died again and again is tried once more when nothing else is under
    way, since it may have been another one's doing. A worker that fails whatever it is given leaves
    the cluster, and what else it fails at is done elsewhere.

    Raises
    ------
    ClusterError
        If the cluster has no workers, or is lost on the way.
    """
    source = _Source(items)
    if client is None:
        while taken := source.take_when_due(1):
            yield run_one(function, taken[0])
        return
    crew = Crew(client, function, priority, needs or (lambda item: Needs()))
    try:
        while True:
            threads, wait_s = crew.threads(), math.inf
            limit = in_flight or 2 * threads
            while not crew.alone and (room := limit - len(crew.running)) > 0:
                idle = not (crew.running or crew.suspects)
                take = source.take_when_due if idle else source.take
                taken = crew.take_back(room) or take(room * crew.group_size)
                if not taken:
                    wait_s = source.wait_s
                    break
                crew.submit(taken)
            if not crew.running and not crew.submit_suspect():
                return
            for outcomes in crew.completed(wait_s):
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
