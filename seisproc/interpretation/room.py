"""Whether a plan fits on its disk: its volumes, and what regions hand over before they are whole.

Partial sums and finished interiors lie in the work folder until the last neighbour has run. Of a
small survey that is nearly all of it at a time, and more than its volumes::

    row      written | waits for the next row | runs | has been handed something | nothing yet
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque

from dask.utils import format_bytes

from seisproc.errors import SpaceError
from seisproc.folders import free_bytes
from seisproc.interpretation.handover import is_in_parts
from seisproc.interpretation.memory import SUMS_WRITTEN
from seisproc.interpretation.neighbours import Neighbours
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.regions import Number
from seisproc.interpretation.standing import is_finished, published
from seisproc.interpretation.stock import Stock
from seisproc.records import Records, work_url

BLOCK = 4096
"""Bytes in whole numbers of which a disk gives room to a file."""

REHEARSED = 4096
"""Regions whose order is followed: with more of them, no more lies there at a time than with these,
since they are done row by row along the shorter side."""


def require_room(plan: InterpretationPlan, at_once: int = 1) -> None:
    """Refuse a plan that may not fit on its disk, even if its volumes did not compress.

    What regions hand over meanwhile is counted too, partial sums as they were measured to compress.
    What an earlier call wrote counts no more: a finished product needs no room, and one that was
    cut off that of the regions which are missing.

    Parameters
    ----------
    plan : InterpretationPlan
    at_once : int
        Regions that are under way at a time.

    Raises
    ------
    SpaceError
        If there is less room. Where nobody knows how much there is, nothing is refused.
    """
    free = free_bytes(plan.store_url)
    if free is None or free >= plan.output_bytes + _surely_handed_over(plan):
        return  # as a rule; the records need not be listed
    left = _left(plan, at_once)
    if free < left:
        resumed = _bytes_missing(plan, _stock(plan)) < plan.output_bytes
        raise SpaceError(
            f"the volumes may not fit beside {plan.store_url}",
            found=f"{format_bytes(free)} free",
            expected=f"{format_bytes(left)} for volumes before compression and what regions hand"
            " over meanwhile" + (", for the regions that are missing" if resumed else ""),
            do=f"Free {format_bytes(left - free)}" + (
                " and run the same command again: it resumes" if resumed else _ways_to_less(plan)
            ),
        )


def _ways_to_less(plan: InterpretationPlan) -> str:
    """Name what else makes a plan smaller, of what was asked for."""
    asked = [
        option for option, is_on in (
            ("--probability", "facies_probability" in plan.volumes),
            ("--variance", any(network.variance for network in plan.networks)),
        ) if is_on
    ]
    fewer = ", name fewer models" if len(plan.networks) > 1 else ""
    return fewer + (f", or leave out {' and '.join(asked)}" if asked else "")


def _surely_handed_over(plan: InterpretationPlan) -> int:
    """Bytes that all regions together hand over at most: no window more than once."""
    sums = sum(
        4 * network.channels * math.prod(
            count * window
            for count, window in zip(lattice.counts[:2], lattice.window[:2], strict=True)
        )
        for network in plan.networks for lattice in network.lattices
    )
    return sums * plan.shape[2] if plan.hands_over else 0


def _stock(plan: InterpretationPlan) -> Stock:
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    return Stock(plan, Records(f"{work}/records"))


def _bytes_missing(plan: InterpretationPlan, stock: Stock) -> int:
    """Size before compression of the regions that are not written."""
    missing = (number for number in plan.regions if not stock.is_finished(number))
    return sum(plan.regions.area(number).size for number in missing) * _of_a_trace(plan)


def _of_a_trace(plan: InterpretationPlan) -> int:
    return plan.output_bytes // math.prod(plan.shape[:2])


def _left(plan: InterpretationPlan, at_once: int) -> int:
    """Bytes that the rest of a plan takes at a time, at most."""
    if is_finished(plan, published(plan)):
        return 0
    return Rehearsal(plan, _stock(plan), at_once).peak


class Rehearsal:
    """A run without any work: what would lie on the disk, step by step.

    Parameters
    ----------
    plan : InterpretationPlan
    stock : Stock
        What is recorded. It is used up: the steps are noted in it.
    at_once : int
        Regions that are under way at a time: so many begin before one that may be finished is.

    Attributes
    ----------
    peak : int
        Most bytes at a time that the run adds to those which are there.
    """

    def __init__(self, plan: InterpretationPlan, stock: Stock, at_once: int) -> None:
        self._plan, self._stock = plan, stock
        lattices = [lattice for network in plan.networks for lattice in network.lattices]
        self._near = Neighbours(plan.regions, lattices if plan.hands_over else ())
        self._handed: Counter[Number] = Counter()
        self._written, self.peak, most_handed = 0, 0, 0
        missing = _bytes_missing(plan, stock)
        ready: deque[tuple[int, Number]] = deque()
        runs = iter(stock.to_run())
        for step, number in enumerate(itertools.islice(runs, REHEARSED)):
            self._run(number)
            while due := stock.next_ready():
                ready.append((step + at_once, due[0]))
            self._note_peak()
            most_handed = max(most_handed, self._handed.total())
            while ready and ready[0][0] <= step:
                self._finish(ready.popleft()[1])
        if next(runs, None) is None:
            while due := stock.next_ready():
                ready.append((0, due[0]))
            for _, number in ready:
                self._finish(number)
        else:
            self.peak = max(self.peak, missing + most_handed)

    def _run(self, number: Number) -> None:
        """Hand over what a region's windows leave for later."""
        seamless = self._near.is_seamless(number)
        if seamless:
            self._written += self._plan.regions.area(number).size * _of_a_trace(self._plan)
        for taker in self._near.takers(number):
            if taker != number or not seamless or is_in_parts(self._plan):
                self._handed[taker] += self._between(number, taker)
        if seamless:  # what its parts left is added up and discarded in the same step
            self._note_peak()
            self._handed.pop(number, None)
        self._stock.note_run(number, "")

    def _finish(self, number: Number) -> None:
        """Write a region, and then discard what it was made from."""
        self._written += self._plan.regions.area(number).size * _of_a_trace(self._plan)
        self._note_peak()
        self._handed.pop(number, None)
        self._stock.note_finished(number)

    def _note_peak(self) -> None:
        self.peak = max(self.peak, self._written + self._handed.total())

    def _between(self, giver: Number, taker: Number) -> int:
        """Bytes that one region hands to another; to itself its seams, and its interior.

        In parts a region hands all sums over, each part's by itself, and has no interior.
        """
        plan, regions, in_parts = self._plan, self._plan.regions, is_in_parts(self._plan)
        depth, slabs = plan.shape[2], len(plan.parts) * -(-plan.shape[2] // plan.slab)
        found = 0
        for network in plan.networks:
            traces = 0
            for lattice in network.lattices:
                reach = regions.reach([lattice], giver)
                if reach is not None:
                    common = reach.intersection(regions.area(taker))
                    traces += common.size
            if giver == taker:
                interior = 0 if in_parts else regions.interior(network.lattices, giver).size
                traces -= interior if len(network.lattices) == 1 else 0
                classes = sum(math.prod(lead) for lead in network.volumes.values())
                found += interior * depth * classes + (slabs * BLOCK if interior else 0)
            if traces:
                sums = 4 * network.channels * traces * depth
                found += int(SUMS_WRITTEN * sums) + slabs * BLOCK
        return found
