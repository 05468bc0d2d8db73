"""Starting a cluster on Kubernetes, with an end to the wait for its scheduler's pod.

dask-kubernetes waits without end for a pod that does not come: one that a quota or Pod Security
refuses, whose image cannot be pulled, or for which no node has room.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from seisproc.cluster import kinds
from seisproc.cluster.spec import ClusterSpec
from seisproc.errors import ClusterError

log = logging.getLogger(__name__)

CLOSE_S = 30.0
"""How long a cluster that did not start may take to go."""

TELL_S = 60.0
"""After so long it is said that the scheduler is still waited for: images are pulled by then."""


def start_kube_cluster(spec: ClusterSpec) -> Any:
    """Make the cluster of a spec, and wait for its scheduler as long as for the first worker.

    Raises
    ------
    ClusterError
        If the scheduler is not there by then; the cluster is deleted again.
    """
    from dask_kubernetes.operator import KubeCluster

    return ending(KubeCluster, spec.first_patience_s)(**kinds.kubernetes_options(spec))


def ending(kind: type[Any], seconds: float, tell_s: float = TELL_S) -> type[Any]:
    """Derive a class of Dask clusters whose start is given up after so many seconds.

    Whoever waits is told after ``tell_s`` where to look.
    """

    async def _start(self: Any) -> None:
        def tell() -> None:
            log.warning("the scheduler of %s is not ready yet: %s; %s", self.name, _standing(self),
                        _look(self))

        telling = asyncio.get_running_loop().call_later(tell_s, tell)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                await kind._start(self)
        except TimeoutError as error:
            if not limit.expired():  # the class itself has given up, and says why
                raise
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._close()
            raise ClusterError(
                f"the scheduler of the cluster {self.name} does not start",
                found=f"{_standing(self)} after {seconds:g} s",
                do=f"{_look(self)}; or wait longer with wait_s",
            ) from error
        finally:
            telling.cancel()

    return type(kind.__name__, (kind,), {"_start": _start})


def _standing(cluster: Any) -> str:
    """Say how the parts of a cluster stand, as its class last saw them."""
    parts = getattr(cluster, "_startup_component_status", None) or {}
    return ", ".join(f"{part} {state}" for part, state in parts.items()) or "nothing of it is there"


def _look(cluster: Any) -> str:
    """Say where Kubernetes says why: its events outlive the pods by an hour."""
    namespace = getattr(cluster, "namespace", None)
    return f"See kubectl {f'-n {namespace} ' if namespace else ''}get events | grep {cluster.name}"
