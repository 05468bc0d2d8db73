"""What each library that starts clusters is told: our sizes in its words.

Each function returns arguments of one class; the user's own options come last.
"""

from __future__ import annotations

import itertools
import secrets
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
    return {**own, **spec.options}


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
    scheduler = {
        "port": 0,
        "idle_timeout": f"{spec.idle_s:g}s",
        **_dashboard(spec),
        **spec.options.get("scheduler_options", {}),
    }
    own = {"worker_options": worker}
    return {**own, **spec.options, "scheduler_options": scheduler, "hosts": [hosts[0], *dealt]}


def job_options(spec: ClusterSpec) -> dict[str, Any]:
    """Arguments of dask-jobqueue's classes: one worker a job, with a GPU where asked."""
    own: dict[str, Any] = {
        "cores": spec.threads_per_worker,
        "processes": 1,
        "death_timeout": DEATH_TIMEOUT_S,
    }
    if spec.memory_gib is not None:
        own["memory"] = f"{spec.memory_gib:g}GiB"
    if spec.gpu:
        if spec.kind == SLURM:
            own["job_extra_directives"] = ["--gres=gpu:1"]
        elif "resource_spec" not in spec.options:
            raise ConfigError(
                "PBS must be told what a job with a GPU asks for",
                do="Give options: resource_spec: 'select=1:ncpus=1:ngpus=1:mem=8gb' or the like",
            )
        own["worker_extra_args"] = ["--resources", f"{GPU}=1"]
    environment = [f"export {k}={v}" for k, v in worker_environment(spec).items()]
    merged = {
        "job_script_prologue": [*environment, *spec.options.get("job_script_prologue", [])],
        "scheduler_options": {**_dashboard(spec), **spec.options.get("scheduler_options", {})},
    }
    return {**own, **spec.options, **merged}


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
