"""Simulated time: a clock, what will happen when, and programs that live by it.

A program is a greenlet (which comes with Prefect): real code that waits somewhere deep inside, and
goes on there when its time has come. Nothing depends on the machine.
:meth:`Simulation.instead_of_time` puts the clock, and a queue to wait at by it, in the place of
``time`` and ``queue`` in modules that know nothing of all this.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import queue
from collections import deque
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import greenlet


class Simulation:
    """A clock, what will happen when, and programs that live by that clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.before_time_passes: Callable[[], None] = lambda: None
        self.as_time_passes: Callable[[float], None] = lambda seconds: None
        self._events: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = itertools.count()
        self._kernel = greenlet.getcurrent()
        self._alive = 0

    def at(self, when: float, action: Callable[[], Any]) -> None:
        """Do something at some time."""
        heapq.heappush(self._events, (when, next(self._order), action))

    def start(self, program: Callable[[], None]) -> None:
        """Start a program, now."""

        def live() -> None:
            program()
            self._alive -= 1

        self._alive += 1
        self.at(self.now, greenlet.greenlet(live, self._kernel).switch)

    def run(self) -> None:
        """Let time pass until all programs have ended; what one raises is raised here."""
        while self._alive:
            if self._events[0][0] > self.now:
                self.before_time_passes()
            if (seconds := self._events[0][0] - self.now) > 0:
                self.as_time_passes(seconds)
                self.now += seconds
            heapq.heappop(self._events)[2]()

    def sleep(self, seconds: float) -> None:
        """Let a program wait."""
        self.alarm(seconds)
        self.give_way()

    def alarm(self, seconds: float) -> Callable[[], None]:
        """Let a program go on after so long, or once what is returned is called."""
        program, over = greenlet.getcurrent(), []

        def wake() -> None:
            if not over:
                over.append(True)
                program.switch()

        if not math.isinf(seconds):
            self.at(self.now + seconds, wake)
        return wake

    def give_way(self) -> None:
        """Let the others go on until this program's alarm."""
        self._kernel.switch()

    @contextlib.contextmanager
    def instead_of_time(self, *modules: Any) -> Iterator[None]:
        """Let modules read this clock instead of the machine's, and wait by it."""
        clock = SimpleNamespace(sleep=self.sleep)
        for name in ("monotonic", "perf_counter", "time"):
            setattr(clock, name, lambda: self.now)
        queues = SimpleNamespace(SimpleQueue=lambda: SimulatedQueue(self), Empty=queue.Empty)
        with contextlib.ExitStack() as stack:
            for module in modules:
                for name, other in (("time", clock), ("queue", queues)):
                    if hasattr(module, name):
                        stack.enter_context(mock.patch.object(module, name, other))
            yield


class SimulatedQueue:
    """What :class:`queue.SimpleQueue` does, by the clock of a simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation, self._items = simulation, deque[Any]()
        self._wake: Callable[[], None] | None = None

    def put(self, item: Any) -> None:
        """Put an item, and wake who waits for one."""
        self._items.append(item)
        if self._wake is not None:
            # all that happens at this moment first: it is taken together
            self._simulation.at(self._simulation.now, self._wake)
            self._wake = None

    def get(self, timeout: float = math.inf) -> Any:
        """Take an item; queue.Empty if none comes in time."""
        if not self._items:
            self._wake = self._simulation.alarm(timeout)
            self._simulation.give_way()
            self._wake = None
        if not self._items:
            raise queue.Empty
        return self._items.popleft()

    def empty(self) -> bool:
        """Whether nothing is there."""
        return not self._items
