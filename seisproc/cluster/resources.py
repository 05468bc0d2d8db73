"""What workers offer, and what a task may therefore ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client

GPU = "GPU"
"""Resource of workers that own a GPU, one each: ``dask worker --resources GPU=1``."""


def gpu_resources(client: Client) -> dict[str, float]:
    """Return what a task that wants a GPU asks for, so that it alone has one.

    Where no worker offers any that is nothing: Dask would let the task wait for ever, without a
    word. It then runs on whichever worker is free.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return {GPU: 1.0} if any(map(offers_gpu, workers)) else {}


def offers_gpu(worker: Mapping[str, Any]) -> bool:
    """Whether a worker offers a GPU, by what Dask's scheduler knows of it."""
    return bool((worker.get("resources") or {}).get(GPU, 0) >= 1)
