"""Work on GPUs that takes turns, by a concurrency limit of Prefect's, where a site has made one.

::

    prefect gcl create seisproc-gpu --limit 2

Then no more than two stages that compute on GPUs run at a time, whatever flows they are of; the
others wait. A slot is leased: where its holder dies it is free again after :data:`LEASE_S`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.context import TaskRunContext
from prefect.exceptions import ObjectNotFound

from models.runtime import settle_device
from seisproc.cluster import gpu_resources
from seisproc.errors import one_line
from tasks.outages import NO_ANSWER, patiently

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger("seisproc.stages")

LIMIT = "seisproc-gpu"
"""Name of the limit."""

LEASE_S = 300.0
"""How long a slot stays taken by a holder of whom nothing is heard."""


@contextlib.contextmanager
def gpu_slot(device: str, client: Client | None) -> Iterator[None]:
    """Hold a slot of the limit while the body runs; nothing where there is no limit, or no GPU.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda`` or ``auto``.
    client : Client, optional
        Of the cluster that computes; None: this process.
    """
    if TaskRunContext.get() is None or not _on_gpu(device, client) or not patiently(_limited):
        yield
        return
    log.info("a GPU is wanted: this waits for one of the slots of %s", LIMIT)
    slot = patiently(_take)
    try:
        yield
    finally:
        try:
            slot.close()
        except NO_ANSWER as error:
            log.warning("the slot of %s is free in %d s only: %s", LIMIT, LEASE_S, one_line(error))


def _take() -> contextlib.ExitStack:
    """Wait for a slot; whoever closes what comes back gives it back."""
    with contextlib.ExitStack() as slot:
        # A lease that cannot be renewed, as the server is away, ends no work of days.
        slot.enter_context(
            concurrency(LIMIT, lease_duration=LEASE_S, raise_on_lease_renewal_failure=False)
        )
        return slot.pop_all()


def _on_gpu(device: str, client: Client | None) -> bool:
    if device == "auto":  # of trainings
        return bool(gpu_resources(client)) if client else settle_device(device) == "cuda"
    return device != "cpu"


def _limited() -> bool:
    with get_client(sync_client=True) as server:
        try:
            server.read_global_concurrency_limit_by_name(LIMIT)
        except ObjectNotFound:
            return False
    return True
