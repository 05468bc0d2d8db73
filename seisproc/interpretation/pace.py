"""How an interpretation goes while it runs, in a few words: speed, failures, time left."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seisproc.interpretation.plan import InterpretationPlan

if TYPE_CHECKING:
    from distributed import Client


FINISHING = 0.15
"""What it takes to finish a region over what its windows take, until both have been seen: as on
CPUs."""

ASK_S = 10.0
"""How often workers are asked how busy their GPUs are."""


@dataclass
class _Kind:
    """One of the two kinds of steps: those that this call has done, and their seconds."""

    done: int = 0
    seconds: float = 0.0

    @property
    def mean(self) -> float:
        """Seconds of a step; 0 if none is done."""
        return self.seconds / max(1, self.done)


class Pace:
    """The pace of one call: what it has done since it began, not what it found done.

    A region's windows are run in one step, and most regions are finished in another, which takes a
    small part of that, or much of it where a GPU runs the windows. So both are timed, and each step
    counts for what its kind takes: neither the speed nor the time that is left jumps where one kind
    comes to an end before the other.

    Parameters
    ----------
    plan : InterpretationPlan
    steps : int
        All that the plan takes: one a region, and another for each with seams.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self, plan: InterpretationPlan, steps: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._voxels = plan.live_traces * plan.shape[2]
        self._runs, self._finishes = len(plan.regions), steps - len(plan.regions)
        self._run, self._finish = _Kind(), _Kind()
        self._clock, self._start = clock, clock()

    def count(self, finishes: bool, seconds: float) -> None:
        """Count a step that is done: it finished a region, or ran its windows."""
        kind = self._finish if finishes else self._run
        kind.done += 1
        kind.seconds += seconds

    def note(
        self,
        runs_left: int,
        finishes_left: int,
        regions_left: int,
        failed: int = 0,
        gpu: float | None = None,
    ) -> str:
        """Say how it goes with so many steps of each kind to do, at this use of the GPUs.

        Regions that are left are neither finished nor ``failed``.
        """
        seconds, worked = self._clock() - self._start, self._run.seconds + self._finish.seconds
        words = []
        if worked > 0 and seconds > 0:
            share = worked / self._work(self._runs, self._finishes)
            words.append(f"{_count(self._voxels * share / seconds)} voxels/s")
        if gpu is not None:
            words.append(f"GPU {gpu:.0f} %")
        if failed:
            words.append(f"{failed} failed")
        if regions_left > 0:
            words.append(f"{regions_left} region{'s' if regions_left != 1 else ''} left")
            if worked > 0:
                left = self._work(runs_left, finishes_left) / worked
                words.append(f"{duration(left * seconds)} to go")
        return ", ".join(words)

    def _work(self, runs: int, finishes: int) -> float:
        """Seconds that workers' threads spend on so many steps of each kind."""
        run, finish = self._run.mean, self._finish.mean
        if not self._run.done:
            run = finish / FINISHING
        if not self._finish.done:
            finish = run * FINISHING
        return runs * run + finishes * finish


class GpuUse:
    """Mean use in per cent of the GPUs that Dask's workers tell of, asked for now and then.

    The answer is about all workers, so with many of them it is not asked for at every step.
    """

    def __init__(self, client: Client | None) -> None:
        self._client, self._asked = client, -math.inf
        self._use: float | None = None

    def __call__(self) -> float | None:
        """Return the use as it was told last; None where there is no GPU."""
        now = time.monotonic()
        if self._client is not None and now - self._asked >= ASK_S:
            self._asked = now
            with contextlib.suppress(OSError):  # whoever waits for the results learns of that
                self._use = _gpu_use(self._client)
        return self._use


def _gpu_use(client: Client) -> float | None:
    """Mean of what workers tell; of a GPU that is shared out (MIG) the driver does not know it."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    told = [worker.get("metrics", {}).get("gpu_utilization") for worker in workers]
    used = [float(use) for use in told if isinstance(use, int | float)]
    return sum(used) / len(used) if used else None


def duration(seconds: float) -> str:
    """Write seconds in words that fit their size.

    >>> duration(8.2), duration(200), duration(9000), duration(200_000)
    ('8 s', '3 min', '2.5 h', '2.3 days')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def _count(number: float) -> str:
    """Write a large number with three digits.

    >>> _count(950.0), _count(1.234e6)
    ('950', '1.23 M')
    """
    for size, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{name}"
    return f"{number:.3g}"
