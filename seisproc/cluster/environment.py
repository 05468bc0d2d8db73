"""What every worker gets before its interpreter starts, whatever starts it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from multiprocessing import resource_tracker
from typing import Any

from seisproc.cluster.spec import CUDA, LOCAL, ClusterSpec

ALLOCATOR = {
    # glibc gives every freed block above the trim threshold back to the system. Dask's default of
    # 64 KiB makes torch page-fault through each of its work buffers again and again, which costs
    # half its speed on a CPU.
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024**2),
    # Tasks run in a thread beside the main one. Threads get heaps of their own, of 64 MiB, and what
    # is larger is mapped anew each time: one heap for all keeps such buffers, and is smaller by a
    # tenth.
    "MALLOC_ARENA_MAX": "1",
    # torch asks for aligned memory, and before 2.39 glibc cuts what lies before the alignment off
    # and keeps it in a thread's cache. So the place of a freed tensor is a little too small for the
    # next of its size: a heap with 314 MiB in use came to 704 MiB, without that cache to 483.
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
}
"""How glibc manages the workers' memory: half of their speed hangs on it."""

WORKER_ENVIRONMENT = {
    **ALLOCATOR,
    # A worker of n threads runs n tasks at a time; a task that computes with several threads says
    # so itself.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # Zarr's pool only has to keep up with the tasks of its own worker.
    "ZARR_THREADING__MAX_WORKERS": "2",
}
"""Environment of the workers, set before their interpreter starts; the user's own values win."""

DASK_TRIM_THRESHOLD = "65536"

LOG_LENGTH = 16
"""Dask keeps so many of the last messages on each connection, tasks and all, for its developers.
Its own 1,000 cost the scheduler 33 MB a worker once 100,000 small tasks have gone by."""

LOG_SETTING = {"distributed.admin.low-level-log-length": LOG_LENGTH}

QUIET = {
    # Dask looks every 10 ms where its workers' tasks are, for its profile, and every 20 ms how late
    # its own event loops come. Each look stops the network's thread for a moment, and together they
    # cost a worker 4 to 5 % of a core. Tasks take seconds, of which these show enough.
    "distributed.worker.profile.interval": "100ms",
    "distributed.admin.tick.interval": "200ms",
}
"""Dask settings of workers and scheduler: how often they look at themselves."""

NVML = "distributed.diagnostics.nvml"
"""Dask setting: whether NVIDIA's driver is asked how busy GPUs are, where nvidia-ml-py is there."""

NEVER = "365 days"
"""As long as no cluster lives."""

DRAIN = "seisproc.drain-s"
"""Dask setting on the workers: seconds that a task may go on after SIGTERM."""

DRAIN_VARIABLE = "DASK_SEISPROC__DRAIN_S"
"""The same as Dask reads it from the environment."""


def worker_environment(spec: ClusterSpec) -> dict[str, str]:
    """Environment of workers that do not inherit the settings of this process."""
    own = {variable_of(name): str(value) for name, value in {**LOG_SETTING, **QUIET}.items()}
    return {**WORKER_ENVIRONMENT, **own, DRAIN_VARIABLE: f"{spec.drain_s:g}"}


def variable_of(setting: str) -> str:
    """Name the environment variable from which Dask reads a setting.

    >>> variable_of("distributed.admin.low-level-log-length")
    'DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH'
    """
    return "DASK_" + setting.upper().replace(".", "__").replace("-", "_")


def settings(spec: ClusterSpec) -> dict[str, Any]:
    """Dask settings under which a cluster is started."""
    return {
        **LOG_SETTING,
        **QUIET,
        **({NVML: False} if _gpus_hidden() else {}),
        "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
        DRAIN: spec.drain_s,
        # Regions are long and equal tasks: a queue on a worker would only unbalance them.
        "distributed.scheduler.worker-saturation": 1.0,
        # A task that kills its workers has killed two of them by then, and kills two more when it
        # is tried alone; Dask's own 3 would make that eight, each of which loads the networks.
        "distributed.scheduler.allowed-failures": 1,
        # Without, work waits for ever once the last worker is gone and none follows.
        "distributed.scheduler.no-workers-timeout": f"{spec.patience_s:g}s",
    }


def _gpus_hidden() -> bool:
    """Whether ``CUDA_VISIBLE_DEVICES`` names none, such as -1 or SLURM's ``NoDevFiles``.

    Dask takes its first name for a GPU, asks the driver how busy that is, and does not start.
    """
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    return bool(first) and not first.isdecimal() and not first.startswith(("GPU-", "MIG-"))


@contextlib.contextmanager
def nannies_kept(spec: ClusterSpec) -> Iterator[None]:
    """Keep the nannies of a cluster on this machine as long as it runs.

    Dask looks 15 s after each worker's death whether another one of its name is there, and if not
    closes its nanny for good. Where a task kills one worker after the other, that moment may fall
    between two of them, and the cluster stays without any.
    """
    import dask
    import distributed  # noqa: F401 - its defaults would go with the settings if these came first

    here = spec.kind in (LOCAL, CUDA)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": NEVER} if here else {}):
        yield


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while the body runs, and from all threads and processes that it starts.

    A terminal sends Ctrl-C to the workers too. They would die with a traceback each, where this
    process has to end the work in order and to close them.
    """
    # The first process that multiprocessing spawns starts its tracker too, which ends by letting
    # SIGINT through again: not while it is held.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def kept_environment() -> Iterator[None]:
    """Undo what a nanny sets in this process's environment when it spawns a worker."""
    with restored_environment(WORKER_ENVIRONMENT):
        # Variables that exist take precedence over settings. A cluster that somebody else opened
        # in this process leaves Dask's own default behind, which nobody chose.
        if os.environ.get("MALLOC_TRIM_THRESHOLD_") == DASK_TRIM_THRESHOLD:
            del os.environ["MALLOC_TRIM_THRESHOLD_"]
        yield


@contextlib.contextmanager
def restored_environment(names: Iterable[str]) -> Iterator[None]:
    """Put variables of this process's environment back in the end, also such as were not there."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
