"""How an interpretation goes while it runs, in a few words: speed, failures, time left."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from seisproc.interpretation.plan import InterpretationPlan

if TYPE_CHECKING:
    from distributed import Client


ASK_S = 10.0
"""How often workers are asked how busy their GPUs are."""


class Pace:
    """The pace of one call: what it has done since it began, not what it found done.

    Parameters
    ----------
    plan : InterpretationPlan
    done : int
        Steps that were done before.
    total : int
        All steps.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self, plan: InterpretationPlan, done: int, total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._voxels = plan.live_traces * plan.shape[2] / max(1, total)
        self._before, self._total, self._clock = done, total, clock
        self._start = clock()

    def note(self, done: int, failed: int = 0, gpu: float | None = None) -> str:
        """Say how it goes after ``done`` steps, ``failed`` regions, at this use of the GPUs.

        A step is half a region's work, as a rule, so voxels are counted by halves too.
        """
        seconds, fresh = self._clock() - self._start, done - self._before
        words = []
        if fresh > 0 and seconds > 0:
            words.append(f"{_count(fresh * self._voxels / seconds)} voxels/s")
        if gpu is not None:
            words.append(f"GPU {gpu:.0f} %")
        if failed:
            words.append(f"{failed} failed")
        left = self._total - done
        if left > 0:
            words.append(f"{left} left")
            if fresh > 0:
                words.append(f"{duration(left * seconds / fresh)} to go")
        return ", ".join(words)


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
    told = [(worker.get("metrics", {}).get("gpu") or {}).get("utilization") for worker in workers]
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
