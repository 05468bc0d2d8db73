"""What workers offer, and what a task may therefore ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from seisproc.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

GPU = "GPU"
"""Resource of workers that own a GPU, one each: ``dask worker --resources GPU=1``."""


def offered(client: Client) -> dict[str, float]:
    """Return the most that any one worker offers of each resource."""
    most: dict[str, float] = {}
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        for name, amount in (worker.get("resources") or {}).items():
            most[name] = max(most.get(name, 0.0), float(amount))
    return most


def require_offered(client: Client, resources: Mapping[str, float]) -> None:
    """Refuse what no worker offers. Dask would let such a task wait for ever, without a word.

    Raises
    ------
    ClusterError
        If no single worker offers all of it.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    for worker in workers:
        own = worker.get("resources") or {}
        if all(own.get(name, 0) >= amount for name, amount in resources.items()):
            return
    asked = ", ".join(f"{name}={amount:g}" for name, amount in resources.items())
    found = ", ".join(f"{name}={amount:g}" for name, amount in sorted(offered(client).items()))
    raise ClusterError(
        f"the work asks for {asked}, which none of {len(workers)} Dask workers offers",
        found=found or "no resources",
        do="Start workers with: dask worker --resources "
        f"'{asked.replace(', ', ' ')}', or use --cluster cuda, or compute on the CPU",
    )
