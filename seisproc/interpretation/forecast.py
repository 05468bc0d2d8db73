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
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cloudpickle
import numpy as np

from seisproc.cluster import ALLOCATOR, WORKER_ENVIRONMENT, offers_gpu
from seisproc.errors import BundleError, SpaceError
from seisproc.folders import free_bytes
from seisproc.interpretation.memory import least_worker_bytes, require_memory
from seisproc.interpretation.plan import SLAB, InterpretationPlan, NetworkPlan
from seisproc.interpretation.planner import live_windows
from seisproc.interpretation.prediction import Predict, on_gpu
from seisproc.interpretation.regions import Area
from seisproc.interpretation.running_sums import RunningSums
from seisproc.interpretation.stock import Stock
from seisproc.records import Records, work_url
from seisproc.survey import Survey, is_published

if TYPE_CHECKING:
    from distributed import Client


DASK_BYTES = 64 << 20
"""What a worker takes besides: Dask's messages and threads, chunks being decoded, and gaps."""


@dataclass(frozen=True)
class Forecast:
    """What a plan costs at the speed of this machine.

    Attributes
    ----------
    core_seconds : float
        Of all windows, networks and blending, one after the other. Reading and writing come on top:
        a few per cent on a local disk.
    memory_bytes : int
        Of one worker at its peak, the networks' own buffers included.
    """

    core_seconds: float
    memory_bytes: int

    def seconds(self, workers: int) -> float:
        """Wall time on so many workers of this speed."""
        return self.core_seconds / max(1, workers)


def forecast(plan: InterpretationPlan, threads: int = 1) -> Forecast:
    """Try a plan's networks for a moment, in a process of their own.

    ``threads`` are the tasks that a worker runs at a time.

    Raises
    ------
    BundleError
        If a network cannot be loaded or run.
    """
    # Recipes are unpickled there, so what they are made of must be found there.
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment = {**WORKER_ENVIRONMENT, **os.environ, **ALLOCATOR, **path}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=cloudpickle.dumps(plan.networks), capture_output=True, env=environment, check=False,
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
    seconds = plan.overhead * plan.padding * np.dot(tried["seconds"], distinct)
    own, of = tried["peak"] - tried["idle"], plan.memory
    # What passes takes the memory that the networks' buffers leave, and they take that of it.
    needed = tried["idle"] + DASK_BYTES + threads * (of.held + max(own, of.passing))
    return Forecast(float(seconds), needed)


def require_workers(plan: InterpretationPlan, client: Client | None) -> None:
    """Refuse workers that are surely too small for a plan, before they are given any of it.

    Dask would kill each as it grows, start it anew, and after a few of these give its region up.

    Raises
    ------
    SpaceError
        If a worker that would be given regions has a limit below what they need at the least.
    """
    if client is None:
        return
    workers = list(client.scheduler_info(n_workers=-1)["workers"].values())
    if any(on_gpu(network.recipe) for network in plan.networks):
        workers = [each for each in workers if offers_gpu(each)] or workers
    at_once = math.ceil(len(plan.regions) / max(1, len(workers)))
    for worker in workers:
        tasks = min(int(worker["nthreads"]), at_once)
        require_memory(least_worker_bytes(plan, tasks), worker["memory_limit"])


def require_room(plan: InterpretationPlan) -> None:
    """Refuse a plan whose volumes would not fit on their disk, even if they did not compress.

    What an earlier call wrote counts no more: a finished product needs no room, and one that was
    cut off that of the regions which are missing.

    Raises
    ------
    SpaceError
        If there is less room. Where nobody knows how much there is, nothing is refused.
    """
    free = free_bytes(plan.store_url)
    if free is None or free >= plan.output_bytes:  # as a rule; the records need not be listed
        return
    left = _bytes_left(plan)
    if free < left:
        resumed = left < plan.output_bytes
        raise SpaceError(
            f"the volumes may not fit beside {plan.store_url}",
            found=f"{free / 2**30:.2f} GiB free",
            expected=f"{left / 2**30:.2f} GiB before compression"
            + (" for the regions that are missing" if resumed else ""),
            do="Free some space and run the same command again: it resumes" if resumed
            else "Free some space, name fewer models, or leave out --probability",
        )


def _bytes_left(plan: InterpretationPlan) -> int:
    """Size before compression of the regions that no earlier call has written."""
    if is_published(plan.url):
        told = Survey(plan.store_url).group_attributes(plan.product)
        if told.get("fingerprint") == plan.fingerprint and told.get("complete", True):
            return 0
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    stock = Stock(plan, Records(f"{work}/records"))
    missing = (number for number in plan.regions if not stock.is_finished(number))
    traces = sum(plan.regions.area(number).size for number in missing)
    return traces * plan.output_bytes // math.prod(plan.shape[:2])


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
