"""Who worked when on an interpretation, and on what: from the records of its steps.

A step's record names the worker and when it began and ended, in seconds of its clock, beside the
seconds that went into each kind of work.
"""

from __future__ import annotations

import os
import socket
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

GAP = 0.002
"""Pauses shorter than this share of the whole time are not told apart: a bar of a picture."""

MOST_WORKERS = 128
"""Workers that a timeline keeps one by one; of the others it keeps the sums."""


@cache
def worker_name() -> str:
    """Name of this process among all that work: its Dask worker's, or its machine and number."""
    try:
        from distributed import get_worker

        return str(get_worker().name)
    except (ImportError, ValueError):  # not on a worker
        return f"{socket.gethostname()}-{os.getpid()}"


def stamp(started: float, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Say in a record who did a step that began at ``started`` (:func:`time.time`), and when."""
    return {
        "worker": worker_name(),
        "started": round(started, 3),
        "ended": round(time.time(), 3),
        "seconds": {kind: round(value, 4) for kind, value in seconds.items()},
    }


@dataclass
class WorkerTime:
    """What one worker did.

    Attributes
    ----------
    steps : int
    busy : list of (float, float)
        When it worked, in seconds since the first step began; short pauses are left out.
    seconds : Counter
        By kind of work: load, read, infer, blend, write.
    """

    steps: int = 0
    busy: list[tuple[float, float]] = field(default_factory=list)
    seconds: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> float:
        """Seconds in its steps."""
        return sum(stop - start for start, stop in self.busy)


@dataclass(frozen=True)
class Timeline:
    """All workers of an interpretation, those that worked longest first.

    Attributes
    ----------
    workers : dict of WorkerTime
        By name; what came after the first 128 is added up under ``and N others``.
    span : float
        Seconds from the first step's beginning to the last one's end, pauses between runs included.
    worker_hours : float
        How long workers were at it, all together: a worker counts once, whatever its threads did at
        a time, since workers are what is paid for. Seconds by kind of work are those of threads.
    """

    workers: dict[str, WorkerTime]
    span: float
    worker_hours: float

    def to_json(self) -> dict[str, Any]:
        """Write it as JSON, for a product's attributes."""
        return {
            "span_s": round(self.span, 1),
            "worker_hours": round(self.worker_hours, 4),
            "workers": {
                name: {
                    "steps": each.steps,
                    "busy": [[round(a, 1), round(b, 1)] for a, b in each.busy],
                    "seconds": {kind: round(value, 2) for kind, value in each.seconds.items()},
                }
                for name, each in self.workers.items()
            },
        }

    @classmethod
    def from_json(cls, entries: Mapping[str, Any]) -> Timeline:
        """Read what :meth:`to_json` wrote."""
        workers = {
            name: WorkerTime(
                each["steps"], [(a, b) for a, b in each["busy"]], Counter(each["seconds"])
            )
            for name, each in entries["workers"].items()
        }
        return cls(workers, float(entries["span_s"]), float(entries["worker_hours"]))


def timeline(stamps: Iterable[Mapping[str, Any]]) -> Timeline:
    """Add up the stamps of steps, as :func:`stamp` makes them; others are passed over.

    >>> told = timeline([
    ...     {"worker": "a", "started": 10.0, "ended": 14.0, "seconds": {"infer": 3.0}},
    ...     {"worker": "a", "started": 14.0, "ended": 16.0, "seconds": {"infer": 2.0}},
    ...     {"worker": "b", "started": 11.0, "ended": 12.0, "seconds": {"infer": 1.0}},
    ... ])
    >>> told.workers["a"].busy, told.workers["b"].busy, told.span
    ([(0.0, 6.0)], [(1.0, 2.0)], 6.0)
    """
    workers: dict[str, WorkerTime] = {}
    times: dict[str, array[float]] = {}
    for each in stamps:
        if "worker" in each:
            name = str(each["worker"])
            worker = workers.setdefault(name, WorkerTime())
            worker.steps += 1
            worker.seconds.update(each["seconds"])
            # A million steps: numbers side by side, not objects.
            times.setdefault(name, array("d")).extend((each["started"], each["ended"]))
    if not times:
        return Timeline({}, 0.0, 0.0)
    steps = {name: np.asarray(those).reshape(-1, 2) for name, those in times.items()}
    first = min(float(those[:, 0].min()) for those in steps.values())
    span = max(float(those[:, 1].max()) for those in steps.values()) - first
    for name, those in steps.items():
        for start, stop in (those[np.argsort(those[:, 0], kind="stable")] - first).tolist():
            _extend(workers[name].busy, start, stop, GAP * span)
    hours = sum(_covered(those) for those in steps.values()) / 3600
    return Timeline(_longest(workers, GAP * span), span, hours)


def _covered(steps: NDArray[np.float64]) -> float:
    """Seconds in which a worker had any step under way; steps as (start, stop), in any order.

    >>> _covered(np.array([[0.0, 4.0], [5.0, 7.0], [1.0, 2.0], [3.0, 6.0]]))
    7.0
    """
    start, stop = steps[np.argsort(steps[:, 0], kind="stable")].T
    reached = np.maximum.accumulate(np.concatenate([start[:1], stop[:-1]]))
    return float(np.maximum(stop - np.maximum(start, reached), 0.0).sum())


def _extend(busy: list[tuple[float, float]], start: float, stop: float, gap: float) -> None:
    """Add a step that began after all before it did; several may run at a time."""
    if busy and start <= busy[-1][1] + gap:
        busy[-1] = (busy[-1][0], max(busy[-1][1], stop))
    else:
        busy.append((start, stop))


def _longest(workers: dict[str, WorkerTime], gap: float) -> dict[str, WorkerTime]:
    names = sorted(workers, key=lambda name: (-workers[name].total, name))
    kept = {name: workers[name] for name in names[:MOST_WORKERS]}
    if rest := names[MOST_WORKERS:]:
        others = WorkerTime()
        for start, stop in sorted(part for name in rest for part in workers[name].busy):
            _extend(others.busy, start, stop, gap)
        for name in rest:
            others.steps += workers[name].steps
            others.seconds.update(workers[name].seconds)
        kept[f"and {len(rest)} others"] = others
    return kept
