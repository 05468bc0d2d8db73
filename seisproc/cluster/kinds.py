"""What each library that starts clusters is told: our sizes in its words.

Each function returns arguments of one class. The user's own options come last: his lists lengthen
ours, his mappings join them, and any other value of his wins.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seisproc.cluster import kubernetes
from seisproc.cluster.environment import worker_environment
from seisproc.cluster.resources import GPU
from seisproc.cluster.spec import (
    CUDA,
    GATEWAY,
    KUBERNETES,
    PBS,
    SLURM,
    SSH,
    ClusterSpec,
)
from seisproc.errors import ConfigError

DEATH_TIMEOUT_S = 60
"""A worker that finds no scheduler for so long ends."""


@dataclass(frozen=True)
class Library:
    """What a kind of cluster needs: the module, its class, and the extra that installs it."""

    module: str
    name: str
    extra: str


LIBRARIES = {
    CUDA: Library("dask_cuda", "LocalCUDACluster", "gpu"),
    SSH: Library("asyncssh", "", "ssh"),
    SLURM: Library("dask_jobqueue", "SLURMCluster", "slurm"),
    PBS: Library("dask_jobqueue", "PBSCluster", "slurm"),
    KUBERNETES: Library("dask_kubernetes.operator", "KubeCluster", "kubernetes"),
    GATEWAY: Library("dask_gateway", "GatewayCluster", "gateway"),
}


def cuda_options(spec: ClusterSpec) -> dict[str, Any]:
    """Arguments of ``dask_cuda.LocalCUDACluster``: a worker per GPU, each offering it.

    Its ``n_workers`` of None is one for each GPU that ``CUDA_VISIBLE_DEVICES`` leaves.
    """
    own: dict[str, Any] = {
        "n_workers": spec.workers,
        "threads_per_worker": spec.threads_per_worker,
        "dashboard_address": spec.dashboard,
        "resources": {GPU: 1},
        "death_timeout": DEATH_TIMEOUT_S,
    }
    if spec.memory_gib is not None:
        own["memory_limit"] = f"{spec.memory_gib:g}GiB"
    if spec.dashboard is None:
        own["scheduler_kwargs"] = _dashboard(spec)
    return _joined(own, spec.options)


def _joined(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Join the user's options to ours.

    Raises
    ------
    ConfigError
        If a list or a mapping is to be joined to something else.

    >>> _joined({"a": [1], "b": {"c": 2, "d": 3}, "e": 4}, {"a": [5], "b": {"d": 6}, "e": 7})
    {'a': [1, 5], 'b': {'c': 2, 'd': 6}, 'e': 7}
    """
    joined = {**own, **given}
    for name in own.keys() & given.keys():
        ours, theirs = own[name], given[name]
        for kind, word in ((list, "a list"), (dict, "a mapping")):
            if isinstance(ours, kind) and not isinstance(theirs, kind):
                raise ConfigError(f"option {name} of the cluster", found=repr(theirs),
                                  expected=word)
        if isinstance(ours, list):
            joined[name] = [*ours, *theirs]
        elif isinstance(ours, dict):
            joined[name] = _joined(ours, theirs)
    return joined


def _dashboard(spec: ClusterSpec) -> dict[str, Any]:
    """Arguments of a scheduler: where it shows how it stands, or that it does not.

    It opens port 8787 of the whole machine even then, unless it is told otherwise.
    """
    if spec.dashboard is None:
        return {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    return {"dashboard_address": spec.dashboard}


def ssh_options(spec: ClusterSpec) -> dict[str, Any]:
    """Arguments of ``distributed.SSHCluster``.

    The scheduler runs on the first of ``hosts``; the workers are dealt out to the others, or to
    the first where it is the only one.

    Raises
    ------
    ConfigError
        If workers with a GPU each would share a host: all would be given its first one.
    """
    hosts = list(spec.options["hosts"])
    dealt = list(itertools.islice(itertools.cycle(hosts[1:] or hosts), spec.first))
    if spec.gpu and len(set(dealt)) < len(dealt) and "worker_class" not in spec.options:
        raise ConfigError(
            "workers with a GPU each would share a host, and its first GPU",
            found=f"{len(dealt)} workers on {len(set(dealt))} hosts: {', '.join(dealt)}",
            expected="at most one a host",
            do="Ask for fewer workers; or, where hosts have several GPUs, give one worker a host"
            " and options: worker_class: dask_cuda.CUDAWorker, which starts one for each",
        )
    worker: dict[str, Any] = {
        "nthreads": spec.threads_per_worker,
        "n_workers": 1,
        "death_timeout": DEATH_TIMEOUT_S,
    }
    if spec.memory_gib is not None:
        worker["memory_limit"] = f"{spec.memory_gib:g}GiB"
    if spec.gpu:
        worker["resources"] = {GPU: 1}
    scheduler = {"port": 0, "idle_timeout": f"{spec.idle_s:g}s", **_dashboard(spec)}
    own = {"worker_options": worker, "scheduler_options": scheduler}
    return {**_joined(own, spec.options), "hosts": [hosts[0], *dealt]}


def job_options(spec: ClusterSpec) -> dict[str, Any]:
    """Arguments of dask-jobqueue's classes: one worker a job, with a GPU where asked.

    Raises
    ------
    ConfigError
        If PBS is not told how to ask for a GPU; or the user's options are no lists where ours are,
        or give workers with a GPU other resources alone.
    """
    own: dict[str, Any] = {
        "cores": spec.threads_per_worker,
        "processes": 1,
        "death_timeout": DEATH_TIMEOUT_S,
        "job_script_prologue": [f"export {k}={v}" for k, v in worker_environment(spec).items()],
        "scheduler_options": _dashboard(spec),
    }
    if spec.memory_gib is not None:
        own["memory"] = f"{spec.memory_gib:g}GiB"
    if spec.gpu:
        if spec.kind == SLURM:
            if not _asks_for_gpus(spec.options.get("job_extra_directives", [])):
                own["job_extra_directives"] = ["--gres=gpu:1"]
        elif "resource_spec" not in spec.options:
            raise ConfigError(
                "PBS must be told what a job with a GPU asks for",
                do="Give options: resource_spec: 'select=1:ncpus=1:ngpus=1:mem=8gb' or the like",
            )
        if not _offers_gpu(spec.options.get("worker_extra_args", [])):
            own["worker_extra_args"] = ["--resources", f"{GPU}=1"]
    return _joined(own, spec.options)


def _asks_for_gpus(directives: Sequence[str]) -> bool:
    """Whether directives of SLURM say themselves which GPUs a job gets.

    Of two ``--gres`` the last would count alone, so that one for anything else counts too.
    """
    return any(
        re.match(r"-G|--gpus\b|--gres(?!-)|--tres-per-\w+\b.*gpu", str(each).strip())
        for each in directives
    )


def _offers_gpu(arguments: Sequence[str]) -> bool:
    """Whether arguments of ``dask worker`` name its resources, a GPU among them.

    Of two ``--resources`` the last would count alone, so that others than a GPU are refused.
    """
    told = re.search(r"--resources[ =]+(.*)", " ".join(map(str, arguments)))
    if told is None:
        return False
    if not re.match(rf"[^-]*\b{GPU}=", told[1]):
        raise ConfigError(
            "workers with a GPU each offer other resources, and not it", found=told[0],
            do=f"Write {GPU}=1 among the --resources of worker_extra_args",
        )
    return True


def kubernetes_options(spec: ClusterSpec) -> dict[str, Any]:
    """Arguments of ``dask_kubernetes.operator.KubeCluster``, the cluster's resource included.

    Each call names another cluster: one that exists, such as that of ``infra/kubernetes``, would be
    joined, scaled, and in the end deleted by whoever made it.
    """
    own: dict[str, Any] = {"quiet": True}  # it would print its progress to stdout
    own |= {k: v for k, v in spec.options.items() if k not in kubernetes.OPTIONS}
    if "custom_cluster_spec" not in own:
        name = f"{kubernetes.pods_of(spec).name}-{secrets.token_hex(4)}"
        own["custom_cluster_spec"] = kubernetes.cluster_resource(spec, name, DEATH_TIMEOUT_S)
    return own
