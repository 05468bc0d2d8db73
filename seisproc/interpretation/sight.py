"""Whether the workers see the folder that a run works in, asked before anything is sent to them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from seisproc.errors import ClusterError
from seisproc.leases import Right
from seisproc.places import shown
from seisproc.workforce import found_lost

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

LOOKS, LOOK_S = 3, 1.0
"""How often a worker looks, and the pause between: a network file system may show a file late."""


def require_seen(client: Client, right: Right) -> None:
    """Refuse workers that do not see the lease which this process holds.

    Raises
    ------
    ClusterError
        Naming one of them, its host, and what it sees instead; or if the scheduler is lost.
    """
    for left in reversed(range(LOOKS)):
        # A worker that dies meanwhile answers with the error of its connection.
        with found_lost():
            told = client.run(right.unseen, on_error="return")
        blind = {worker: why for worker, why in told.items() if why and isinstance(why, str)}
        if not blind:
            return
        if left:
            time.sleep(LOOK_S)
    right.require()  # another run may have taken the lease meanwhile, which is no worker's fault
    first = min(blind)
    raise ClusterError(
        f"{len(blind)} of {len(told)} Dask workers do not see what this process works in",
        found=f"{first} on {blind[first]}",
        expected=f"{shown(right.path)}, as it is here",
        do="Mount that folder on every worker under the same path, or put the survey where all "
        "reach it",
    )
