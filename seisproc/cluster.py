"""Where the work runs: this process, a local cluster, a batch system, Kubernetes, or an address.

A :class:`ClusterSpec` says which; :func:`open_cluster` starts it and yields its address, which is
all that a stage of work needs; :func:`connect` turns an address into a client. The address ``""``
stands for this very process, and its client is None.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import importlib.util
import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seisproc.errors import ClusterError, ConfigError

if TYPE_CHECKING:
    from distributed import Client, WorkerPlugin

IN_PROCESS = "in-process"
LOCAL = "local"
ADDRESS = "address"

WORKER_ENVIRONMENT = {
    # glibc gives every freed block above the trim threshold back to the system. Dask's default of
    # 64 KiB makes torch page-fault through each of its work buffers again and again, which costs
    # half its speed on a CPU.
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024**2),
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024**2),
    # A worker of n threads runs n tasks at a time; a task that computes with several threads says
    # so itself.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # Zarr's pool only has to keep up with the tasks of its own worker.
    "ZARR_THREADING__MAX_WORKERS": "2",
}

DASK_TRIM_THRESHOLD = "65536"
"""Environment of the workers, set before their interpreter starts; the user's own values win."""

LOGGER = "seisproc"
"""What workers log under this name reaches the process that is connected to them."""

ANSWER_TIMEOUT_S = 5.0
"""How long an address may take to answer."""


@dataclass(frozen=True)
class ClusterSpec:
    """Which cluster, and how much of it.

    Parameters
    ----------
    kind : str
        ``in-process``, ``local``, ``address`` (one that already runs), or one that an extra
        brings: ``cuda`` (a process per GPU), ``ssh``, ``slurm``, ``pbs``, ``kubernetes``.
    workers : int
        Worker processes to start.
    threads_per_worker : int
        Tasks that one worker runs at a time.
    memory_gib : float, optional
        Memory of one worker. A local worker that passes it is restarted. None: an equal share of
        this machine; batch systems must be told.
    address : str
        Scheduler to use, for kind ``address``: ``tcp://host:8786``.
    dashboard : str, optional
        Where Dask's own dashboard listens, e.g. ``127.0.0.1:8787``; None: nowhere.
    options : dict
        Handed on to the cluster's class as they are, e.g. ``queue`` and ``walltime`` for SLURM,
        ``image`` and ``namespace`` for Kubernetes, ``hosts`` for SSH.
    """

    kind: str = IN_PROCESS
    workers: int = 1
    threads_per_worker: int = 1
    memory_gib: float | None = None
    address: str = ""
    dashboard: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kinds = (IN_PROCESS, LOCAL, ADDRESS, *_REMOTE)
        if self.kind not in kinds:
            raise ConfigError(
                "unknown kind of cluster", found=repr(self.kind), expected=", ".join(kinds)
            )
        if self.workers < 1 or self.threads_per_worker < 1:
            raise ConfigError(
                "a cluster needs at least one worker with one thread",
                found=f"workers {self.workers}, threads_per_worker {self.threads_per_worker}",
            )
        if (self.kind == ADDRESS) != bool(self.address):
            raise ConfigError(
                "an address belongs to a cluster of kind 'address', and to no other",
                found=f"kind {self.kind!r}, address {self.address!r}",
                do="Give kind 'address' and a scheduler such as tcp://host:8786",
            )


@dataclass(frozen=True)
class _RemoteKind:
    """A kind of cluster that a library brings: its class, and the extra that installs it."""

    module: str
    name: str
    extra: str | None


_REMOTE = {
    "cuda": _RemoteKind("dask_cuda", "LocalCUDACluster", "gpu"),
    "ssh": _RemoteKind("distributed", "SSHCluster", None),
    "slurm": _RemoteKind("dask_jobqueue", "SLURMCluster", "slurm"),
    "pbs": _RemoteKind("dask_jobqueue", "PBSCluster", "slurm"),
    "kubernetes": _RemoteKind("dask_kubernetes.operator", "KubeCluster", "kubernetes"),
}


@contextlib.contextmanager
def open_cluster(spec: ClusterSpec) -> Iterator[str]:
    """Start the cluster, yield its scheduler's address, close it at the end.

    In-process yields ``""``; a cluster given by its address is neither started nor closed.

    Raises
    ------
    ClusterError
        If the library for this kind is not installed, or the cluster cannot be started.
    """
    if spec.kind == IN_PROCESS:
        yield ""
        return
    if spec.kind == ADDRESS:
        yield spec.address
        return
    with _kept_environment():
        cluster = _local(spec) if spec.kind == LOCAL else _remote(spec)
        try:
            yield str(cluster.scheduler_address)
        finally:
            with contextlib.suppress(TimeoutError):
                cluster.close()


@contextlib.contextmanager
def connect(
    address: str, *, timeout_s: float = ANSWER_TIMEOUT_S, workers_timeout_s: float = 300.0
) -> Iterator[Client | None]:
    """Yield a client of the scheduler at ``address``, or None for ``""``, this process.

    Waits for the first worker, checks that the workers run this very code, and forwards what they
    log under ``seisproc`` to this process's logger of that name.

    Raises
    ------
    ClusterError
        If nobody answers in time, no worker comes, or a worker runs other code.
    """
    if not address:
        yield None
        return
    from distributed import Client

    _require_answer(address, timeout_s)
    client = Client(address, timeout=timeout_s, set_as_default=False)
    try:
        _wait_for_worker(client, address, workers_timeout_s)
        _require_same_code(client)
        client.forward_logging(LOGGER)
        client.register_plugin(_log_level(logging.getLogger(LOGGER).getEffectiveLevel()))
        yield client
    finally:
        client.close()


def code_hash() -> str:
    """Hash of the code that runs on workers: every Python file of ``seisproc`` and ``models``.

    Two installations with the same hash compute the same, as far as this project is concerned.
    """
    digest = hashlib.sha256()
    for package in ("seisproc", "models"):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(f"{package}/{path.relative_to(folder)}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _local(spec: ClusterSpec) -> Any:
    import dask
    from distributed import LocalCluster

    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "memory_limit": "auto" if spec.memory_gib is None else f"{spec.memory_gib}GiB",
        "silence_logs": logging.CRITICAL,
        "death_timeout": 60,
        **spec.options,
    }
    if spec.dashboard is None:
        # The scheduler opens port 8787 even then, unless it is told otherwise.
        options["scheduler_kwargs"] = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with dask.config.set(_settings()), _interrupts_held():
        try:
            return LocalCluster(
                n_workers=spec.workers,
                threads_per_worker=spec.threads_per_worker,
                processes=True,
                dashboard_address=spec.dashboard,
                **options,
            )
        except (OSError, RuntimeError, TypeError) as error:
            raise _start_error(spec, error) from error


def _remote(spec: ClusterSpec) -> Any:
    import dask

    kind = _REMOTE[spec.kind]
    try:
        factory = getattr(importlib.import_module(kind.module), kind.name)
    except ImportError as error:
        raise ClusterError(
            f"a cluster of kind {spec.kind!r} needs the library {kind.module.split('.')[0]}",
            found=str(error),
            do=f"Install it with: pip install 'seisproc[{kind.extra}]'",
        ) from error
    with dask.config.set(_settings()):
        try:
            cluster = factory(**_remote_options(spec))
            if spec.kind in ("slurm", "pbs", "kubernetes"):
                cluster.scale(spec.workers)
            return cluster
        except Exception as error:
            raise _start_error(spec, error) from error


def _remote_options(spec: ClusterSpec) -> dict[str, Any]:
    """Say our sizes in the words of the cluster's class; the user's own options come last."""
    threads, memory = spec.threads_per_worker, spec.memory_gib
    own: dict[str, Any] = {}
    if spec.kind in ("slurm", "pbs"):
        own = {
            "cores": threads,
            "processes": 1,
            "job_script_prologue": [f"export {k}={v}" for k, v in WORKER_ENVIRONMENT.items()],
            "scheduler_options": {"idle_timeout": "1 hour"},
        }
        if memory is not None:
            own["memory"] = f"{memory}GiB"
    elif spec.kind == "kubernetes":
        limits = {"cpu": str(threads), **({"memory": f"{memory}Gi"} if memory else {})}
        own = {
            "n_workers": 0,
            "env": WORKER_ENVIRONMENT,
            "resources": {"requests": limits, "limits": limits},
            "worker_command": ["dask", "worker", f"--nthreads={threads}"],
            "idle_timeout": 3600,
        }
    elif spec.kind == "cuda":
        own = {
            "n_workers": spec.workers,
            "threads_per_worker": threads,
            "dashboard_address": spec.dashboard,
        }
    elif spec.kind == "ssh":
        own = {"worker_options": {"nthreads": threads, "n_workers": 1}}
        if memory is not None:
            own["worker_options"]["memory_limit"] = f"{memory}GiB"
    return {**own, **spec.options}


def _settings() -> dict[str, Any]:
    return {
        "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
        # Regions are long and equal tasks: a queue on a worker would only unbalance them.
        "distributed.scheduler.worker-saturation": 1.0,
    }


def _start_error(spec: ClusterSpec, error: Exception) -> ClusterError:
    return ClusterError(
        f"the cluster of kind {spec.kind!r} does not start",
        found=f"{type(error).__name__}: {error}",
        do="Check the cluster's options and what its class requires",
    )


def _require_answer(address: str, timeout_s: float) -> None:
    """Knock before a client is made: one that fails to connect takes ten noisy seconds to go."""
    from distributed.comm.core import connect as knock

    async def probe() -> None:
        await (await knock(address, timeout=timeout_s)).close()

    with ThreadPoolExecutor(1) as thread:  # an event loop may be running in this one
        try:
            thread.submit(asyncio.run, probe()).result()
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise ClusterError(
                f"no Dask scheduler answers at {address}",
                found=f"none after {timeout_s:g} s",
                do="Check the address, or let a cluster be started with --cluster local",
            ) from error


def _log_level(level: int) -> WorkerPlugin:
    """Make all workers, later ones too, log what this process would: their own level is WARNING."""
    from distributed import WorkerPlugin

    class LogLevel(WorkerPlugin):
        name = "seisproc-log-level"

        def setup(self, worker: Any) -> None:
            logging.getLogger(LOGGER).setLevel(level)

    return LogLevel()


def _wait_for_worker(client: Client, address: str, timeout_s: float) -> None:
    try:
        client.wait_for_workers(1, timeout=timeout_s)
    except TimeoutError as error:
        raise ClusterError(
            f"the Dask scheduler at {address} has no workers",
            found=f"none after {timeout_s:g} s",
            do="Start workers, or ask for resources that the cluster can give",
        ) from error


def _require_same_code(client: Client) -> None:
    ours = code_hash()
    try:
        theirs: dict[str, str] = client.run(code_hash)
    except ImportError as error:
        raise ClusterError(
            "a Dask worker cannot import seisproc",
            found=str(error),
            do="Install this very version on every worker",
        ) from error
    other = sorted(worker for worker, code in theirs.items() if code != ours)
    if other:
        raise ClusterError(
            f"{len(other)} of {len(theirs)} Dask workers run other code than this process",
            found=f"{other[0]} has {theirs[other[0]]}",
            expected=ours,
            do="Install this very version on every worker and restart it",
        )


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while the body runs, and from all threads and processes that it starts.

    A terminal sends Ctrl-C to the workers too. They would die with a traceback each, where this
    process has to end the work in order and to close them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _kept_environment() -> Iterator[None]:
    """Undo what a nanny sets in this process's environment when it spawns a worker."""
    before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
    # Variables that exist take precedence over settings. A cluster that somebody else opened in
    # this process leaves Dask's own default behind, which nobody chose.
    if before["MALLOC_TRIM_THRESHOLD_"] == DASK_TRIM_THRESHOLD:
        del os.environ["MALLOC_TRIM_THRESHOLD_"]
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


