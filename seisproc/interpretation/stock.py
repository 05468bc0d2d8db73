"""What is recorded of every region, and which step may start now, in a few bytes a region.

A plan may have a million regions; what is known of them is held in flat arrays, some twenty bytes
each, and the steps that follow from it are worked out as they are asked for.
"""

from __future__ import annotations

import re
from array import array
from collections import deque
from collections.abc import Iterator

import numpy as np

from seisproc.interpretation.handover import ATTEMPT
from seisproc.interpretation.neighbours import Neighbours
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.region_steps import RAN
from seisproc.interpretation.regions import Number
from seisproc.records import Records

_KEY = re.compile(rf"({RAN})?([0-9]+)-([0-9]+)")


class Stock:
    """The state of every region of a plan.

    A region is *run* once its windows have run and were handed over, and *finished* once its shards
    are written. One without seams is finished as it is run.

    Parameters
    ----------
    plan : InterpretationPlan
    records : Records
        What earlier calls have recorded; their names are listed, none is opened.

    Attributes
    ----------
    finished, failed : int
        Regions.
    steps, steps_left : int
        All that the plan takes: one a region, and another for each with seams; and those to do,
        without the regions that have failed.
    runs_left : int
        Of the steps to do, those that run a region's windows.
    """

    def __init__(self, plan: InterpretationPlan, records: Records) -> None:
        lattices = [lattice for network in plan.networks for lattice in network.lattices]
        self._near = Neighbours(plan.regions, lattices if plan.hands_over else ())
        self._count, self._columns = len(plan.regions), plan.regions.counts[1]
        self._is_run, self._is_finished = bytearray(self._count), bytearray(self._count)
        self._has_failed = bytearray(self._count)
        self._attempts = np.zeros(self._count, f"S{ATTEMPT}")
        self._read(records)
        self._missing = array("H", bytes(2 * self._count))
        self._ready: deque[Number] = deque()
        self.finished, self.failed = sum(self._is_finished), 0
        self.steps = self.steps_left = self.runs_left = 0
        self._count_steps()

    def _read(self, records: Records) -> None:
        for name in records.names():
            found = _KEY.fullmatch(name.key) if name.state == "done" else None
            if found is None:
                continue
            at = self._at((int(found[2]), int(found[3])))
            # One with seams may be finished, and what it handed over lost: then it is run again.
            if found[1] or self._near.is_seamless((int(found[2]), int(found[3]))):
                self._attempts[at] = name.checksum.rpartition("-")[2].encode()
                self._is_run[at] = 1
            if not found[1]:
                self._is_finished[at] = 1

    def _count_steps(self) -> None:
        """Count for every region with seams how many must run before it; and all steps."""
        for number in self._near.in_order():
            at = self._at(number)
            seamless = self._near.is_seamless(number)
            self.steps += 1 if seamless else 2
            must_run = self._must_run(number)
            self.steps_left += must_run
            self.runs_left += must_run
            if seamless or self._is_finished[at]:
                continue
            self.steps_left += 1
            givers = self._near.givers(number)
            self._missing[at] = sum(not self._is_run[self._at(giver)] for giver in givers)
            if not self._missing[at]:
                self._ready.append(number)

    def _at(self, number: Number) -> int:
        return number[0] * self._columns + number[1]

    def _must_run(self, number: Number) -> bool:
        """Whether a region's windows have not run, and any region waits for them."""
        if self._is_run[self._at(number)]:
            return False
        return not all(self._is_finished[self._at(taker)] for taker in self._near.takers(number))

    def to_run(self) -> Iterator[Number]:
        """Yield the regions whose windows are to run, neighbours soon after each other."""
        return (number for number in self._near.in_order() if self._must_run(number))

    def next_ready(self) -> tuple[Number, dict[Number, str]] | None:
        """Take a region that can be finished, with the attempts of all who hand to it."""
        if not self._ready:
            return None
        number = self._ready.popleft()
        givers = self.givers(number)
        return number, {giver: self._attempts[self._at(giver)].decode() for giver in givers}

    def givers(self, number: Number) -> list[Number]:
        """Regions that a region is finished from: itself, and who hands to it; sorted."""
        return sorted(self._near.givers(number))

    def note_run(self, number: Number, attempt: str) -> None:
        """Note that a region's windows have run; others may be ready now."""
        at = self._at(number)
        self._is_run[at], self._attempts[at] = 1, attempt.encode()
        self.steps_left -= 1
        self.runs_left -= 1
        if self._near.is_seamless(number):
            self._is_finished[at] = 1
            self.finished += 1
        for taker in self._near.takers(number):
            waiting = self._at(taker)
            if self._missing[waiting]:
                self._missing[waiting] -= 1
                if not self._missing[waiting]:
                    self._ready.append(taker)

    def note_finished(self, number: Number) -> None:
        """Note that a region with seams is written."""
        self._is_finished[self._at(number)] = 1
        self.finished += 1
        self.steps_left -= 1

    def note_failed(self, number: Number) -> None:
        """Note that a region has failed, and is not tried again by this call."""
        at = self._at(number)
        if self._has_failed[at]:
            return
        self._has_failed[at] = 1
        self.failed += 1
        must_run = self._must_run(number)
        self.runs_left -= must_run
        must_finish = not (self._near.is_seamless(number) or self._is_finished[at])
        self.steps_left -= must_run + must_finish

    @property
    def waiting(self) -> int:
        """Regions that are not finished and have not failed: they lack what a neighbour hands."""
        return self._count - self.finished - self.failed

    def is_finished(self, number: Number) -> bool:
        """Whether a region's shards are written."""
        return bool(self._is_finished[self._at(number)])
