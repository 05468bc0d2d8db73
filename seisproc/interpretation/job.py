"""One call's way through all regions: what is recorded, what is missing, what may start now."""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import cloudpickle

from seisproc.bounded import Later, Needs
from seisproc.cluster import gpu_resources
from seisproc.errors import (
    BusyError,
    IncompleteError,
    SpaceError,
    StoreError,
    one_line,
)
from seisproc.interpretation.compute_region import compute_region
from seisproc.interpretation.failures import Retries, Step
from seisproc.interpretation.finish_region import finish_region
from seisproc.interpretation.handover import HandOverError, is_seamless, region_key
from seisproc.interpretation.leftovers import is_taken_away, sweep
from seisproc.interpretation.pace import GpuUse, Pace
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.prediction import on_gpu
from seisproc.interpretation.product import product_url
from seisproc.interpretation.region_names import RegionNames
from seisproc.interpretation.region_steps import RAN, recorded_attempt
from seisproc.interpretation.regions import Number
from seisproc.interpretation.sent_plan import SentPlan, send_plan
from seisproc.interpretation.sight import require_seen
from seisproc.interpretation.stock import Stock
from seisproc.interpretation.wholeness import lacking
from seisproc.leases import Right
from seisproc.places import AccessError
from seisproc.records import Records
from seisproc.volume import Outcome, map_bounded

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)


def do_step(packed_plan: bytes, work: str, right: Right, step: Step) -> tuple[str, int]:
    """Do one step, on a worker, for the run that has the ``right``; never for one that is over.

    Returns the attempt's name and the windows run.

    The plan comes as bytes, so that nothing imports the networks' libraries before it is known that
    there is something to do.
    """
    right.require()
    plan = _unpacked(packed_plan)
    try:
        if step.attempts is None:
            return compute_region(plan, work, step.number)
        finish_region(plan, work, step.number, step.attempts)
    except Exception:
        right.require()  # says it better, if what the step was at was taken from under it
        raise
    finally:
        if is_taken_away(plan, work):  # by a run that did not wait for this worker
            sweep(plan, work)
    return "", 0


def do_sent_step(sent: SentPlan, work: str, right: Right, step: Step) -> tuple[str, int]:
    """Do one step of a plan that lies in the work folder."""
    try:
        packed = sent.packed()
    except Exception:
        right.require()  # says it better, if this worker does not see the folder
        raise
    return do_step(packed, work, right, step)


def timed(do: Callable[[Step], tuple[str, int]], step: Step) -> tuple[str, int, float]:
    """Do one step; tell its seconds beside what it returns."""
    start = time.monotonic()
    attempt, windows = do(step)
    return attempt, windows, time.monotonic() - start


@functools.lru_cache(maxsize=4)
def _unpacked(packed_plan: bytes) -> InterpretationPlan:
    plan: InterpretationPlan = cloudpickle.loads(packed_plan)
    return plan


class Job:
    """One call's way through all regions of a plan."""

    def __init__(
        self,
        plan: InterpretationPlan,
        work: str,
        right: Right,
        on_progress: Callable[[int, int, str], None] | None,
        priority: int = 0,
    ) -> None:
        self.plan, self.work, self.right, self.on_progress = plan, work, right, on_progress
        self.priority = priority
        self.records = Records(f"{work}/records")
        self.stock = Stock(plan, self.records)
        self.reused = self.stock.finished
        self.name = RegionNames(plan)
        self.first_failure: tuple[str, Exception] | None = None
        self.lost: dict[str, None] = {}
        self.redone: set[str] = set()
        self.retries = Retries(self.name)
        self.client: Client | None = None
        self.gpu: dict[str, float] = {}
        self.windows = 0
        self.gpu_use = GpuUse(None)
        self.pace = Pace(plan, self.stock.steps)

    def run(self, client: Client | None) -> None:
        """Do every step that is missing, and again what was recorded and has been lost since.

        Raises
        ------
        IncompleteError
            If regions failed.
        StoreError
            If what was done again is lost again.
        SpaceError
            If the disk is full.
        ClusterError
            If the cluster is lost.
        """
        self.client = client
        if client is not None:
            require_seen(client, self.right)
            if any(on_gpu(network.recipe) for network in self.plan.networks):
                self.gpu, self.gpu_use = gpu_resources(client), GpuUse(client)
        self._report()
        step = self._step_function()
        fresh = self.stock.to_run()
        while True:
            # Closed at once when something is raised here: what is under way is given up.
            outcomes = map_bounded(
                step, self._steps(fresh), client, priority=self.priority, needs=self._needs
            )
            with contextlib.closing(outcomes):
                for outcome in outcomes:
                    self._note(outcome)
            if self.retries.begin_last_round():
                continue
            self._look_for_lost_shards()
            if not self.lost:
                break
            self._start_over()
            fresh = self.stock.to_run()
        if self.first_failure is not None:
            raise self._incomplete(*self.first_failure) from self.first_failure[1]
        if self.stock.finished != len(self.plan.regions):
            raise self._incomplete()

    def _step_function(self) -> Callable[[Step], tuple[str, int, float]]:
        do: Callable[[Step], tuple[str, int]]
        if self.client is None:
            do = functools.partial(do_step, cloudpickle.dumps(self.plan), self.work, self.right)
        else:
            sent = send_plan(self.plan, self.work)
            do = functools.partial(do_sent_step, sent, self.work, self.right)
        return functools.partial(timed, do)

    def _look_for_lost_shards(self) -> None:
        """Note for being done again the regions whose shards are not there, and who hands to them.

        What they were made from has been discarded.
        """
        for number in lacking(self.plan, product_url(self.work), self.records):
            key = region_key(number)
            if key in self.redone:
                raise StoreError(
                    f"shards of region {self.name(number)} of {self.plan.product} are not those "
                    "that were written, though it was done twice",
                    do=f"Check the disk or object store that {self.work} is on, then run the same "
                    "command again",
                )
            log.warning("region %s is done again: some of its shards have gone", self.name(number))
            self.reused = max(0, self.reused - 1)
            givers = [_run_key(self.plan, giver) for giver in self.stock.givers(number)]
            self.lost.update(dict.fromkeys([*givers, key]))

    def _start_over(self) -> None:
        """Forget the records of what was lost, and take stock anew."""
        self.right.require()
        for key in self.lost:
            self.records.forget(key)
        self.redone.update(self.lost)
        self.lost.clear()
        self.retries = Retries(self.name)
        self.first_failure = None
        self.stock = Stock(self.plan, self.records)

    def _needs(self, step: Step) -> Needs:
        """Ask for a GPU where networks run, and for another worker than those it failed on."""
        gpu = self.gpu if step.attempts is None else {}
        return Needs(gpu, self.retries.failed_on(step.number))

    def _steps(self, fresh: Iterator[Number]) -> Iterator[Step | Later]:
        """Yield regions to finish as soon as all who hand to them are through, else windows to run.

        What failed comes again when it is due; at the end outcomes are waited for.
        """
        while True:
            yield from self._ready_steps()
            due = self.retries.due_s()
            if due <= 0:
                yield self.retries.take()
                continue
            number = next(fresh, None)
            yield Later(due) if number is None else Step(number)

    def _ready_steps(self) -> Iterator[Step]:
        while ready := self.stock.next_ready():
            yield Step(*ready)

    def _note(self, outcome: Outcome[Step, tuple[str, int, float]]) -> None:
        number = outcome.item.number
        if outcome.error is not None or outcome.result is None:
            error = outcome.error or RuntimeError("no result")
            self._note_failure(outcome.item, error, outcome.worker)
            return
        attempt, windows, seconds = outcome.result
        self.windows += windows
        if finishes := outcome.item.attempts is not None:
            self.stock.note_finished(number)
        else:
            self.stock.note_run(number, attempt)
        self.pace.count(finishes, seconds)
        self.retries.forget(number)
        self._report()

    def _note_failure(self, step: Step, error: Exception, worker: str) -> None:
        """Let a step be tried again, or record and skip its region.

        A full disk ends the run, and so does another one that has its lease.
        """
        if isinstance(error, BusyError):
            self._require_right()  # else it is only that worker which does not see it
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SpaceError(
                f"no space left while writing {self.plan.url}",
                found=str(error),
                do="Free some space and run the same command again: it resumes",
            ) from error
        if isinstance(error, HandOverError) and self._may_be_handed_again(step, error):
            return
        if self.retries.note(step, error, worker, self._has_others(worker)):
            return
        self._require_right()
        number, text = step.number, one_line(error)
        where = f" on {worker}" if worker else ""
        region = self.name(number)
        log.warning("region %s failed%s: %s", region, where, text)
        self.records.mark(region_key(number), "failed", "0", {"error": text})
        self.stock.note_failed(number)
        self.retries.forget(number)
        self.first_failure = self.first_failure or (f"{region}{where}", error)
        self._report()

    def _require_right(self) -> None:
        """End this run if another one has its lease, as far as can be told now."""
        with contextlib.suppress(AccessError):
            self.right.require()

    def _has_others(self, worker: str) -> bool:
        """Whether there are other workers than one that a step has failed on."""
        if self.client is None or not worker:
            return False
        with contextlib.suppress(OSError, AttributeError):  # of a cluster that is just being lost
            return bool(self.client.nthreads().keys() - {worker})
        return False

    def _may_be_handed_again(self, step: Step, error: HandOverError) -> bool:
        """Let the giver of what is lost run once more, when all else is done."""
        if recorded_attempt(self.records, region_key(step.number)):  # by another worker, meanwhile
            self.stock.note_finished(step.number)
            return True
        key = _run_key(self.plan, error.giver)
        if key in self.redone:
            return False
        log.warning("%s; region %s is run again", error, self.name(error.giver))
        self.lost[key] = None
        return True

    def _report(self) -> None:
        """Tell of regions; the time that is left comes from their steps."""
        if self.on_progress is None:
            return
        stock = self.stock
        note = self.pace.note(
            stock.runs_left, stock.steps_left - stock.runs_left, stock.waiting, stock.failed,
            self.gpu_use(),
        )
        self.on_progress(stock.finished, len(self.plan.regions), note)

    def _incomplete(
        self, region: str | None = None, error: Exception | None = None
    ) -> IncompleteError:
        stock = self.stock
        found = None if error is None else f"in region {region}: {one_line(error)}"
        # What the error says to do comes first: without it the next run would fail the same way.
        begin = "Then run" if getattr(error, "do", None) else "Run"
        return IncompleteError(
            f"{stock.failed} of {len(self.plan.regions)} regions of {self.plan.product} failed; "
            f"{stock.finished} are finished, {stock.waiting} wait for a neighbour",
            found=found,
            do=f"{begin} the same command again: it redoes only what is missing",
        )


def _run_key(plan: InterpretationPlan, number: Number) -> str:
    """Key of the record that says that a region's windows have run."""
    return region_key(number) if is_seamless(plan, number) else RAN + region_key(number)
