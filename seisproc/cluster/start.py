"""Start a cluster, hand out its address, and close it at the end."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Iterator
from typing import Any

from seisproc.cluster import kinds
from seisproc.cluster.environment import (
    interrupts_held,
    kept_environment,
    nannies_kept,
    settings,
)
from seisproc.cluster.gateway import gateway_address, start_gateway
from seisproc.cluster.kube_cluster import start_kube_cluster
from seisproc.cluster.options import require_usable
from seisproc.cluster.patience import patient
from seisproc.cluster.spec import (
    ADDRESS,
    CUDA,
    GATEWAY,
    IN_PROCESS,
    KUBERNETES,
    LOCAL,
    PBS,
    QUEUED,
    SLURM,
    SSH,
    ClusterSpec,
)
from seisproc.errors import ClusterError, SeisprocError, one_line

log = logging.getLogger(__name__)


@contextlib.contextmanager
def open_cluster(spec: ClusterSpec) -> Iterator[str]:
    """Start the cluster, yield its scheduler's address, close it at the end.

    In-process yields ``""``; a cluster given by its address is neither started nor closed. Where
    workers queue for room, the first of them is waited for; those of a gateway, and whoever is to
    come later, by :func:`seisproc.cluster.connect`, which is as patient as the spec.

    Raises
    ------
    ConfigError
        If its class does not take the options, or lacks what it needs.
    ClusterError
        If the library for this kind is not installed, or the cluster cannot be started.
    """
    if spec.kind == IN_PROCESS:
        yield ""
        return
    if spec.kind == ADDRESS:
        with patient(spec.address, spec.wait_s):
            yield spec.address
        return
    with kept_environment(), nannies_kept(spec):
        cluster = _start(spec)
        try:
            if spec.kind == GATEWAY:
                address = gateway_address(cluster, spec)
            else:
                _wait(spec, cluster)
                address = str(cluster.scheduler_address)
            with patient(address, spec.patience_s):
                yield address
        finally:
            with contextlib.suppress(TimeoutError):
                cluster.close()


def _start(spec: ClusterSpec) -> Any:
    import dask
    import distributed  # noqa: F401 - its defaults would go with the settings if these came first

    _require_library(spec)
    require_usable(spec)
    with dask.config.set(settings(spec)):
        try:
            cluster = _STARTS[spec.kind](spec)
            if spec.maximum is not None and spec.kind != GATEWAY:
                cluster.adapt(minimum=spec.least, maximum=spec.maximum)
            return cluster
        except SeisprocError:
            raise
        except Exception as error:
            raise ClusterError(
                f"the cluster of kind {spec.kind!r} does not start",
                found=one_line(error),
                do="Check the cluster's options and what its class requires",
            ) from error


def _require_library(spec: ClusterSpec) -> None:
    library = kinds.LIBRARIES.get(spec.kind)
    if library is None:
        return
    try:
        importlib.import_module(library.module)
    except ImportError as error:
        raise ClusterError(
            f"a cluster of kind {spec.kind!r} needs the library {library.module.split('.')[0]}",
            found=str(error),
            do=f"Install it with: pip install 'seisproc[{library.extra}]'",
        ) from error


def _local(spec: ClusterSpec) -> Any:
    from distributed import LocalCluster

    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "memory_limit": "auto" if spec.memory_gib is None else f"{spec.memory_gib:g}GiB",
        "silence_logs": logging.CRITICAL,
        "death_timeout": kinds.DEATH_TIMEOUT_S,
        **spec.options,
    }
    if spec.dashboard is None:
        # The scheduler opens port 8787 even then, unless it is told otherwise.
        closed = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
        options["scheduler_kwargs"] = {**closed, **(options.get("scheduler_kwargs") or {})}
    with interrupts_held():
        return LocalCluster(
            n_workers=spec.first,
            threads_per_worker=spec.threads_per_worker,
            processes=True,
            dashboard_address=spec.dashboard,
            **options,
        )


def _library_class(spec: ClusterSpec) -> Any:
    library = kinds.LIBRARIES[spec.kind]
    return getattr(importlib.import_module(library.module), library.name)


def _cuda(spec: ClusterSpec) -> Any:
    with interrupts_held():
        return _library_class(spec)(**kinds.cuda_options(spec))


def _ssh(spec: ClusterSpec) -> Any:
    from distributed import SSHCluster

    return SSHCluster(**kinds.ssh_options(spec))


def _jobs(spec: ClusterSpec) -> Any:
    cluster = _library_class(spec)(**kinds.job_options(spec))
    cluster.scale(jobs=spec.first)
    return cluster


_STARTS = {
    LOCAL: _local,
    CUDA: _cuda,
    SSH: _ssh,
    SLURM: _jobs,
    PBS: _jobs,
    KUBERNETES: start_kube_cluster,
    GATEWAY: start_gateway,
}


def _wait(spec: ClusterSpec, cluster: Any) -> None:
    """Wait for the first worker where it has to queue."""
    if spec.kind not in QUEUED:
        return
    log.info("waiting for the first worker of %s, at most %g s", spec.kind,
             spec.first_patience_s)
    try:
        cluster.wait_for_workers(1, timeout=spec.first_patience_s)
    except TimeoutError as error:
        raise ClusterError(
            f"no worker of the cluster of kind {spec.kind!r} has come",
            found=f"none after {spec.first_patience_s:g} s",
            do="Ask for less, or wait longer with wait_s",
        ) from error
    except OSError as error:
        raise ClusterError(
            f"the cluster of kind {spec.kind!r} ended while its first worker was waited for",
            found=one_line(error),
            do="Look at what ended its scheduler, and start again",
        ) from error
