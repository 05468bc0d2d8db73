"""From an address to a client whose workers can be relied on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from seisproc.cluster.closing import closing
from seisproc.cluster.environment import LOG_SETTING
from seisproc.cluster.gateway import gateway_client, is_gateway
from seisproc.cluster.patience import patience, patient
from seisproc.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client, WorkerPlugin

log = logging.getLogger(__name__)

LOGGER = "seisproc"
"""What workers log under this name reaches the process that is connected to them."""

TRIES = 3
"""Times that the workers are prepared, one of which may die meanwhile."""

ANSWER_TIMEOUT_S = 5.0
"""How long an address may take to answer."""

GREETING = 6
"""So many times as long it may take to greet whom it has let in."""

WORKERS_TIMEOUT_S = 300.0
"""How long to wait for a worker where who opened the cluster has not said."""


@contextlib.contextmanager
def connect(
    address: str,
    *,
    timeout_s: float = ANSWER_TIMEOUT_S,
    workers_timeout_s: float | None = None,
) -> Iterator[Client | None]:
    """Yield a client of the scheduler at ``address``, or None for ``""``, this process.

    Waits for the first worker (unless told, as long as who opened the cluster would), checks that
    the workers run this very code, sees to it that later ones are checked too and that all leave in
    order, and forwards what they log under ``seisproc`` to this process's logger of that name.

    Raises
    ------
    ClusterError
        If nobody answers in time, no worker comes, or a worker runs other code.
    """
    if not address:
        yield None
        return
    told = patience(address) if workers_timeout_s is None else workers_timeout_s
    with _client(address, timeout_s) as client, patient(client.id, told):
        _wait_for_worker(client, address, WORKERS_TIMEOUT_S if told is None else told)
        check = _prepare(client, address)
        try:
            yield client
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                client.unregister_worker_plugin(check)


def _prepare(client: Client, address: str) -> str:
    """Check the workers and tell them what they need; return the name of the check.

    A worker that dies meanwhile breaks the scheduler's message to all of them; so it is sent again.
    """
    from seisproc.cluster.leaving import Leaving, Notice
    from seisproc.cluster.same_code import REFUSED, SameCode, require_same_code, tell_of_refused

    for left in reversed(range(TRIES)):
        try:
            check = SameCode(require_same_code(client), client.id)
            client.subscribe_topic(REFUSED, tell_of_refused)
            client.register_plugin(check)
            client.register_plugin(Leaving())
            client.register_plugin(Notice())
            client.forward_logging(LOGGER)
            client.register_plugin(_log_level(logging.getLogger(LOGGER).getEffectiveLevel()))
            return check.name
        except OSError as error:
            if not left or client.status != "running":
                raise _lost(address, error) from error
            log.info("the workers are prepared again, since one was lost: %s", error)
    raise AssertionError("not reached")


@contextlib.contextmanager
def _client(address: str, timeout_s: float) -> Iterator[Client]:
    if is_gateway(address):
        with gateway_client(address, GREETING * timeout_s) as client:
            yield client
        return
    import dask

    from seisproc.cluster.beginning import Client, hanging

    _require_answer(address, timeout_s)
    begin = time.monotonic()
    try:
        with dask.config.set(LOG_SETTING):
            client = Client(address, GREETING * timeout_s, timeout=timeout_s)
    except TimeoutError as error:
        raise hanging(address, time.monotonic() - begin) from error
    except OSError as error:
        raise _lost(address, error) from error
    with closing(client):
        yield client


def _require_answer(address: str, timeout_s: float) -> None:
    """Knock before a client is made: one that fails to connect takes ten noisy seconds to go.

    What accepts a connection and never says hello is none of Dask's, or hangs; Dask itself would
    wait for it for ever. A scheduler that is busy has longer for that than for being there.
    """
    from distributed.comm.core import connect as knock
    from distributed.security import Security

    async def probe() -> None:
        arguments = Security().get_connection_args("client")  # certificates for tls://
        greeted = knock(address, timeout=timeout_s, **arguments)
        await (await asyncio.wait_for(greeted, GREETING * timeout_s)).close()

    with ThreadPoolExecutor(1) as thread:  # an event loop may be running in this one
        try:
            thread.submit(asyncio.run, probe()).result()
        except TimeoutError as error:
            silent = f"it accepts connections, and said nothing for {GREETING * timeout_s:g} s"
            look = "Look at its process (stopped, or its machine swapping?); or check"
            raise _no_scheduler(address, silent, look) from error
        except OSError as error:
            raise _no_scheduler(address, f"none after {timeout_s:g} s") from error
        except MemoryError as error:  # the first eight bytes are the length of what follows
            raise _no_scheduler(
                address, "something that speaks otherwise, such as a web server or a proxy"
            ) from error
        except (ValueError, TypeError, RuntimeError) as error:
            raise _no_scheduler(address, str(error)) from error


def _no_scheduler(address: str, found: str, check: str = "Check") -> ClusterError:
    return ClusterError(
        f"no Dask scheduler answers at {address}",
        found=found,
        do=f"{check} the address (the scheduler's port, not its dashboard's), or let a cluster be"
        " started with --cluster local",
    )


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
            do="Start workers, ask for what the cluster can give, or wait longer with wait_s",
        ) from error
    except OSError as error:
        raise _lost(address, error) from error


def _lost(address: str, error: Exception) -> ClusterError:
    return ClusterError(
        f"the Dask cluster at {address} was lost while it was connected to",
        found=str(error),
        do="Look whether its scheduler still runs, and run the same command again",
    )
