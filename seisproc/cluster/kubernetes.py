"""The Dask cluster that a run makes of its own on Kubernetes, as the Dask operator is told of it.

Its pods are those of ``infra/kubernetes/dask-cluster.yaml``: the Pod Security profile
``restricted`` lets them in, they write to ``/tmp`` alone, credentials come from a Secret, and the
workers may go where nodes come and go; the scheduler may not::

    ClusterSpec --pods_of--> Pods
         |                     |
         +-> cluster_resource <+ --> DaskCluster -- KubeCluster --> operator --> pods
"""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import Any

from seisproc.cluster.environment import settings, variable_of, worker_environment
from seisproc.cluster.resources import GPU
from seisproc.cluster.spec import ClusterSpec
from seisproc.errors import ConfigError

NANNY_GIB = 1.0
"""Memory of a worker's pod beside the worker's own: its nanny and what it reads ahead."""

USER = 10001
"""Who runs in our image."""

SPOT = "seisproc/spot"
"""Label and taint of nodes that may be taken away."""

SPOT_TAINTS = (SPOT, "cloud.google.com/gke-spot", "kubernetes.azure.com/scalesetpriority")

GPU_RESOURCE = "nvidia.com/gpu"
"""What Kubernetes calls a GPU, and the taint of nodes that have one."""

NAME = re.compile(r"[a-z]([-a-z0-9]{0,42}[a-z0-9])?")
"""What a cluster's name may begin with: its service is called ``NAME-12345678-scheduler``, of 63
letters at most."""


@dataclass(frozen=True)
class Pods:
    """What a cluster's pods are made of; each field is an option of kind ``kubernetes``.

    Parameters
    ----------
    image : str
        Of the workers, and of the scheduler too if that has none of its own.
    scheduler_image : str
        Of the scheduler, which needs no CUDA.
    name : str
        What the name of the cluster, and so of its pods, begins with.
    cpu : str
        What a worker requests, in Kubernetes' words: ``4``, ``500m``.
    env : dict
        Further environment of the workers; goes before ours.
    secrets : list of str
        Secrets whose keys become environment of the workers, such as ``AWS_SECRET_ACCESS_KEY``.
        One that does not exist is passed over.
    node_selector : dict
        Labels of the nodes that workers go to.
    tolerations : list of dict
        Taints of nodes that workers may go to.
    service_account : str
        Who the pods are to the cloud; empty: the namespace's default.
    scheduler_service_type : str
        How the scheduler is reached: ``ClusterIP``, ``NodePort`` or ``LoadBalancer``.
    """

    image: str
    scheduler_image: str
    name: str
    cpu: str
    env: dict[str, str]
    secrets: list[str]
    node_selector: dict[str, str]
    tolerations: list[dict[str, Any]]
    service_account: str
    scheduler_service_type: str


OPTIONS = frozenset(each.name for each in dataclasses.fields(Pods))
"""Options that are about the pods; others are for the cluster's class."""


def pods_of(spec: ClusterSpec) -> Pods:
    """Read what a cluster's options say of its pods; the rest is as in ``infra/kubernetes``.

    Raises
    ------
    ConfigError
        If an option is of another type than it has to be, or no image is named.
    """
    usual = Pods(
        image="",
        scheduler_image="",
        name="seisproc",
        cpu=str(spec.threads_per_worker),
        env={},
        secrets=["seisproc-s3"],
        node_selector={"seisproc/pool": "gpu"} if spec.gpu else {},
        tolerations=_tolerations([GPU_RESOURCE, *SPOT_TAINTS] if spec.gpu else SPOT_TAINTS),
        service_account="",
        scheduler_service_type="ClusterIP",
    )
    told = {name: value for name, value in spec.options.items() if name in OPTIONS}
    if "cpu" in told:
        told["cpu"] = str(told["cpu"])  # YAML makes a number of it
    words: dict[type, str] = {str: "a text", list: "a list", dict: "names with values"}
    for name, value in told.items():
        wanted = type(getattr(usual, name))
        if not isinstance(value, wanted):
            raise ConfigError(
                f"the option {name!r} of a cluster of kind 'kubernetes' is of another type",
                found=repr(value),
                expected=words[wanted],
            )
    if not told.get("image"):
        raise ConfigError(
            "a cluster of kind 'kubernetes' needs an image with this version of seisproc",
            do="Give options: image: REGISTRY/seisproc:TAG, made with infra/docker/Dockerfile",
        )
    if not NAME.fullmatch(told.get("name", usual.name)):
        raise ConfigError(
            "Kubernetes would not take the name of the cluster",
            found=repr(told["name"]),
            expected="at most 44 small letters, digits and -, a letter first, no - last",
        )
    return dataclasses.replace(usual, **{"scheduler_image": told["image"], **told})


def _tolerations(taints: tuple[str, ...] | list[str]) -> list[dict[str, Any]]:
    return [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in taints]


def cluster_resource(spec: ClusterSpec, name: str, death_timeout_s: int) -> dict[str, Any]:
    """Return the ``DaskCluster`` of this name: one scheduler, and the workers to begin with.

    Parameters
    ----------
    spec : ClusterSpec
        Of kind ``kubernetes``.
    name : str
        Unlike that of any other cluster of the namespace: its pods bear it.
    death_timeout_s : int
        A worker that finds no scheduler for so long ends.

    Raises
    ------
    ConfigError
        If an option cannot be used.
    """
    pods = pods_of(spec)
    return {
        "apiVersion": "kubernetes.dask.org/v1",
        "kind": "DaskCluster",
        "metadata": {"name": name},
        "spec": {
            "idleTimeout": math.ceil(spec.idle_s),
            "scheduler": {
                "spec": _scheduler(spec, pods),
                "service": _service(name, pods.scheduler_service_type),
            },
            "worker": {"replicas": spec.first, "spec": _worker(spec, pods, death_timeout_s)},
        },
    }


def _scheduler(spec: ClusterSpec, pods: Pods) -> dict[str, Any]:
    health = {"httpGet": {"port": "http-dashboard", "path": "/health"}}
    container = {
        "name": "scheduler",
        "image": pods.scheduler_image,
        "args": ["dask", "scheduler", "--host", "0.0.0.0"],
        "env": _environment(_scheduler_environment(spec)),
        "ports": [
            {"name": "tcp-comm", "containerPort": 8786, "protocol": "TCP"},
            {"name": "http-dashboard", "containerPort": 8787, "protocol": "TCP"},
        ],
        "readinessProbe": health,
        "livenessProbe": {**health, "periodSeconds": 20, "failureThreshold": 6},
        "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "4Gi"}},
    }
    # It stays where nodes stay: without it the work under way begins again.
    lasting = {"key": SPOT, "operator": "NotIn", "values": ["true"]}
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [lasting]}]
            }
        }
    }
    return {**_restricted(container, pods), "affinity": affinity}


def _worker(spec: ClusterSpec, pods: Pods, death_timeout_s: int) -> dict[str, Any]:
    arguments = ["dask", "worker", "--name=$(DASK_WORKER_NAME)"]  # the operator names them
    arguments.append(f"--nthreads={spec.threads_per_worker}")
    if spec.gpu:
        arguments.append(f"--resources={GPU}=1")
    arguments.append(f"--death-timeout={death_timeout_s}")
    requests, limits = {"cpu": pods.cpu}, {}
    if spec.memory_gib is not None:
        arguments.append(f"--memory-limit={spec.memory_gib:g}GiB")
        requests["memory"] = limits["memory"] = _gibibytes(spec.memory_gib + NANNY_GIB)
    if spec.gpu:
        requests[GPU_RESOURCE] = limits[GPU_RESOURCE] = "1"
    arguments.append("--local-directory=/tmp")
    container = {
        "name": "worker",
        "image": pods.image,
        "args": arguments,
        "env": _environment({**worker_environment(spec), **pods.env}),
        "envFrom": [{"secretRef": {"name": name, "optional": True}} for name in pods.secrets],
        "resources": {"requests": requests, "limits": limits},
    }
    return {
        **_restricted(container, pods),
        "nodeSelector": pods.node_selector,
        "tolerations": pods.tolerations,
        # Kubernetes sends SIGKILL 30 s after SIGTERM unless told otherwise.
        "terminationGracePeriodSeconds": int(spec.drain_s) + 15,
    }


def _restricted(container: dict[str, Any], pods: Pods) -> dict[str, Any]:
    """Make a pod of a container: without rights, its root read-only, with a ``/tmp``.

    Neither part asks Kubernetes for anything, so neither is given a token for it; what clouds give
    to a service account does not come by that token.
    """
    container = {
        **container,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if pods.service_account:
        pod["serviceAccountName"] = pods.service_account
    return pod


def _service(name: str, kind: str) -> dict[str, Any]:
    ports = {"tcp-comm": 8786, "http-dashboard": 8787}
    return {
        "type": kind,
        "selector": {"dask.org/cluster-name": name, "dask.org/component": "scheduler"},
        "ports": [
            {"name": port, "protocol": "TCP", "port": number, "targetPort": port}
            for port, number in ports.items()
        ],
    }


def _scheduler_environment(spec: ClusterSpec) -> dict[str, str]:
    """Put the scheduler's settings into its environment: it runs in a pod of its own."""
    return {
        variable_of(name): str(value)
        for name, value in settings(spec).items()
        if name.startswith(("distributed.scheduler.", "distributed.admin."))
    }


def _environment(variables: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": str(value)} for name, value in variables.items()]


def _gibibytes(number: float) -> str:
    """Write an amount of memory without a fraction that Kubernetes would not take.

    >>> _gibibytes(16.0), _gibibytes(1.5)
    ('16Gi', '1536Mi')
    """
    return f"{number:g}Gi" if number == int(number) else f"{math.ceil(number * 1024)}Mi"
