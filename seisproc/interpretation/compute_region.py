"""The first step on a region: run its windows, finish its interior, hand over its seams."""

from __future__ import annotations

import functools
import itertools
import logging
import threading
import time
import uuid
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.background import Outbox, step_threads
from seisproc.interpretation.areas import read_areas, summed_areas, windows_to_run
from seisproc.interpretation.finish_region import add_up
from seisproc.interpretation.handover import (
    ATTEMPT,
    BundleWriter,
    Piece,
    destinations,
    discard,
    interior_url,
    interiors,
    is_in_parts,
    is_seamless,
    pieces,
    region_key,
    sums_url,
)
from seisproc.interpretation.memory import OUTBOX_BYTES
from seisproc.interpretation.parts import Part
from seisproc.interpretation.plan import InterpretationPlan, NetworkPlan
from seisproc.interpretation.prediction import Predict, Recipe
from seisproc.interpretation.product import ShardWriter
from seisproc.interpretation.region_steps import (
    RAN,
    Stopwatch,
    open_survey,
    record_written,
    recorded_attempt,
    require_survey,
    slabs,
)
from seisproc.interpretation.regions import Area, Number
from seisproc.interpretation.running_sums import RunningSums, finish_sums
from seisproc.interpretation.samples import Samples
from seisproc.interpretation.tiling import Lattice
from seisproc.interpretation.window_stream import WindowStream
from seisproc.records import Records
from seisproc.sections.of_survey import SurveyContext, survey_context

log = logging.getLogger(__name__)

KEPT_NETWORKS = 4
"""Networks that a worker process keeps loaded."""

_networks: dict[str, Predict] = {}
_loading = threading.Lock()


def load_network(recipe: Recipe) -> Predict:
    """Load a network, once a process however many threads and regions ask for it."""
    with _loading:
        if recipe.key not in _networks:
            while len(_networks) >= KEPT_NETWORKS:
                del _networks[next(iter(_networks))]
            start = time.perf_counter()
            _networks[recipe.key] = recipe.make_predict()
            log.info("loaded %s in %.1f s", recipe.name, time.perf_counter() - start)
        return _networks[recipe.key]


def compute_region(plan: InterpretationPlan, work: str, number: Number) -> tuple[str, int]:
    """Run a region's windows and record it: finished where it is seamless, else handed over.

    Returns the name of the attempt that counts, under which its partial sums lie, and the windows
    run: none if it was recorded already.
    """
    records = Records(f"{work}/records")
    key = region_key(number) if is_seamless(plan, number) else RAN + region_key(number)
    if recorded := recorded_attempt(records, key):
        return recorded, 0
    survey = require_survey(plan)
    with step_threads() as threads:
        task = _Compute(plan, work, number, survey, threads)
        for part in plan.parts:
            task.run(part)
        writer = task.writer
        if is_seamless(plan, number) and writer is None:
            writer = add_up(plan, work, number, {number: task.attempt}, survey, task.watch, threads)
        payload: dict[str, Any] = {"windows": task.windows, "slots": task.slots}
        if notes := sorted({note for each in task.predict for note in getattr(each, "notes", ())}):
            payload["notes"] = notes
        require_survey(plan, since=survey)  # what was read of another one may not be recorded
        if writer is None:
            records.mark(key, "done", task.attempt, payload | task.watch.stamp())
        else:
            record_written(records, number, writer, task.watch, payload, task.attempt)
    if writer is not task.writer:
        discard(work, number)
    return task.attempt, task.windows


class _Compute:
    """One region's windows, from amplitude to what is written or handed over."""

    def __init__(
        self,
        plan: InterpretationPlan,
        work: str,
        number: Number,
        survey: str,
        threads: Executor,
    ) -> None:
        self.threads, self.outbox = threads, Outbox(threads, OUTBOX_BYTES)
        self.watch = Stopwatch()
        self.plan, self.work, self.number = plan, work, number
        self.attempt = uuid.uuid4().hex[:ATTEMPT]
        self.windows, self.slots = 0, 0
        self.area = plan.regions.area(number)
        self.inner = interiors(plan, number)
        self.predict = [load_network(network.recipe) for network in plan.networks]
        self.survey, self.every_live = open_survey(plan.store_url, survey)
        self.contexts = [
            # The grid takes several reads, which most networks don't need.
            survey_context(network.recipe, self.survey.grid, plan.store_url)
            if len(network.inputs) > 1 else None
            for network in plan.networks
        ]
        self.watch.lap("load")
        at_once = is_seamless(plan, number) and not is_in_parts(plan)
        self.writer = ShardWriter(plan, work, self.area, threads) if at_once else None

    def run(self, part: Part | None) -> None:
        """Run a part of the windows, or all, from the top of the survey to its bottom."""
        self._hold(part)
        self._open_bundles(part)
        for row, (start, stop) in enumerate(slabs(self.plan)):
            self.run_windows(start, stop)
            self.flush(row, start, stop)
        self.outbox.settle()
        self.watch.lap("write")
        self.slots += sum(stream.slots for _, stream in self.streams)
        del self.sums, self.samples, self.streams  # before the next part needs as much

    def _hold(self, part: Part | None) -> None:
        """Make room for what the windows of a part see, and for their sums."""
        plan, number = self.plan, self.number
        self.sums = [
            [RunningSums(each, area, plan.slab) for area in summed_areas(plan, each, number, part)]
            for each in plan.networks
        ]
        read = read_areas(plan, number, part)
        self.around = self.area
        for area in [*read, *(each.area for sums in self.sums for each in sums)]:
            self.around = self.around.hull(area)
        a = self.around
        self.live = np.asarray(self.every_live[a.i_start : a.i_stop, a.j_start : a.j_stop], bool)
        live = {area: self._live_of(area) for area in read}
        self.samples = Samples(plan, self.survey, live, self.threads)
        self.streams = [
            (sums, self._stream(network, lattice, lateral, predict, context))
            for network, sums, predict, context in zip(
                plan.networks, self.sums, self.predict, self.contexts, strict=True
            )
            for lattice in network.lattices
            if (lateral := self._lateral(lattice, part))
        ]

    def _open_bundles(self, part: Part | None) -> None:
        self.given: dict[Number, list[Piece]] = {}
        self.bundles: dict[Number, BundleWriter] = {}
        self.interior: BundleWriter | None = None
        for taker in destinations(self.plan, self.number, part):
            self.given[taker] = pieces(self.plan, self.number, taker, part)
            url = sums_url(self.work, taker, self.number, self.attempt, part)
            self.bundles[taker] = BundleWriter(url, self.outbox)
        if self.writer is None and any(inner.size for inner in self.inner):
            url = interior_url(self.work, self.number, self.attempt)
            self.interior = BundleWriter(url, self.outbox)

    def run_windows(self, start: int, stop: int) -> None:
        """Run all networks' windows that start within a slab, and add them up."""
        self.samples.move_to(start)
        for sums, stream in self.streams:
            for count, prediction, member in stream.before(stop):
                for each in sums:
                    each.add(prediction, member, stream.lattice, count)
                # Gone before the next batch: one that stayed would lie amid the network's buffers,
                # and what is free around it would be too small for the largest of them.
                del prediction
                self.windows += 1
                self.watch.lap("blend")

    def _stream(
        self,
        network: NetworkPlan,
        lattice: Lattice,
        lateral: list[tuple[int, int]],
        predict: Predict,
        context: SurveyContext | None,
    ) -> WindowStream:
        """Stream the windows of one of a network's lattices."""
        cut = functools.partial(self.samples.windows, lattice, context=context)
        slab, lap = self.plan.slab, self.watch.lap
        return WindowStream(network, lattice, lateral, slab, predict, cut, lap)

    def _lateral(self, lattice: Lattice, part: Part | None) -> list[tuple[int, int]]:
        """Count along inline and crossline the windows to run: those with a live trace.

        The others could change nothing but voxels that are 255 anyway.
        """
        i, j = (windows_to_run(self.plan, lattice, self.number, axis, part) for axis in (0, 1))
        counts = itertools.product(range(i.start, i.stop), range(j.start, j.stop))
        return [(a, b) for a, b in counts if self._live_of(_traces(lattice, a, b)).any()]

    def _live_of(self, area: Area) -> NDArray[np.bool_]:
        i, j = area.within(self.around)
        return self.live[i, j]

    def flush(self, row: int, start: int, stop: int) -> None:
        """Finish or hand over a slab of sums, and make room for the next."""
        depth = stop - start
        for taker, bundle in self.bundles.items():
            given = self.given[taker]
            bundle.write(row, [self._sums_of(each.network, each.area, depth) for each in given])
        self.watch.lap("write")
        finished: list[NDArray[np.uint8]] = []
        for n, (network, inner) in enumerate(zip(self.plan.networks, self.inner, strict=True)):
            if not inner.size:
                continue
            corner = (inner.i_start, inner.j_start, start)
            complete = self._sums_of(n, inner, depth)
            values = finish_sums(network, complete, self._live_of(inner), corner)
            if self.writer is not None:
                self.writer.put(values, inner, start)
            else:
                finished += [values[name] for name in network.volumes]
        for sums in itertools.chain(*self.sums):
            sums.move_up()
        self.watch.lap("blend")
        if self.writer is not None:
            self.writer.advance(stop)
        elif self.interior is not None:
            self.interior.write(row, finished)
        self.watch.lap("write")

    def _sums_of(self, network: int, area: Area, depth: int) -> NDArray[np.uint32]:
        """Return a network's sums over an area that lies within one of those that it has."""
        whole = (each for each in self.sums[network] if area.intersection(each.area) == area)
        return next(whole).of(area, depth)


def _traces(lattice: Lattice, i: int, j: int) -> Area:
    """Find the traces of the survey that a window covers."""
    ends = []
    for axis, count in enumerate((i, j)):
        origin = count * lattice.stride[axis]
        ends += [origin, min(origin + lattice.window[axis], lattice.shape[axis])]
    return Area(*ends)
