"""Interpretation of a survey: networks over all of it, on whatever cluster, resumable.

The main road: take the lease, create the product's arrays beside the store, run every region's
windows, finish every region as soon as its neighbours have handed over, publish. A region that
fails is recorded and the others go on; what is finished is then shown in a product that says that
it is not complete, unless an older whole one stands there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seisproc.errors import BusyError, IncompleteError, StoreError
from seisproc.folders import remove_tree
from seisproc.interpretation.job import Job
from seisproc.interpretation.leftovers import clear, sweep
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.planner import plan_interpretation
from seisproc.interpretation.product import create_product
from seisproc.interpretation.provenance import attributes
from seisproc.interpretation.publication import publish_incomplete, publish_product, put_back
from seisproc.interpretation.region_steps import require_survey
from seisproc.interpretation.standing import (
    is_finished,
    is_whole,
    published,
    require_free_name,
)
from seisproc.places import AccessError, reaching
from seisproc.records import Lease, lease, work_url
from seisproc.survey import Survey

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["InterpretationPlan", "InterpretationReceipt", "interpret", "plan_interpretation"]


@dataclass(frozen=True)
class InterpretationReceipt:
    """What an interpretation did.

    Attributes
    ----------
    run, url : str
        Name of the interpretation, and where it is.
    regions_done, regions_reused : int
        Regions finished by this call, and found finished.
    windows : int
        Windows run by this call.
    empty_slots : int
        Slots of batches that held no window, over the whole product: computed for nothing.
    seconds : float
        Wall time of this call.
    seconds_in : dict
        Seconds of all workers' threads, over the whole product, by kind of work: load, read, infer,
        blend, write.
    worker_hours : float
        How long workers were at the whole product, failed tries left out; one counts once, however
        many threads it has.
    notes : tuple of str
        What the networks had to do otherwise than planned, e.g. halve their batches.
    checksum : str
        Of all volumes: the same for the same content, whatever the regions and the cluster.
    """

    run: str
    url: str
    regions_done: int
    regions_reused: int
    windows: int
    empty_slots: int
    seconds: float
    seconds_in: dict[str, float]
    worker_hours: float
    notes: tuple[str, ...]
    checksum: str


def interpret(
    plan: InterpretationPlan,
    client: Client | None = None,
    on_progress: Callable[[int, int, str], None] | None = None,
    overwrite: bool = False,
    priority: int = 0,
) -> InterpretationReceipt:
    """Carry out a plan: facies, fault and uncertainty volumes at ``interpretation/<run>``.

    Work that was recorded under the same fingerprint counts, whoever did it: after a kill, the
    same call goes on where it stopped. A whole product of the same fingerprint is left as it is.

    Parameters
    ----------
    plan : InterpretationPlan
        From :func:`plan_interpretation`.
    client : distributed.Client, optional
        The cluster that does the work; None: this process.
    on_progress : callable, optional
        Told after each step how many regions are finished, of how many, and in a few words how it
        goes.
    overwrite : bool
        Replace a product of that name that was made from something else. It answers until the new
        one is whole.
    priority : int
        Where several surveys share a cluster, regions of the one with more come first.

    Raises
    ------
    OutputExistsError
        If a whole product of that name was made from something else, and ``overwrite`` is false.
    IncompleteError
        If regions failed. The same call redoes only those.
    StoreError
        If the survey is not the one that the plan was made for, or is replaced meanwhile.
    BusyError
        If another run is writing the same product.
    AccessError
        If an object store does not do what it is asked, for longer than its library and three tries
        at a region stand. The same call goes on from there.
    """
    with reaching(plan.store_url):
        return _interpret(plan, client, on_progress, overwrite, priority)


def _interpret(
    plan: InterpretationPlan,
    client: Client | None,
    on_progress: Callable[[int, int, str], None] | None,
    overwrite: bool,
    priority: int,
) -> InterpretationReceipt:
    start = time.monotonic()
    if Survey(plan.store_url).fingerprint != plan.source:
        raise StoreError(
            f"{plan.store_url} has changed since the plan was made", do="Plan again"
        )
    with _leased(plan) as held:
        put_back(plan)
        before, work = published(plan), work_url(plan.store_url, plan.product, plan.fingerprint)
        if is_finished(plan, before):
            remove_tree(work)  # what other plans have begun stays: this run does nothing
            return _reused(plan, before, time.monotonic() - start)
        require_free_name(plan, before, overwrite)
        create_product(plan, work)
        job = Job(plan, work, held.right, on_progress, priority)
        try:
            job.run(client)
        except IncompleteError as error:
            require_survey(plan)
            if is_whole(before) or not job.stock.finished:
                raise
            told = attributes(plan, job.records)
            publish_incomplete(plan, work, told, job.stock, held)
            raise _shown(error, plan, told["timeline"]["worker_hours"]) from error
        require_survey(plan)
        told = attributes(plan, job.records)
        publish_product(plan, work, told, held)
        clear(plan)
    return InterpretationReceipt(
        run=plan.run,
        url=plan.url,
        regions_done=len(plan.regions) - job.reused,
        regions_reused=job.reused,
        windows=job.windows,
        empty_slots=_empty_slots(told),
        seconds=time.monotonic() - start,
        seconds_in=told["seconds_in"],
        worker_hours=told["timeline"]["worker_hours"],
        notes=tuple(told["notes"]),
        checksum=told["checksum"],
    )


def _shown(error: IncompleteError, plan: InterpretationPlan, hours: float) -> IncompleteError:
    """Say where the finished regions are to be seen, and what they have cost."""
    return IncompleteError(
        f"{error.what}; what is finished is in {plan.url}, marked as not complete, and took "
        f"{hours:.3g} worker-hours",
        found=error.found,
        do=error.do,
    )


def _reused(
    plan: InterpretationPlan, published: dict[str, Any], seconds: float
) -> InterpretationReceipt:
    return InterpretationReceipt(
        run=plan.run,
        url=plan.url,
        regions_done=0,
        regions_reused=len(plan.regions),
        windows=0,
        empty_slots=_empty_slots(published),
        seconds=seconds,
        seconds_in=published["seconds_in"],
        worker_hours=published.get("timeline", {}).get("worker_hours", 0.0),
        notes=tuple(published.get("notes", ())),
        checksum=published["checksum"],
    )


def _empty_slots(told: dict[str, Any]) -> int:
    """Slots of batches over windows run; older products do not tell of them."""
    windows = int(told.get("windows", 0))
    return int(told.get("batch_slots", windows)) - windows


@contextlib.contextmanager
def _leased(plan: InterpretationPlan) -> Iterator[Lease]:
    """Hold the lease of the product, whatever it is made from."""
    url = f"{plan.store_url}.work/lease-{plan.product.replace('/', '-')}"
    with lease(url, plan.product) as held:
        try:
            yield held
        except Exception as error:
            if not isinstance(error, BusyError | AccessError):
                held.require(ask=True)  # says it better, if the work was taken from under this run
            raise
        finally:
            with contextlib.suppress(AccessError):
                if not held.is_held():
                    sweep(plan, work_url(plan.store_url, plan.product, plan.fingerprint))
