"""How a worker leaves: on notice (SIGTERM), or because it holds memory that nothing will free.

Left alone, Dask ends a worker that gets SIGTERM within 8 seconds whatever it does: its task is
lost, and what it had computed for others is computed again. Here it takes no new task, finishes
the one it has if that takes no longer than ``drain_s``, hands its results on, and goes:

::

    SIGTERM -> nanny --SIGTERM--> worker: no new task ... its task ends, or time is up
                 |                           results to other workers, sign off, exit
                 +-- does not start another  <---+

A task that does not end in time is abandoned and done again elsewhere; what it wrote counts for
nothing until it is recorded, which it does last. A worker that alone gets SIGTERM leaves in the
same way and its nanny starts another.

A worker above 80 % of its memory is paused by Dask: it takes no task until memory is freed. One
that leaked is paused for good, and with the last of them the run would stand still. So a worker
that is paused and idle is replaced; one that reaches 95 % is ended by its nanny at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import time
import weakref
from typing import Any

import dask
from distributed import Nanny, NannyPlugin, Status, Worker, WorkerPlugin
from tornado.ioloop import PeriodicCallback

from seisproc.cluster.environment import DRAIN

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often a worker looks whether it is stuck."""

STUCK_LOOKS = 3
"""So often in a row it must find itself paused and idle."""

HAND_OVER_S = 10.0
"""How long handing over results may take."""


def drain_s() -> float:
    """How long a task may go on after SIGTERM, as the cluster was told."""
    return float(dask.config.get(DRAIN, 25.0))


class Leaving(WorkerPlugin):
    """Makes a worker leave in order."""

    name = "seisproc-leaving"
    idempotent = True

    def setup(self, worker: Worker) -> None:
        """Listen for SIGTERM, and look after the memory."""
        self.worker, self.stuck = worker, 0
        with contextlib.suppress(ValueError, RuntimeError):  # a worker in a thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.notice)
        self.looking = PeriodicCallback(self.look, LOOK_S * 1000)
        self.looking.start()

    def teardown(self, worker: Worker) -> None:
        """Undo what :meth:`setup` did."""
        self.looking.stop()
        with contextlib.suppress(ValueError, RuntimeError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    def notice(self) -> None:
        """Leave: this process got SIGTERM."""
        if self.worker.status in (Status.running, Status.paused):
            leave(self.worker, drain_s(), "SIGTERM")

    def look(self) -> None:
        """Leave, for another to come, when only a new process can have the memory again."""
        worker = self.worker
        is_stuck = worker.status == Status.paused and not _is_busy(worker) and worker.nanny
        self.stuck = self.stuck + 1 if is_stuck else 0
        if self.stuck >= STUCK_LOOKS:
            log.warning("worker %s does not get its memory back: restarted", worker.address)
            leave(self.worker, HAND_OVER_S, "memory is not given back")


def make_way(dask_worker: Worker) -> None:
    """Leave, for another process of the nanny's to come; to be run on a worker."""
    if dask_worker.status in (Status.running, Status.paused):
        leave(dask_worker, HAND_OVER_S, "another one takes its place")


def leave(worker: Worker, grace_s: float, reason: str) -> None:
    """Begin to leave, from within a worker's event loop."""
    # Set before anything is awaited: from here on the scheduler gives it no task.
    worker.status = Status.closing_gracefully
    _leaving.add(asyncio.ensure_future(drain(worker, grace_s, reason)))


_leaving: set[asyncio.Future[Any]] = set()


async def drain(worker: Worker, grace_s: float, reason: str) -> None:
    """Finish or abandon what a worker is at, hand its results on, and end it.

    Its nanny, if it has one, decides whether another one follows.
    """
    end = time.monotonic() + grace_s
    while _is_busy(worker) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    if _is_busy(worker):
        log.warning("worker %s abandons its task: %s", worker.address, reason)
    # A worker that finds itself signed off, by a heartbeat, ends and takes its nanny along.
    worker.nanny = None
    with contextlib.suppress(TimeoutError, OSError):
        await asyncio.wait_for(_sign_off(worker), HAND_OVER_S)
    # The last worker has nobody to hand its results to but the client, which fetches them.
    while worker.address in await _known(worker) and worker.data and time.monotonic() < end:
        await asyncio.sleep(0.05)
    await worker.close(nanny=False, executor_wait=False, reason=reason)


def _is_busy(worker: Worker) -> bool:
    return bool(worker.state.executing or worker.state.long_running)


async def _sign_off(worker: Worker) -> None:
    """Have the scheduler copy what only this worker holds, and give its tasks to others."""
    await worker.scheduler.retire_workers(
        workers=[worker.address],
        close_workers=False,
        remove=True,
        stimulus_id=f"seisproc-leaving-{time.time()}",
    )


async def _known(worker: Worker) -> dict[str, Any]:
    with contextlib.suppress(OSError):
        return await worker.scheduler.ncores()
    return {}


class Notice(NannyPlugin):
    """Makes a nanny that gets SIGTERM pass it on, and start no worker again."""

    name = "seisproc-notice"
    idempotent = True
    restart = False

    def setup(self, nanny: Nanny) -> None:
        """Listen for SIGTERM; one process may hold several nannies."""
        _nannies.add(nanny)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError, RuntimeError):  # nannies of a local cluster
            loop.add_signal_handler(signal.SIGTERM, functools.partial(_pass_on, loop))


_nannies: weakref.WeakSet[Nanny] = weakref.WeakSet()


def _pass_on(loop: asyncio.AbstractEventLoop) -> None:
    for nanny in list(_nannies):
        if nanny.status != Status.running or not nanny.pid:
            continue
        nanny.close_gracefully(reason="SIGTERM")
        with contextlib.suppress(ProcessLookupError):
            os.kill(nanny.pid, signal.SIGTERM)
        # whatever becomes of the worker
        loop.call_later(drain_s() + HAND_OVER_S, _end, nanny)


def _end(nanny: Nanny) -> None:
    if nanny.status != Status.closed:
        _ending.add(asyncio.ensure_future(nanny.close(reason="SIGTERM, and time is up")))


_ending: set[asyncio.Future[Any]] = set()
