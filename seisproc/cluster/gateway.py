"""Dask Gateway: a server that starts clusters for people who may not start pods or jobs themselves.

Its schedulers are reached through a proxy, with a certificate that only the server hands out. So
the address that stages of work pass on names the server and the cluster:
``gateway+https://gateway.example.org#CLUSTER``. Who may ask is up to Dask's own configuration
(``gateway.auth``), or to the environment of a JupyterHub.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from seisproc.cluster.closing import closing
from seisproc.cluster.spec import ClusterSpec
from seisproc.errors import ClusterError, one_line

if TYPE_CHECKING:
    from dask_gateway import GatewayCluster
    from distributed import Client

PREFIX = "gateway+"

FAREWELL_S = 30.0
"""How long a server may take to end a cluster; what it has not ended then, idleness ends."""


def is_gateway(address: str) -> bool:
    """Whether an address leads through a gateway."""
    return address.startswith(PREFIX)


def start_gateway(spec: ClusterSpec) -> Any:
    """Ask a gateway for a cluster. The server knows what a worker's options may be.

    Raises
    ------
    ClusterError
        If it has no scheduler when a first worker would have been waited for long enough.
    """
    begin = time.monotonic()
    try:
        cluster = _ending(spec.first_patience_s)(
            address=spec.address or None, shutdown_on_close=True, **spec.options
        )
    except TimeoutError as error:
        raise ClusterError(
            "the gateway has started no scheduler",
            found=f"none after {time.monotonic() - begin:.0f} s",
            do="Look at the gateway's server and what its clusters wait for, or wait longer with"
            " wait_s",
        ) from error
    try:
        if spec.maximum is not None:
            cluster.adapt(minimum=spec.least, maximum=spec.maximum)
        else:
            cluster.scale(spec.workers)
    except BaseException:
        cluster.shutdown()
        raise
    return cluster


def _ending(seconds: float) -> type[GatewayCluster]:
    """Derive a class of clusters whose start, or whose finding by name, has an end.

    Its own asks a server that does not answer again and again, waits for ever for a scheduler that
    hangs, and leaves its thread behind when it fails.
    """
    from dask_gateway import GatewayCluster

    class Ending(GatewayCluster):
        def _init_internal(self, **options: Any) -> None:
            try:
                super()._init_internal(**options)
            except Exception:
                if hasattr(self, "gateway"):
                    self.gateway.close()
                raise

        async def _start_async(self) -> None:
            async with asyncio.timeout(seconds):
                await super()._start_async()

        async def _stop_internal(self, shutdown: bool | None = None) -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await super()._stop_internal(shutdown)

    return Ending


def gateway_address(cluster: Any, spec: ClusterSpec) -> str:
    """Name the server and the cluster, for :func:`gateway_client`."""
    proxy = spec.options.get("proxy_address")
    query = f"?proxy={quote(str(proxy), safe='')}" if proxy else ""
    return f"{PREFIX}{cluster.gateway.address}{query}#{cluster.name}"


@contextlib.contextmanager
def gateway_client(address: str, greeting_s: float) -> Iterator[Client]:
    """Yield a client of a cluster that a gateway started.

    Raises
    ------
    ClusterError
        If the gateway does not answer, or knows no such cluster; or if the cluster's scheduler says
        nothing for ``greeting_s`` seconds.
    """
    from seisproc.cluster.beginning import Client

    parts = urlsplit(address.removeprefix(PREFIX))
    begun = contextlib.ExitStack()
    try:
        cluster = _ending(greeting_s).from_name(
            parts.fragment,
            address=parts._replace(query="", fragment="").geturl(),
            proxy_address=parse_qs(parts.query).get("proxy", [None])[0],
        )
        begun.callback(cluster.close)
        # As its own get_client would make it, but for the end of its start.
        client = Client(cluster, greeting_s, security=cluster.security, loop=cluster.loop)
        begun.enter_context(closing(client))
    except Exception as error:
        begun.close()
        silent = f"nothing for {greeting_s:g} s"
        raise ClusterError(
            f"the gateway does not lead to the cluster {parts.fragment}",
            found=silent if isinstance(error, TimeoutError) else one_line(error),
            do="Start again: the cluster may have ended for lack of work, or its scheduler hangs",
        ) from error
    with begun:
        yield client
