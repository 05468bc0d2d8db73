"""What a region costs the client and the scheduler, in time and memory, where its work is nothing.

    python benchmarks/scheduler.py --folder FOLDER [--regions 10000 100000] [--million]

Plans of many regions, shaped as those of a survey of 64^3 windows in regions of 128 x 128 traces,
go through the real ``Job``, ``map_bounded`` and ``do_step``, each region in its two steps, to a
scheduler and two one-thread workers in processes of their own. On the workers ``compute_region``
and ``finish_region`` are replaced by

- ``nothing``   functions that return at once; such steps travel in groups, as always
- ``records``   functions that write the records that the real ones write
- ``alone``     nothing again, one step a task: what steps of a second and more cost

and, since a client also lists what it publishes, by itself

- ``listed``    the manifest of three volumes of one shard a region; but for the listing, made up

and beside them the usual way, ``submitted``: as many ``client.submit`` of a function that returns
at once, all futures held and gathered (``--peer`` of them).

Prints milliseconds a region, from taking stock to the last outcome, in wall time and in CPU time of
the client and of the scheduler, which work side by side (the ones to look at on a busy machine);
and by how many MB both have grown: resident at the end, and at the highest, over what they held
once 2,000 regions had gone the same way. Each way runs in fresh processes. Bars: 2 ms, 100 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import dask
import fsspec
import psutil
from distributed import Client
from fsspec.implementations.local import LocalFileSystem

import seisproc.crew
import seisproc.interpretation.job
from seisproc.cluster import WORKER_ENVIRONMENT, ClusterSpec, connect
from seisproc.cluster.environment import settings
from seisproc.interpretation.handover import region_key
from seisproc.interpretation.job import Job
from seisproc.interpretation.plan import HAND_OVER, InterpretationPlan, NetworkPlan
from seisproc.interpretation.region_steps import RAN, Stopwatch
from seisproc.interpretation.regions import Regions
from seisproc.interpretation.tiling import lattices
from seisproc.interpretation.wholeness import recorded_as
from seisproc.leases import lease
from seisproc.records import Records
from seisproc.survey import create_array, publish

EDGE, WINDOW = 8, (4, 4, 8)
"""A sixteenth of a region of 128 x 128 traces and of a window of 64 x 64."""

WARM = 2000
ATTEMPT = "0" * 12
OURS = ("nothing", "records", "alone")
LISTED, SUBMITTED = "listed", "submitted"


@dataclass(frozen=True)
class NoNetwork:
    """What a plan asks of a network that is never run."""

    name: str = "none"
    key: str = "none"
    target: str = "fault"
    classes: tuple[str, ...] = ("background", "fault")
    normalisation: str = "unit-rms"
    window: tuple[int, ...] = WINDOW
    channels: int = 1


def many_regions(count: int, store: str) -> InterpretationPlan:
    """Plan about so many regions, in a square."""
    edge = EDGE * math.isqrt(count)
    shape = (edge, edge, WINDOW[2])
    network = NetworkPlan(NoNetwork(), lattices(shape, WINDOW, 0.25), "gaussian", 1, False)
    windows = network.lattices[0].size
    return InterpretationPlan(
        store_url=store, run="main", networks=(network,), shape=shape, chunks=WINDOW,
        shards=(EDGE, EDGE, WINDOW[2]), regions=Regions(shape[:2], (EDGE, EDGE)), slab=WINDOW[2],
        borders=HAND_OVER, source="none", mean=0.0, std=1.0, live_traces=edge**2, windows=windows,
        distinct_windows=windows,
    )


def replace_steps(with_records: bool) -> None:
    """Replace on a worker what a step does."""

    def compute(plan, work, number):
        if with_records:
            payload = {"windows": 9, **Stopwatch().stamp()}
            Records(f"{work}/records").mark(RAN + region_key(number), "done", ATTEMPT, payload)
        return ATTEMPT, 9

    def finish(plan, work, number, attempts):
        if with_records:
            payload = {"windows": 0, **Stopwatch().stamp(), "checksums": {}, "class_counts": {}}
            name = recorded_as(0, 0, attempts[number])
            Records(f"{work}/records").mark(region_key(number), "done", name, payload)

    job = seisproc.interpretation.job
    job.compute_region, job.finish_region = compute, finish


def through_job(count: int, folder: Path, client: Client) -> int:
    """Take so many regions through a real job; how many there were."""
    work = tempfile.mkdtemp(dir=folder)
    plan = many_regions(count, f"{work}/none.zarr")
    notes = []

    def look(done: int, total: int, note: str) -> None:
        notes[:] = [done, total, note]

    with lease(f"{work}/lease", plan.product) as held:
        Job(plan, work, held.right, look).run(client)
    assert notes[0] == notes[1], f"not all was done: {notes}"
    shutil.rmtree(work, ignore_errors=True)
    return len(plan.regions)


def submitted(count: int, folder: Path, client: Client) -> int:
    """Submit so many tasks at once, as one does without a bound."""
    futures = [client.submit(pass_by, number, pure=False) for number in range(count)]
    client.gather(futures)
    return count


def pass_by(number: int) -> int:
    """Return at once."""
    return number


class ManyFiles(LocalFileSystem):
    """Says that every array has so many rows of as many shards, of which there are none."""

    rows = 0

    def ls(self, path, detail=False, **kwargs):
        """List rows, where shards would be."""
        if not path.endswith("/c"):
            return super().ls(path, detail, **kwargs)
        return [{"name": f"{path}/{row}", "type": "directory"} for row in range(self.rows)]

    def find(self, path, maxdepth=None, withdirs=False, detail=False, **kwargs):
        """List the shards of a row."""
        return {f"{path}/{column}/0": {"size": 1 << 20} for column in range(self.rows)}


def listed(count: int, folder: Path, client: Client) -> int:
    """Publish three volumes of so many shards each."""
    url, fs = tempfile.mkdtemp(dir=folder), ManyFiles(skip_instance_cache=True)
    fs.rows = math.isqrt(count)
    shape, shard = (EDGE * fs.rows, EDGE * fs.rows, WINDOW[2]), (EDGE, EDGE, WINDOW[2])
    for name in ("fault", "fault_uncertainty", "fault_disagreement"):
        dims = ("inline", "crossline", "twt")
        create_array(url, name, shape, "uint8", dims, chunks=WINDOW, shards=shard)
    with mock.patch.object(fsspec.core, "url_to_fs", lambda place: (fs, place)):
        publish(url, {})
    shutil.rmtree(url, ignore_errors=True)
    return fs.rows**2


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, int]]:
    """Start a scheduler and two workers with the settings of the project's own clusters.

    Yields the address, and the number of the scheduler's process.
    """
    with dask.config.set(settings(ClusterSpec("local"))):
        inherited = dask.config.serialize(dask.config.global_config)
    environment = {**os.environ, **WORKER_ENVIRONMENT, "DASK_INTERNAL_INHERIT_CONFIG": inherited}
    told = folder / "scheduler.json"
    worker = ["worker", "--nthreads", "1", "--no-dashboard"]
    commands = [["scheduler", "--port", "0", "--no-dashboard"], worker, worker]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", *command, "--scheduler-file", str(told)],
            env=environment, cwd=folder, stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        while not told.exists() or not told.read_text():
            time.sleep(0.1)
        yield json.loads(told.read_text())["address"], processes[0].pid
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


def memory_mb(pid: int, kind: str) -> float:
    """Resident memory of a process in MB, as it is (VmRSS) or at its highest (VmHWM)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(f"{kind}:")[1].split()[0]) * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """CPU seconds of a process."""
    return sum(psutil.Process(pid).cpu_times()[:2])


def measure(way: str, count: int, folder: Path) -> dict[str, float]:
    """Run one way, in this process and a fresh cluster."""
    ways: dict[str, Callable[[int, Path, Client], int]] = {SUBMITTED: submitted, LISTED: listed}
    run = ways.get(way, through_job)
    if way == "alone":
        seisproc.crew.LARGEST_GROUP = 1
    with cluster(folder) as (address, scheduler), connect(address) as client:
        client.wait_for_workers(2)
        client.run(replace_steps, way == "records")
        pids = {"client": os.getpid(), "scheduler": scheduler}
        run(min(WARM, count), folder, client)
        for pid in pids.values():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the highest starts anew
        before = {name: memory_mb(pid, "VmRSS") for name, pid in pids.items()}
        busy = {name: cpu_s(pid) for name, pid in pids.items()}
        start = time.perf_counter()
        regions = run(count, folder, client)
        seconds = time.perf_counter() - start
        told = {"regions": float(regions), "ms": 1e3 * seconds / regions}
        for name, pid in pids.items():
            told[f"{name} CPU ms"] = 1e3 * (cpu_s(pid) - busy[name]) / regions
            for kind in ("VmRSS", "VmHWM"):
                told[f"{name} {kind}"] = memory_mb(pid, kind) - before[name]
    return told


def show(way: str, count: int, folder: Path) -> None:
    """Run one way in a process of its own, and print what it took."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        command = [sys.executable, __file__, "--folder", own, "--one", way, str(count)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    row = f"{way:<12}{told['regions']:>10,.0f}{told['ms']:>9.2f}"
    for kind in ("CPU ms", "VmRSS", "VmHWM"):
        for name in ("client", "scheduler"):
            value = told[f"{name} {kind}"]
            row += f"{value:>11.2f}" if kind == "CPU ms" else f"{value:>11.0f}"
    print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--regions", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--peer", type=int, default=10_000)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, count = options.one
        print(json.dumps(measure(way, int(count), options.folder)))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"{'':<22}{'ms':>9}{'CPU ms':>22}{'MB at the end':>22}{'MB at the highest':>22}")
    print(f"{'way':<12}{'regions':>10}{'wall':>9}" + f"{'client':>11}{'scheduler':>11}" * 3)
    for count in options.regions:
        for way in (*OURS, LISTED):
            show(way, count, options.folder)
    show(SUBMITTED, options.peer, options.folder)
    if options.million:
        for way in ("nothing", LISTED):
            show(way, 1_000_000, options.folder)


if __name__ == "__main__":
    main()
