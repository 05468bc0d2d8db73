"""Interpretation of a survey against the bare network and its peers: ratios in one run.

    OMP_NUM_THREADS=1 python benchmarks/inference.py --folder FOLDER [--shape 256 256 256]

Makes a survey of noise and a seeded residual 3-D U-Net (windows of 64^3, overlap 0.25), then times,
interleaved, in this process:

- ``bare``        the network on the lattice's distinct windows, already in memory, results dropped
- ``seisproc``    plan and interpret: reads Zarr, blends, writes three volumes
- ``recompute``   the same as plain shard tasks: windows at borders run by every region they touch
- ``monai``       MONAI's SlidingWindowInferer on the whole volume in memory, nothing written
- ``map_overlap`` the same in blocks of 128^3 with a halo of 16, by dask.array, into Zarr

and with warm workers ``bare``, ``seisproc`` and ``map_overlap`` on one and on two one-thread Dask
workers, with each worker's highest memory; ``bare`` on two says what the machine gives to two.
The workers' memory is compared with what `--plan` says of it.
``--allocator`` times ``seisproc`` without and with the workers' allocator settings instead. One
torch thread a process. Prints medians of wall and (of this process) CPU seconds, their ratio to
``bare``, and the highest resident memory of a fresh process that runs each way once. On a busy
machine the CPU seconds are the ones to compare.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import torch
from inference_ways import Seconds, Ways, have_network, make_bundle, make_survey

from seisproc.cluster import ALLOCATOR, WORKER_ENVIRONMENT, ClusterSpec, connect, open_cluster
from seisproc.interpretation.forecast import forecast
from seisproc.interpretation.plan import InterpretationPlan

HERE = ("bare", "seisproc", "recompute", "monai", "map_overlap")
ON_WORKERS = ("bare", "seisproc", "map_overlap")


def measure(ways: Ways, rounds: int) -> tuple[dict[str, list[Seconds]], dict[str, float]]:
    """Seconds of each way, interleaved, and MiB of the largest worker."""
    ways.seisproc()  # compiles, loads
    seconds: dict[str, list[Seconds]] = {}
    memory: dict[str, float] = {}
    for _ in range(rounds):
        for name in HERE:
            seconds.setdefault(name, []).append(getattr(ways, name)())
        for workers in (1, 2):
            for name in ON_WORKERS:
                label = f"{name}, {workers} worker{'s' * (workers > 1)}"
                taken, peak = on_workers(ways, name, workers)
                seconds.setdefault(label, []).append(taken)
                memory[label] = max(peak, memory.get(label, 0.0))
    return seconds, memory


def on_workers(ways: Ways, name: str, workers: int) -> tuple[Seconds, float]:
    """Time a way on fresh workers that have loaded and compiled everything; and their memory."""
    spec = ClusterSpec("local", workers=workers)
    with open_cluster(spec) as address, connect(address) as client:
        client.run(have_network, ways.recipe)
        client.run(warm, ways.folder)
        taken = getattr(ways, name)(client)
        return taken, max(client.run(peak_mib).values())


def warm(folder: Path) -> None:
    """Load from its cache, in a worker, all that numba compiled."""
    Ways(folder / "small", 1).seisproc()


def peak_mib() -> float:
    """Highest resident memory of this process."""
    # Not getrusage: a child begins with its parent's peak.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def fresh(folder: Path, way: str, samples: int, environment: dict[str, str]) -> list[float]:
    """Wall seconds of the second run of a way in a fresh process, and its peak MiB."""
    command = [sys.executable, __file__, "--folder", str(folder), "--one", way]
    command += ["--samples", str(samples)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return [float(word) for word in done.stdout.split()[-2:]]


def allocator(folder: Path, samples: int, rounds: int) -> None:
    """Compare wall seconds without and with the workers' allocator settings."""
    plain = {key: value for key, value in os.environ.items() if key not in ALLOCATOR}
    dask = {**plain, "MALLOC_TRIM_THRESHOLD_": "65536"}
    tuned = {**plain, **ALLOCATOR}
    print(f"{'allocator':<22}{'wall s':>8}")
    kinds = {"glibc's own": plain, "Dask's default": dask, "ours": tuned}
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, environment in kinds.items():
            seconds[name].append(fresh(folder, "seisproc", samples, environment)[0])
    for name, values in seconds.items():
        print(f"{name:<22}{statistics.median(values):8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shape", type=int, nargs=3, default=(256, 256, 256))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--allocator", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.one:
        ways = Ways(options.folder, options.samples)
        getattr(ways, options.one)()
        print(getattr(ways, options.one)()[0], peak_mib())
        return
    tuned = all(os.environ.get(name) == text for name, text in ALLOCATOR.items())
    if not tuned and not options.allocator:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WORKER_ENVIRONMENT})
    folder = options.folder / "inference"
    shutil.rmtree(folder, ignore_errors=True)
    make_survey(str(folder / "survey.zarr"), tuple(options.shape))
    make_survey(str(folder / "small" / "survey.zarr"), (64, 64, 64))
    make_bundle(folder / "bundle")
    make_bundle(folder / "small" / "bundle")
    if options.allocator:
        allocator(folder, options.samples, options.rounds)
        return
    ways = Ways(folder, options.samples)
    plan = ways.plan()
    print(plan)
    seconds, memory = measure(ways, options.rounds)
    print("where the time went, worker seconds of the last run:", ways.receipt.seconds_in)
    for name in HERE:
        memory[name] = fresh(folder, name, options.samples, dict(os.environ))[1]
    show(seconds, memory)
    for name in ("seisproc", "bare"):
        one, two = (
            min(wall for wall, _ in seconds[f"{name}, {workers}"])
            for workers in ("1 worker", "2 workers")
        )
        print(f"{name}: two workers over one, best of {options.rounds}: {one / two:.2f}")
    print(f"windows run over distinct windows: {plan.overhead:.2f}")
    show_memory(plan, memory)
    shutil.rmtree(folder)


def show_memory(plan: InterpretationPlan, memory: dict[str, float]) -> None:
    """Compare the highest memory of the workers with what `--plan` says of it."""
    said = forecast(plan).memory_bytes / 2**20
    for workers in ("1 worker", "2 workers"):
        peak = memory[f"seisproc, {workers}"]
        verdict = "within" if peak <= said else "ABOVE"
        print(f"seisproc, {workers}: at most {peak:.0f} MiB, {verdict} the plan's {said:.0f}")


def show(seconds: dict[str, list[Seconds]], memory: dict[str, float]) -> None:
    """Print medians and ratios."""
    floor = [statistics.median(each) for each in zip(*seconds["bare"], strict=True)]
    print(f"{'way':<24}{'wall s':>8}{'x bare':>8}{'CPU s':>8}{'x bare':>8}{'peak MiB':>9}")
    for name, values in seconds.items():
        wall, cpu = (statistics.median(each) for each in zip(*values, strict=True))
        row = f"{name:<24}{wall:8.2f}{wall / floor[0]:8.2f}"
        if "worker" in name:  # theirs is the CPU time of other processes
            row += " " * 16
        else:
            row += f"{cpu:8.2f}{cpu / floor[1]:8.2f}"
        print(row + f"{memory[name]:9.0f}")


if __name__ == "__main__":
    main()
