"""What is killed: a scheduler, workers and a client, each a process of its own.

They are forked from a server that has imported all this once (``multiprocessing``'s forkserver),
so that a cluster stands in a fraction of a second. Their leases are short-lived, since nobody wants
to wait half a minute for each.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import dask
from distributed import Scheduler, Worker

from seisproc import leases
from seisproc.cluster import connect
from seisproc.errors import SeisprocError
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.run import interpret, plan_interpretation

HERE = Path(__file__).parent
RECIPES = HERE.parent / "seisproc" / "interpretation"
sys.path.append(str(RECIPES))
recipes = importlib.import_module("recipes")

REFRESH_S, STALE_S = 0.2, 1.0
"""Of the leases of these processes."""

SHAPE, SHARDS = (48, 48, 32), (16, 16, 16)
DELAY_S = 0.008
"""What a window takes: a run of some hundred windows lasts seconds."""

FORGET_S = 10
"""A worker that is not heard of for so long is given up; a loaded machine makes all stand still for
seconds."""


def make_plan(url: str, delay_s: float = DELAY_S, salt: int = 0) -> InterpretationPlan:
    """The one plan of all runs: facies and faults, on regions most of which have seams.

    With another ``salt`` the plan of an older product, which is to be replaced.
    """
    networks = [
        recipes.NumpyRecipe(window=(12, 12, 16), delay_s=delay_s, salt=salt),
        recipes.NumpyRecipe(target="fault", classes=("none", "fault"), window=(12, 12, 16)),
    ]
    return plan_interpretation(url, networks, run="main", shards=SHARDS, overlap=0.25)


def be(
    role: Callable[..., None], log: str, environment: dict[str, str | None], *arguments: object
) -> None:
    """Play a role in this process, whose output goes to a file."""
    leases.LEASE_REFRESH_S, leases.LEASE_STALE_S = REFRESH_S, STALE_S
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    with Path(log).open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    role(*arguments)


def schedule(told: Connection) -> None:
    """Be a scheduler, and tell its address; SIGTERM closes it in order, as ``dask scheduler``."""
    asyncio.run(_schedule(told))


async def _schedule(told: Connection) -> None:
    dask.config.set({"distributed.scheduler.worker-saturation": 1.0})
    scheduler = Scheduler(host="127.0.0.1", port=0, dashboard=False, worker_ttl=FORGET_S)
    async with scheduler:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: loop.create_task(scheduler.close()))
        told.send(scheduler.address)
        await scheduler.finished()


def work(address: str) -> None:
    """Be a worker of one thread, without a nanny: who kills it may start another."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        asyncio.run(_work(address, folder))


async def _work(address: str, folder: str) -> None:
    worker = Worker(address, nthreads=1, local_directory=folder, dashboard=False)
    async with worker:
        await worker.finished()


def tend(address: str, folder: str) -> None:
    """Be what a machine runs that somebody lends: a nanny, with a worker of one thread."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parents[1]), str(RECIPES)])
    options = ["--nthreads", "1", "--no-dashboard", "--local-directory", folder]
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, *options]
    os.execv(sys.executable, command)


def interpret_there(address: str, url: str, told: Connection, host: str) -> None:
    """Be a client: tell how many steps it has done, and at last what came of it.

    Of progress one is told at the start and after each step, of which a region has two. ``host``:
    whom it says to be; the lease of another host's run counts for as long as it is fresh.
    """
    socket.gethostname, steps = lambda: host, itertools.count()
    try:
        with connect(address) as client:
            receipt = interpret(
                make_plan(url), client, on_progress=lambda *_: told.send(("step", next(steps)))
            )
        told.send(receipt)
    except Exception as error:  # noqa: BLE001 - the test judges
        told.send(_portable(error))


def interpret_here(
    url: str, told: Connection, host: str, at: int, number: int, salt: int
) -> None:
    """Interpret in this process, and send it a signal just before it touches a file for the n-th
    time: creates, opens for writing, renames or removes one.

    Tells how often it did so, and at last what came of it. ``host``: whom it says to be.
    """
    socket.gethostname = lambda: host
    touched = itertools.count(1)

    def before_each(event: str, arguments: tuple[object, ...]) -> None:
        if _touches(event, arguments, str(Path(url).parent)) and next(touched) == at:
            told.send(("signal", at))
            os.kill(os.getpid(), number)

    sys.addaudithook(before_each)
    try:
        receipt = interpret(make_plan(url, delay_s=0.0, salt=salt), overwrite=True)
        told.send(("touched", next(touched) - 1))
        told.send(receipt)
    except Exception as error:  # noqa: BLE001 - the test judges
        told.send(_portable(error))


def _portable(error: Exception) -> Exception:
    """Return an error as it comes through a pipe: not every library's does, nor as a cause."""
    traceback.print_exc()
    if not isinstance(error, SeisprocError):
        return RuntimeError(repr(error))
    error.__cause__ = error.__context__ = None
    return error


_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link")


def _touches(event: str, arguments: tuple[object, ...], folder: str) -> bool:
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        return bool(writes) and str(path).startswith(folder)
    # the removal of a whole tree names its members without their folder
    path = str(arguments[0]) if event in _CHANGES else "/"
    return path.startswith(folder) or not path.startswith("/")
