"""Mistakes in the options of a cluster that can be told before anything starts."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from seisproc.cluster.kinds import LIBRARIES
from seisproc.cluster.spec import GATEWAY, LOCAL, PBS, SLURM, SSH, ClusterSpec
from seisproc.errors import ConfigError

FIELDS = {
    "n_workers": "workers",
    "threads_per_worker": "threads_per_worker",
    "nthreads": "threads_per_worker",
    "dashboard_address": "dashboard",
}
"""Arguments of Dask's own cluster of this machine that fields of ours stand for."""

INTERNAL = {*FIELDS, "self", "loop", "scheduler", "job_cls", "kwargs", "processes"}
"""Arguments that no file can give, or that a field of ours stands for."""


def require_usable(spec: ClusterSpec) -> None:
    """Refuse options that the cluster's class does not take, and the want of what it needs.

    What Dask's own configuration names need not be named again. Where the library of a kind is not
    installed its options are not looked at.

    Raises
    ------
    ConfigError
        If an option has a name that nobody takes, a batch system is not told how much memory a job
        needs, or no gateway is named.
    """
    if spec.options:  # the classes take a second to import
        _require_known(spec)
    if spec.kind in (SLURM, PBS):
        _require_memory(spec)
    if spec.kind == GATEWAY:
        _require_server(spec)


def _require_known(spec: ClusterSpec) -> None:
    takers = _takers(spec)
    known = {name for taker in takers for name in _arguments(taker)}
    for name in spec.options if takers else ():
        if spec.kind == LOCAL and name in FIELDS:
            raise ConfigError(
                f"{name!r} is no option of a cluster of kind 'local', but has a field of its own",
                found=f"options: {name}: {spec.options[name]}",
                do=f"Write {FIELDS[name]} beside kind instead",
            )
        if name in known and not (spec.kind == LOCAL and name == "processes"):
            continue
        near = difflib.get_close_matches(name, known - INTERNAL, 1)
        raise ConfigError(
            f"{name!r} is no option of a cluster of kind {spec.kind!r}",
            expected=f"an argument of {takers[0].__name__}",
            do=f"Write {near[0]}" if near else "Correct the name, or leave it out",
        )


def _takers(spec: ClusterSpec) -> list[Callable[..., Any]]:
    """Return who takes a cluster's options, each what the one before it leaves; empty: unknown."""
    if "worker_class" in spec.options and spec.kind == LOCAL:
        return []
    if spec.kind in (LOCAL, SSH):
        from distributed import LocalCluster, Nanny, SpecCluster, SSHCluster, Worker
        from distributed.core import Server

        return [SSHCluster, SpecCluster] if spec.kind == SSH else [
            LocalCluster, Nanny, Worker, Server]
    if spec.kind not in (SLURM, PBS) or "job_cls" in spec.options:
        return []
    library = LIBRARIES[spec.kind]
    try:
        cluster = getattr(importlib.import_module(library.module), library.name)
    except ImportError:  # told by who starts it, with what installs it
        return []
    return [cluster, *cluster.job_cls.__mro__[:-1]]


def _arguments(taker: Callable[..., Any]) -> list[str]:
    """Names of the arguments that are not handed on.

    >>> _arguments(lambda hosts, port=8786, **others: None)
    ['hosts', 'port']
    """
    parameters = inspect.signature(taker).parameters.values()
    return [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]


def _require_memory(spec: ClusterSpec) -> None:
    import dask

    section = f"jobqueue.{spec.options.get('config_name', spec.kind)}"
    if (
        spec.memory_gib is None
        and spec.options.get("memory") is None
        and dask.config.get(f"{section}.memory", None) is None
    ):
        raise ConfigError(
            f"a cluster of kind {spec.kind!r} must be told how much memory a job needs",
            found=f"neither memory_gib nor Dask's own setting {section}.memory",
            do="Give memory_gib: 16 or the like; on the command line --memory 16",
        )


def _require_server(spec: ClusterSpec) -> None:
    import dask

    if not spec.address and dask.config.get("gateway.address", None) is None:
        raise ConfigError(
            "a cluster of kind 'gateway' must be told where its server is",
            found="neither address nor Dask's own setting gateway.address",
            do="Give address: https://gateway.example.org or the like; on the command line"
            " --cluster https://gateway.example.org",
        )
