"""A Dask cluster in simulated time, under the real client code.

Real jobs (:class:`seisproc.interpretation.job.Job`) run on it through the real
:func:`seisproc.bounded.map_bounded`, several side by side. What is simulated is what they stand
on: the clock that they read and the queue that they wait at (``simulated_time.py``), a scheduler
that takes some time for every task, and workers that come, go, and take the seconds that a
function says.

::

    Job -> map_bounded -> Client.map -> scheduler (one at a time) -> pending -> workers
              ^                                                                  |
              +------------ SimulatedQueue.get <------- a task's callback -------+

A task is done at the moment that it begins, and what came of it is told at its end: the function
that does it calls :meth:`Cluster.spend` for the seconds that it takes, or raises
:class:`WorkerDiesError`. The work goes to whoever is idle, the highest priority and then the
oldest first, as Dask's scheduler does with tasks that need nothing from each other. A worker's
death does not accuse the tasks that were only waiting there, as Dask's scheduler does. A task that
has failed may come to the worker that it failed on.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from distributed.scheduler import KilledWorker
from simulated_time import Simulation

ALLOWED_FAILURES = 1
"""Workers that a task may take with it and be begun again; as our clusters set it."""


class WorkerDiesError(BaseException):
    """Ends a task whose worker does not survive it."""


@dataclass(eq=False)
class Future:
    """A task, and what its client knows of it."""

    run: Callable[[Any], Any]
    group: list[Any]
    priority: int
    number: int = field(default_factory=itertools.count().__next__)
    status: str = "pending"
    deaths: int = 0
    found: Any = None
    _callbacks: list[Callable[[Any], None]] = field(default_factory=list)

    def __lt__(self, other: Future) -> bool:
        return (-self.priority, self.number) < (-other.priority, other.number)

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call this at the end."""
        self._callbacks.append(callback)

    def result(self) -> Any:
        """Return what was found."""
        return self.found

    def exception(self) -> Any:
        """Return what went wrong."""
        return self.found

    def end(self, status: str, found: Any) -> None:
        """Tell what came of it."""
        self.status, self.found = status, found
        for callback in self._callbacks:
            callback(self)


@dataclass(eq=False)
class Worker:
    """One worker with one thread. ``life`` counts how often it has gone."""

    address: str
    slowness: float = 1.0
    state: str = "away"
    life: int = 0
    since: float = 0.0
    task: Future | None = None
    leaving: bool = False


@dataclass(frozen=True)
class Comings:
    """When workers go and come again: all in seconds, exponential; infinite where they don't.

    Attributes
    ----------
    dies_after, back_after : float
        A worker's process ends, e.g. for lack of memory; its nanny starts another.
    taken_after, given_after, notice : float
        A spot machine is taken away; its worker finishes its task if that takes no longer than the
        ``notice``. Another one comes.
    slow_share, slowness : float
        Share of the machines that are slower than others by a factor.
    """

    dies_after: float = math.inf
    back_after: float = 10.0
    taken_after: float = math.inf
    given_after: float = 300.0
    notice: float = 30.0
    slow_share: float = 0.0
    slowness: float = 1.0


class Cluster:
    """Workers and their scheduler. ``lost`` says in worker seconds where time went.

    Parameters
    ----------
    simulation : Simulation
    workers : int
    scheduler_s : float
        What client and scheduler need for a task; they do one after the other.
    comings : Comings
    seed : int
    """

    def __init__(
        self, simulation: Simulation, workers: int, scheduler_s: float, comings: Comings, seed: int
    ) -> None:
        self.simulation, self.comings = simulation, comings
        self._scheduler_s, self._scheduler_free = scheduler_s, 0.0
        self._random = np.random.default_rng(seed)
        self._in_scheduler = 0
        self.pending: list[Future] = []
        self.idle: list[Worker] = []
        self.away = workers
        self.workers = [Worker(f"worker {n}") for n in range(workers)]
        self.spent: Counter[str] = Counter()
        self.waiting_for_neighbours: Callable[[], int] = lambda: 0
        self.has_work: Callable[[], bool] = lambda: True
        self.at_work: Worker | None = None
        self._stint: Counter[str] = Counter()
        simulation.as_time_passes = self._account
        for worker in self.workers:
            self._come(worker)

    @property
    def has_room(self) -> bool:
        """Whether a worker has nothing to do, and nothing is on its way to it."""
        return bool(self.idle) and not self._in_scheduler

    def spend(self, seconds: float, on: str = "useful") -> None:
        """Let time pass within a task: so much on a machine as fast as others, for some cause."""
        assert self.at_work is not None
        self._stint[on] += seconds
        self._stint["stragglers"] += seconds * (self.at_work.slowness - 1)
        self.simulation.now += seconds * self.at_work.slowness

    def submit(self, future: Future) -> None:
        """Hand a task to the scheduler."""
        self._scheduler_free = max(self._scheduler_free, self.simulation.now) + self._scheduler_s
        self._in_scheduler += 1

        def assign() -> None:
            self._in_scheduler -= 1
            heapq.heappush(self.pending, future)
            self._dispatch()

        self.simulation.at(self._scheduler_free, assign)

    def _dispatch(self) -> None:
        while self.pending and self.idle:
            future = heapq.heappop(self.pending)
            if future.status == "pending":
                self._begin(self.idle.pop(), future)

    def _begin(self, worker: Worker, future: Future) -> None:
        worker.state, worker.task, worker.since = "busy", future, self.simulation.now
        self.at_work, self._stint = worker, Counter()
        dies = False
        try:
            found = future.run(future.group)
        except WorkerDiesError:
            found, dies = None, True
        end, self.simulation.now = self.simulation.now, worker.since
        stint, life = self._stint, worker.life

        def finish() -> None:
            if worker.life != life or worker.task is not future:
                return  # the worker has gone in between
            if dies:
                self._go(worker, self.comings.back_after)
                return
            if not found.is_sound:
                self.spent["failures"] += self.simulation.now - worker.since
            else:
                self.spent.update(stint)
            worker.task = None
            self._rest(worker)
            future.end("finished", found)

        self.simulation.at(end, finish)

    def _rest(self, worker: Worker) -> None:
        if worker.leaving:
            self._go(worker, self._draw(self.comings.given_after))
            return
        worker.state = "idle"
        self.idle.append(worker)
        self._dispatch()

    def _come(self, worker: Worker) -> None:
        self.away -= 1
        worker.leaving = False
        is_slow = self._random.random() < self.comings.slow_share
        worker.slowness = self.comings.slowness if is_slow else 1.0
        now, life = self.simulation.now, worker.life
        dies, taken = (self._draw(t) for t in (self.comings.dies_after, self.comings.taken_after))

        def die() -> None:
            if worker.life == life:
                self._go(worker, self.comings.back_after)

        def leave() -> None:
            if worker.life == life:
                worker.leaving = True
                if worker.task is None:
                    self._go(worker, self._draw(self.comings.given_after))
                else:
                    self.simulation.at(self.simulation.now + self.comings.notice, vanish)

        def vanish() -> None:
            if worker.life == life:
                self._go(worker, self._draw(self.comings.given_after))

        if not math.isinf(min(dies, taken)):
            self.simulation.at(now + min(dies, taken), die if dies < taken else leave)
        self._rest(worker)

    def _go(self, worker: Worker, seconds: float) -> None:
        """Let a worker go for so long, with the task that it has."""
        if worker in self.idle:
            self.idle.remove(worker)
        self.away += 1
        worker.state, worker.life = "away", worker.life + 1
        self.simulation.at(self.simulation.now + seconds, lambda: self._come(worker))
        future, worker.task = worker.task, None
        if future is None:
            return
        self.spent["failures"] += self.simulation.now - worker.since
        future.deaths += 1
        if future.deaths > ALLOWED_FAILURES:
            future.end("error", KilledWorker("region", worker, future.deaths))
        else:
            self.submit(future)

    def _draw(self, mean: float) -> float:
        return mean if math.isinf(mean) else float(self._random.exponential(mean))

    def _account(self, seconds: float) -> None:
        """Say why workers are idle: the scheduler, the seams, or nothing to be had at all."""
        idle = len(self.idle)
        for cause, count in (
            ("scheduler", self._in_scheduler),
            ("seams", self.waiting_for_neighbours()),
            ("tail" if self.has_work() else "between surveys", idle),
        ):
            taken = min(idle, count)
            self.spent[cause] += taken * seconds
            idle -= taken
        self.spent["away"] += self.away * seconds


class Client:
    """What :class:`distributed.Client` is to :func:`seisproc.bounded.map_bounded`."""

    def __init__(
        self, cluster: Cluster, priority: int = 0, on_submit: Callable[[Any], None] = lambda _: None
    ) -> None:
        self._cluster, self._priority, self._on_submit = cluster, priority, on_submit

    id = "simulated"

    def nthreads(self) -> dict[str, int]:
        """Threads of the workers that are there."""
        return {each.address: 1 for each in self._cluster.workers if each.state != "away"}

    def scheduler_info(self, n_workers: int = -1) -> dict[str, Any]:
        """Tell of the workers that are there; they offer nothing."""
        return {"workers": {address: {} for address in self.nthreads()}}

    def run(self, function: Callable[[], Any], **_: Any) -> dict[str, Any]:
        """Ask nobody: what they would say of a folder is not simulated."""
        return {}

    def run_on_scheduler(self, function: Callable[[Any], Any]) -> bool:
        """Say that the scheduler fails no task by itself for want of workers."""
        return False

    def retire_workers(self, workers: list[str], **_: Any) -> None:
        """Keep them: here none is at fault."""

    def map(
        self, run: Callable[[Any], Any], groups: list[list[Any]], *, priority: int, **_: Any
    ) -> list[Future]:
        """Submit groups of items."""
        futures = []
        for group in groups:
            futures.append(Future(run, group, priority + self._priority))
            self._cluster.submit(futures[-1])
            for item in group:
                self._on_submit(item)
        return futures

    def cancel(self, futures: list[Future], force: bool = False) -> None:
        """Give tasks up; what is under way ends by itself."""
        for future in futures:
            future.status = "cancelled"
