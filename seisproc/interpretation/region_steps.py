"""What the two steps of a region's work share: their slabs, records and times.

Both go down the column slab by slab, so that their memory does not grow with the depth of the
survey. A slab is final once every window that starts in it, or above it, has been added:

::

      read      | slab 0 | slab 1 | slab 2 |          and a window's length around it
      windows   [====][====]
                   [====]  |                          those that start in slab 0
      flush     | slab 0 |                            finish, hand over, move the sums up
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import StoreError
from seisproc.interpretation.handover import region_key
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.product import ShardWriter
from seisproc.interpretation.regions import Area, Number
from seisproc.interpretation.timeline import stamp
from seisproc.interpretation.wholeness import recorded_as
from seisproc.records import Records
from seisproc.survey import Survey, published_attributes

RAN = "ran-"
"""Prefix of the record that says that a region's windows have run and were handed over, under the
attempt that stands in its name."""


LIVE_KEPT = 4 << 20
"""Traces of a survey up to which a process keeps in memory which of them are live."""


@dataclass
class Stopwatch:
    """Seconds spent on each kind of work."""

    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("load", "read", "infer", "blend", "write"), 0.0)
    )
    _last: float = field(default_factory=time.perf_counter)
    _started: float = field(default_factory=time.time)

    def lap(self, kind: str) -> None:
        """Count the time since the last lap as this kind of work."""
        now = time.perf_counter()
        self.seconds[kind] += now - self._last
        self._last = now

    def stamp(self) -> dict[str, Any]:
        """Say for a record who worked from when to when, and on what."""
        return stamp(self._started, self.seconds)


def record_written(
    records: Records,
    number: Number,
    writer: ShardWriter,
    watch: Stopwatch,
    payload: dict[str, Any],
    attempt: str,
) -> None:
    """Record a region as finished, once all is written: checksums, and voxels by class.

    In the record's name stands what was written, in which files, and by which attempt.
    """
    writer.settle()
    watch.lap("write")
    payload |= watch.stamp()
    payload["checksums"] = {name: str(value) for name, value in writer.checksums.items()}
    counts = writer.class_counts
    payload["class_counts"] = {str(code): int(counts[code]) for code in np.flatnonzero(counts)}
    total = sum(writer.checksums.values()) % 2**64
    written = recorded_as(total, writer.shards_mark(), attempt)
    records.mark(region_key(number), "done", written, payload)


def recorded_attempt(records: Records, key: str) -> str | None:
    """Name the attempt at a step that is recorded; None where none is.

    Dask sends a step again whose result went with a dying worker, and a worker may come to one that
    another has done since it was sent.
    """
    for name in records.of(key):
        if name.state == "done":
            return name.checksum.rpartition("-")[2]
    return None


def require_survey(plan: InterpretationPlan, since: str = "") -> str:
    """Refuse to go on with a survey that is not the plan's any more; return its metadata.

    ``since``, what was returned earlier, refuses also one that has been stored anew meanwhile.

    Raises
    ------
    StoreError
        If it is not there any more, or has been replaced.
    """
    told = published_attributes(plan.store_url)
    found, metadata = told.get("fingerprint"), json.dumps(told, sort_keys=True)
    if found == plan.source and since not in ("", metadata):
        raise StoreError(
            f"{plan.store_url} was stored anew while it was interpreted",
            do="Run the same command again: it goes on with what was recorded",
        )
    if found != plan.source:
        raise StoreError(
            f"{plan.store_url} was replaced while it was interpreted",
            found=f"fingerprint {found}",
            expected=plan.source,
            do="Run the same command again: it plans anew",
        )
    return metadata


@functools.lru_cache(maxsize=4)
def open_survey(
    store_url: str, metadata: str
) -> tuple[Survey, zarr.Array[Any] | NDArray[np.bool_]]:
    """Open a survey and tell which of its traces are live, bool (inline, crossline).

    A process opens each array once, for as long as the survey has this ``metadata``
    (:func:`require_survey`), and reads the latter once if it is no large one.
    """
    survey = Survey(store_url)
    live = survey.array("live")
    return survey, np.asarray(live[...], bool) if live.size <= LIVE_KEPT else live


def slabs(plan: InterpretationPlan) -> Iterator[tuple[int, int]]:
    """Yield the first sample of each slab, and the one after its last."""
    for start in range(0, plan.shape[2], plan.slab):
        yield start, min(start + plan.slab, plan.shape[2])


def interior_shapes(
    plan: InterpretationPlan, inner: list[Area]
) -> list[tuple[int, str, tuple[int, ...]]]:
    """Parts of a row of the interior's bundle: network, volume, shape without the depth."""
    return [
        (n, name, (*lead, *inner[n].shape))
        for n, network in enumerate(plan.networks)
        if inner[n].size
        for name, lead in network.volumes.items()
    ]
