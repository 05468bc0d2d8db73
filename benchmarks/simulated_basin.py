"""A basin in simulated time: real plans and real jobs on a simulated cluster, with what goes wrong.

Some surveys are under way at once, all alike, as those of `seisproc basin` are; or the next one
begins as soon as a worker is idle, with a lower priority.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from simulated_cluster import Client, Cluster, Comings, WorkerDiesError
from simulated_time import Simulation

import seisproc.bounded
import seisproc.crew
import seisproc.interpretation.failures
import seisproc.interpretation.job
import seisproc.interpretation.pace
import seisproc.outcomes
from seisproc.errors import IncompleteError
from seisproc.interpretation.areas import windows_to_run
from seisproc.interpretation.handover import is_seamless
from seisproc.interpretation.job import Job, Step
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.regions import Number
from seisproc.leases import Right, lease

Seconds = Callable[[Number, bool, float], float]
"""Seconds of a step: of which region, whether it is the finishing one, and a draw in [0, 1)."""


def windows_of(plan: InterpretationPlan, number: Number) -> int:
    """Count the windows that a region runs."""
    count = 0
    for network in plan.networks:
        for lattice in network.lattices:
            i, j = (windows_to_run(plan, lattice, number, axis) for axis in (0, 1))
            count += (i.stop - i.start) * (j.stop - j.start) * lattice.counts[2]
    return count


def voxels_of(plan: InterpretationPlan, number: Number) -> int:
    """Count the voxels that a region writes."""
    return plan.regions.area(number).size * plan.shape[2]


@dataclass(frozen=True)
class Costs:
    """What steps take, from steps that were measured.

    Attributes
    ----------
    window_s, voxel_s : float
        Seconds of a window that is run, all that belongs to it included, and of a voxel of the
        region that is finished.
    scatter : (ndarray, ndarray)
        What single steps took over what these say, for both kinds of steps, float64 with mean 1.
    """

    window_s: float
    voxel_s: float
    scatter: tuple[NDArray[np.float64], NDArray[np.float64]]

    @classmethod
    def fit(
        cls, plan: InterpretationPlan, steps: Sequence[tuple[Number, bool, float]]
    ) -> Costs:
        """Take the means of measured steps: region, whether it finished it, seconds."""
        rates, scatter = [], []
        for kind, size_of in ((False, windows_of), (True, voxels_of)):
            told = [(size_of(plan, n), seconds) for n, finishes, seconds in steps
                    if finishes == kind]
            sizes, seconds = np.array(told, float).T
            rates.append(seconds.sum() / sizes.sum())
            ratios = seconds / (sizes * rates[-1])
            scatter.append(ratios / ratios.mean())
        return cls(rates[0], rates[1], (scatter[0], scatter[1]))

    def of(self, plan: InterpretationPlan) -> Seconds:
        """Seconds of the steps of a plan."""
        sizes = {n: (windows_of(plan, n), voxels_of(plan, n)) for n in plan.regions}
        rates = (self.window_s, self.voxel_s)

        def seconds(number: Number, finishes: bool, draw: float) -> float:
            scatter = self.scatter[finishes]
            return sizes[number][finishes] * rates[finishes] * scatter[int(draw * len(scatter))]

        return seconds


@dataclass(frozen=True)
class Troubles:
    """What goes wrong. Shares are of regions or steps.

    Attributes
    ----------
    poisoned, deadly : float
        Regions that fail each time that they are tried; that take their worker with them.
    passing : float
        Steps that fail once, e.g. since the store does not answer.
    slow_reads, times_slower : float
        Steps that wait for their data, and the mean of the exponential times that they take longer.
    comings : Comings
        Workers that die, are taken away, or are slow.
    """

    poisoned: float = 0.0
    deadly: float = 0.0
    passing: float = 0.0
    slow_reads: float = 0.0
    times_slower: float = 0.0
    comings: Comings = field(default_factory=Comings)


@dataclass(frozen=True)
class Told:
    """What came of a basin: seconds until all was published, worker seconds by what they went on.

    Attributes
    ----------
    failed : int
        Regions that were given up.
    incomplete : int
        Surveys that lack some.
    at_once : int
        Surveys that were under way at a time, at most.
    """

    seconds: float
    spent: Counter[str]
    failed: int
    incomplete: int
    at_once: int


@dataclass(frozen=True)
class Basin:
    """So many surveys of one plan.

    Attributes
    ----------
    plan : InterpretationPlan
    seconds : callable
        Of each step.
    surveys : int
    before_s, after_s : float
        Of each survey, in which no worker can work for it: planning and creating; publishing.
    troubles : Troubles
    seed : int
    """

    plan: InterpretationPlan
    seconds: Seconds
    surveys: int
    before_s: float = 0.0
    after_s: float = 0.0
    troubles: Troubles = field(default_factory=Troubles)
    seed: int = 0

    def run(self, workers: int, scheduler_s: float, *, at_once: int | None, work: Path) -> Told:
        """Interpret all surveys on a simulated cluster; ``work`` holds records of failures.

        So many surveys are under way at once, all alike. None: the next one begins as soon as a
        worker is idle, and takes only what those before it leave.
        """
        return _Run(self, workers, scheduler_s, at_once, work).told()


class _Run:
    def __init__(
        self, basin: Basin, workers: int, scheduler_s: float, limit: int | None, work: Path
    ) -> None:
        self.basin, self.limit, self.work = basin, limit, work
        self.simulation = Simulation()
        self.cluster = Cluster(
            self.simulation, workers, scheduler_s, basin.troubles.comings, basin.seed
        )
        plan = basin.plan
        self.windows = {number: windows_of(plan, number) for number in plan.regions}
        self.seams = {number for number in plan.regions if not is_seamless(plan, number)}
        self.waiting: dict[int, set[Number]] = {}
        self.draws: dict[int, NDArray[np.float64]] = {}
        self.tried: Counter[tuple[int, Number, bool]] = Counter()
        self.begun = self.preparing = self.under_way = 0
        self.failed = self.incomplete = self.at_once = 0
        self.cluster.waiting_for_neighbours = lambda: sum(map(len, self.waiting.values()))
        self.cluster.has_work = lambda: bool(self.waiting)
        self.simulation.before_time_passes = self._begin

    def told(self) -> Told:
        job = seisproc.interpretation.job
        with (
            self.simulation.instead_of_time(
                seisproc.bounded, seisproc.crew, seisproc.outcomes, job,
                seisproc.interpretation.failures, seisproc.interpretation.pace,
            ),
            mock.patch("distributed.get_worker", lambda: self.cluster.at_work),
            mock.patch.object(job, "do_step", self.do_step),
            lease(f"{self.work}/lease", self.basin.plan.product) as held,
        ):
            self.right = held.right  # a failure is recorded for a run that has one
            self._begin()
            self.simulation.run()
        return Told(
            self.simulation.now, self.cluster.spent, self.failed, self.incomplete, self.at_once
        )

    def _begin(self) -> None:
        """Begin with the next surveys, if it is time."""
        while self.begun < self.basin.surveys and self._is_time():
            survey = self.begun
            self.begun, self.preparing = self.begun + 1, self.preparing + 1
            self.under_way += 1
            self.at_once = max(self.at_once, self.under_way)
            self.simulation.start(functools.partial(self._live, survey))

    def _is_time(self) -> bool:
        if self.limit:
            return self.under_way < self.limit
        return not self.under_way or self.cluster.has_room and not self.preparing

    def _live(self, survey: int) -> None:
        """Interpret one survey."""
        self.simulation.sleep(self.basin.before_s)
        shape = (4, 2, *self.basin.plan.regions.counts)
        self.draws[survey] = np.random.default_rng([self.basin.seed, survey]).random(shape)
        self.waiting[survey] = set(self.seams)

        def submitted(step: Step) -> None:
            if step.attempts is not None:
                self.waiting[survey].discard(step.number)

        job = Job(self.basin.plan, str(self.work / f"survey-{survey}"), self.right, None)
        self.preparing -= 1
        with contextlib.suppress(IncompleteError):
            job.run(Client(self.cluster, 0 if self.limit else -survey, submitted))
        failed = sum(name.state == "failed" for name in job.records.names())
        self.failed += failed
        self.incomplete += failed > 0
        del self.waiting[survey], self.draws[survey]
        self.simulation.sleep(self.basin.after_s)
        self.under_way -= 1
        self._begin()

    def _share(self, *names: str) -> float:
        return math.fsum(getattr(self.basin.troubles, name) for name in names)

    def do_step(self, packed_plan: bytes, work: str, right: Right, step: Step) -> tuple[str, int]:
        """Spend what a step takes, as :func:`seisproc.interpretation.job.do_step` would."""
        survey, finishes = int(work.rpartition("-")[2]), step.attempts is not None
        length, luck, fate, delay = self.draws[survey][(slice(None), int(finishes), *step.number)]
        seconds = self.basin.seconds(step.number, finishes, length)
        troubles, spend = self.basin.troubles, self.cluster.spend
        tried = self.tried[survey, step.number, finishes]
        self.tried[survey, step.number, finishes] += 1
        if not finishes and fate < troubles.poisoned:
            spend(seconds / 2)
            raise ValueError("poisoned")
        if not finishes and fate < self._share("poisoned", "deadly"):
            spend(seconds / 2)
            raise WorkerDiesError
        if not tried and luck < troubles.passing:
            spend(seconds * delay)
            raise OSError("the store does not answer")
        spend(seconds)
        if not tried and luck < self._share("passing", "slow_reads"):
            spend(-seconds * troubles.times_slower * math.log(1 - delay), on="stragglers")
        return ("", 0) if finishes else ("0" * 12, self.windows[step.number])
