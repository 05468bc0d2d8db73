"""How long a plan will take and how much memory it wants, by trying its networks for a moment.

A fresh process with a worker's environment loads the networks, runs two batches of noise by each,
and tells what the second took and how large it became: nothing else knows what a network's own
buffers cost.

That takes seconds. A run does not wait for it: :func:`require_workers` adds to the plan's memory
what recipes say that their networks need at the least, so that it refuses no worker that would do.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cloudpickle
import numpy as np

from seisproc.cluster import ALLOCATOR, GPU, WORKER_ENVIRONMENT, offers_gpu
from seisproc.errors import BundleError, SpaceError
from seisproc.interpretation.memory import (
    PROCESS_BYTES,
    least_worker_bytes,
    require_memory,
    ways_to_need_less,
)
from seisproc.interpretation.plan import SLAB, InterpretationPlan, NetworkPlan
from seisproc.interpretation.planner import live_windows
from seisproc.interpretation.prediction import Predict, on_gpu
from seisproc.interpretation.regions import Area
from seisproc.interpretation.requirements import require_within
from seisproc.interpretation.running_sums import RunningSums
from seisproc.survey import Survey

if TYPE_CHECKING:
    from distributed import Client


DASK_BYTES = 64 << 20
"""What a worker takes besides: Dask's messages and threads, chunks being decoded, and gaps."""


@dataclass(frozen=True)
class Forecast:
    """What a plan costs at the speed of this machine.

    Attributes
    ----------
    task_seconds : float
        Of all windows, networks and blending, one after the other in one task, which has as many
        of torch's threads as its recipe asks for. Reading and writing come on top: a few per cent
        on a local disk.
    memory_bytes : int
        Of one worker at its peak, the networks' own buffers included.
    """

    task_seconds: float
    memory_bytes: int

    def seconds(self, tasks: int) -> float:
        """Wall time of so many tasks at a time, each as fast as here."""
        return self.task_seconds / max(1, tasks)


def forecast(
    plan: InterpretationPlan, threads: int = 1, shares: Sequence[float] | None = None
) -> Forecast:
    """Try a plan's networks for a moment, in a process of their own.

    Parameters
    ----------
    plan : InterpretationPlan
    threads : int
        Tasks that a worker runs at a time.
    shares : sequence of float, optional
        What share of each network's windows is left to run
        (:func:`seisproc.interpretation.standing.standing`); by default all of them.

    Raises
    ------
    BundleError
        If a network cannot be loaded or run.
    SpaceError
        If there is too little memory here to try it.
    """
    # Recipes are unpickled there, so what they are made of must be found there.
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment = {**WORKER_ENVIRONMENT, **os.environ, **ALLOCATOR, **path}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=cloudpickle.dumps(plan.networks), capture_output=True, env=environment, check=False,
    )
    if done.returncode == -signal.SIGKILL:  # by the system, which had no more to give
        raise SpaceError(
            "this machine has too little memory to try the networks",
            found="the process that tried them was killed",
            do=f"Choose {ways_to_need_less(plan)}, or plan on a larger machine",
        )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise BundleError(
            "a network could not be tried",
            found=words[-1] if words else f"exit status {done.returncode}",
            do="Check it with `seisproc models verify`",
        )
    tried = json.loads(done.stdout.splitlines()[-1])
    live = Survey(plan.store_url).live
    distinct = [
        sum(int(live_windows(each, live).sum()) * each.counts[2] for each in network.lattices)
        for network in plan.networks
    ]
    left = np.multiply(distinct, 1.0 if shares is None else shares)
    seconds = plan.overhead * plan.padding * np.dot(tried["seconds"], left)
    own, of = tried["peak"] - tried["idle"], plan.memory
    # What passes takes the memory that the networks' buffers leave, and they take that of it.
    needed = tried["idle"] + DASK_BYTES + threads * (of.held + max(own, of.passing))
    return Forecast(float(seconds), needed)


def require_workers(
    plan: InterpretationPlan, client: Client | None, max_memory_gib: float | None = None
) -> None:
    """Refuse workers that are surely too small for a plan, before they are given any of it.

    Dask would kill each as it grows, start it anew, and after a few of these give its region up.
    Where workers offer a GPU, each runs windows of as many regions as it offers GPUs: its other
    threads, and workers without, only finish regions. What all tasks of a worker need is compared
    with what it may use at most too, if that is given; without a ``client`` one task alone runs.

    Raises
    ------
    SpaceError
        If a worker that would be given regions has a limit below what they need at the least.
    """
    if client is None:
        return
    workers = list(client.scheduler_info(n_workers=-1)["workers"].values())
    by_gpu = any(on_gpu(network.recipe) for network in plan.networks) and any(
        map(offers_gpu, workers)
    )
    at_once = math.ceil(len(plan.regions) / max(1, len(workers)))
    needed: dict[tuple[int, int], int] = {}  # to say it of a network takes tens of milliseconds
    for worker in workers:
        threads = min(int(worker["nthreads"]), at_once)
        running = min(threads, int(worker["resources"].get(GPU, 0))) if by_gpu else threads
        tasks = running, threads - running
        if tasks not in needed:
            needed[tasks] = _least_bytes(plan, *tasks)
            if max_memory_gib is not None:
                require_within(plan, max_memory_gib, needed[tasks], threads)
        require_memory(plan, needed[tasks], worker["memory_limit"])


def _least_bytes(plan: InterpretationPlan, running: int, finishing: int) -> int:
    """Bytes below which a worker surely is too small: regions whose windows run, others' ends."""
    own = least_worker_bytes(plan, running) if running else PROCESS_BYTES
    return own + finishing * _finishing_bytes(plan)


def _finishing_bytes(plan: InterpretationPlan) -> int:
    """Bytes of a region's end at the least: the shards that are filled, and the sums of a slab."""
    volumes = sum(math.prod(lead) for lead in plan.volumes.values())
    of_a_trace = volumes * plan.shards[2] + 4 * plan.slab * sum(n.channels for n in plan.networks)
    return math.prod(plan.regions.largest) * of_a_trace


def _try(network: NetworkPlan, predict: Predict) -> tuple[float, int]:
    """Seconds of a window, and the process's peak without what the plan counts itself.

    Reading is left out, blending is not.
    """
    lattice = network.lattices[0]
    windows = np.zeros(network.batch_shape(network.batch_size, lattice), np.float32)
    windows += np.random.default_rng(0).random(lattice.window, np.float32)
    index = np.arange(network.batch_size)
    i, j, _ = lattice.window
    sums = RunningSums(network, Area(0, i, 0, j), SLAB)
    sums.values.fill(0)  # so that they are there from now on, to be subtracted
    best = float("inf")
    for _ in range(2):  # the first one compiles, and fills the caches
        start = time.perf_counter()
        prediction = predict(windows, index)
        for member in range(len(windows)):
            sums.add(prediction, member, lattice, (0, 0, 0))
        best = min(best, time.perf_counter() - start)
        del prediction
    return best / len(windows), _memory("VmHWM") - sums.values.nbytes - windows.nbytes


def _memory(kind: str) -> int:
    """Memory of this process in bytes, now (VmRSS) or at its highest (VmHWM)."""
    return int(Path("/proc/self/status").read_text().split(f"{kind}:")[1].split()[0]) << 10


def _main() -> None:
    networks: tuple[NetworkPlan, ...] = cloudpickle.loads(sys.stdin.buffer.read())
    loaded = [network.recipe.make_predict() for network in networks]
    idle = _memory("VmRSS")
    tried = [_try(*each) for each in zip(networks, loaded, strict=True)]
    print(json.dumps({
        "seconds": [seconds for seconds, _ in tried],
        "idle": idle,
        "peak": max(peak for _, peak in tried),
    }))


if __name__ == "__main__":
    _main()
