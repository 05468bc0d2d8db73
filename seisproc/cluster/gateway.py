"""Dask Gateway: a server that starts clusters for people who may not start pods or jobs themselves.

Its schedulers are reached through a proxy, with a certificate that only the server hands out. So
the address that stages of work pass on names the server and the cluster:
``gateway+https://gateway.example.org#CLUSTER``. Who may ask is up to Dask's own configuration
(``gateway.auth``), or to the environment of a JupyterHub.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from seisproc.cluster.closing import closing
from seisproc.cluster.spec import ClusterSpec
from seisproc.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

PREFIX = "gateway+"


def is_gateway(address: str) -> bool:
    """Whether an address leads through a gateway."""
    return address.startswith(PREFIX)


def start_gateway(spec: ClusterSpec) -> Any:
    """Ask a gateway for a cluster. The server knows what a worker's options may be."""
    from dask_gateway import GatewayCluster

    cluster = GatewayCluster(address=spec.address or None, shutdown_on_close=True, **spec.options)
    try:
        if spec.maximum is not None:
            cluster.adapt(minimum=spec.least, maximum=spec.maximum)
        else:
            cluster.scale(spec.workers)
    except BaseException:
        cluster.shutdown()
        raise
    return cluster


def gateway_address(cluster: Any, spec: ClusterSpec) -> str:
    """Name the server and the cluster, for :func:`gateway_client`."""
    proxy = spec.options.get("proxy_address")
    query = f"?proxy={quote(str(proxy), safe='')}" if proxy else ""
    return f"{PREFIX}{cluster.gateway.address}{query}#{cluster.name}"


@contextlib.contextmanager
def gateway_client(address: str) -> Iterator[Client]:
    """Yield a client of a cluster that a gateway started.

    Raises
    ------
    ClusterError
        If the gateway does not answer, or knows no such cluster.
    """
    from dask_gateway import GatewayCluster

    parts = urlsplit(address.removeprefix(PREFIX))
    try:
        cluster = GatewayCluster.from_name(
            parts.fragment,
            address=parts._replace(query="", fragment="").geturl(),
            proxy_address=parse_qs(parts.query).get("proxy", [None])[0],
        )
    except Exception as error:
        raise ClusterError(
            f"the gateway does not lead to the cluster {parts.fragment}",
            found=f"{type(error).__name__}: {error}",
            do="Start again: the cluster may have ended for lack of work",
        ) from error
    try:
        with closing(cluster.get_client(set_as_default=False)) as client:
            yield client
    finally:
        cluster.close()
