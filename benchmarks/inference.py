"""Interpretation of a survey against the bare network: seconds, and ratios in one run.

    OMP_NUM_THREADS=1 python benchmarks/inference.py --folder FOLDER [--edge 256] [--rounds 3]

Makes a survey of noise and a seeded residual 3-D U-Net, then times, interleaved:

- ``bare``       the network on the lattice's distinct windows, already in memory, results dropped
- ``seisproc``   plan and interpret in this process: reads Zarr, blends, writes three volumes
- ``recompute``  the same, with windows at the regions' borders run by every region they touch
- ``monai``      MONAI's SlidingWindowInferer on the whole volume in memory, nothing written

and, with warm workers, ``seisproc`` on one and on two one-thread Dask workers. One torch thread a
process, the workers' allocator settings everywhere. Prints medians of wall and (of this process)
CPU seconds, their ratio to ``bare``, and the highest resident memory of a fresh process that runs
each way once. On a busy machine the CPU seconds are the ones to compare.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from monai.inferers import SlidingWindowInferer

from models.bundle import save_bundle
from models.card import Card, ClassInfo
from models.predictor import BundleRecipe
from models.registry import build
from seisproc.chunking import layout
from seisproc.cluster import WORKER_ENVIRONMENT, ClusterSpec, connect, open_cluster
from seisproc.grid import Grid
from seisproc.interpretation.compute_region import load_network
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.tiling import lattices
from seisproc.normalise import unit_rms
from seisproc.survey import Survey, create_array, publish, write_array, write_coordinates

WINDOW, OVERLAP = 64, 0.25
CHANNELS = (8, 16, 32)


def make_survey(url: str, edge: int) -> None:
    shape = (edge, edge, edge)
    rng = np.random.default_rng(7)
    axis = np.arange(edge)
    grid = Grid(axis.astype("int32"), axis.astype("int32"), 4.0 * axis)
    chunks, shards = layout(shape)
    array = create_array(
        url, "amplitude", shape, "float32", grid.dims, chunks=chunks, shards=shards,
        attributes={"statistics": {"mean": 0.0, "std": 1.0}},
    )
    array[...] = rng.normal(size=shape).astype("float32")
    write_array(url, "live", np.ones(shape[:2], bool), ("inline", "crossline"))
    write_coordinates(url, grid)
    publish(url, {"domain": "twt", "fingerprint": f"noise-{edge}"})


def make_bundle(folder: Path) -> None:
    torch.manual_seed(7)
    arguments = {"channels": CHANNELS}
    network = build("unet3d", classes=1, **arguments)
    classes = (ClassInfo(0, "background", "#ffffff"), ClassInfo(1, "fault", "#000000"))
    card = Card(
        name="reference", network="unet3d", arguments=arguments, target="fault", classes=classes,
        window=(WINDOW,) * 3, fixed_window=False, multiple=4, training={"fingerprint": "seed 7"},
        metrics={}, licence="Apache-2.0", limitations=("random weights",),
    )
    save_bundle(folder, card, network.state_dict())


Seconds = tuple[float, float]
"""Wall and CPU seconds of this process."""


def clock() -> Seconds:
    return time.perf_counter(), time.process_time()


def since(start: Seconds) -> Seconds:
    now = clock()
    return now[0] - start[0], now[1] - start[1]


class Bench:
    """The ways to run one network over one survey, in one folder."""

    def __init__(self, folder: Path, samples: int) -> None:
        self.store, self.folder = str(folder / "survey.zarr"), folder
        self.recipe = BundleRecipe(str(folder / "bundle"), samples=samples, threads=1)
        self.run = 0

    def windows(self) -> np.ndarray:
        """Cut out the lattice's distinct windows."""
        survey = Survey(self.store)
        (lattice,) = lattices(survey.amplitude.shape, self.recipe.window, OVERLAP)
        volume = unit_rms(survey.amplitude[...], survey.live, survey.statistics)
        origins = [
            [lattice.source(a, origin) for origin in lattice.origins(a)] for a in range(3)
        ]
        return np.stack([
            volume[np.ix_(i, j, k)] for i in origins[0] for j in origins[1] for k in origins[2]
        ])

    def bare(self) -> Seconds:
        """Run the network on each, one after the other."""
        windows, predict = self.windows(), self.recipe.make_predict()
        predict(windows[:1], np.arange(1))
        start = clock()
        for n in range(len(windows)):
            predict(windows[n : n + 1], np.array([n]))
        return since(start)

    def seisproc(self, client=None, **options) -> Seconds:
        """Plan and interpret; the product is removed again."""
        self.run += 1
        start = clock()
        plan = plan_interpretation(
            self.store, [self.recipe], run=f"run-{os.getpid()}-{self.run}", overlap=OVERLAP,
            **options,
        )
        receipt = interpret(plan, client)
        seconds = since(start)
        self.receipt = receipt
        shutil.rmtree(receipt.url)
        return seconds

    def recompute(self) -> Seconds:
        """Interpret without handing over sums."""
        return self.seisproc(borders="recompute")

    def monai(self) -> Seconds:
        """Run MONAI's sliding window over the volume in memory."""
        survey = Survey(self.store)
        network = self.recipe.make_predict().network
        inferer = SlidingWindowInferer((WINDOW,) * 3, 1, OVERLAP, mode="gaussian")
        start = clock()
        volume = unit_rms(survey.amplitude[...], survey.live, survey.statistics)
        with torch.inference_mode():
            inferer(torch.from_numpy(volume)[None, None], lambda x: torch.sigmoid(network(x)))
        return since(start)


def measure(bench: Bench, rounds: int) -> dict[str, list[Seconds]]:
    """Seconds of each way, interleaved."""
    ways: dict[str, Callable[[], Seconds]] = {
        "bare": bench.bare,
        "seisproc": bench.seisproc,
        "recompute": bench.recompute,
        "monai": bench.monai,
    }
    bench.seisproc()  # compiles, loads
    seconds: dict[str, list[Seconds]] = {name: [] for name in ways}
    for workers in (1, 2):
        seconds[f"seisproc, {workers} workers"] = []
    for turn in range(rounds):
        for name, way in ways.items():
            seconds[name].append(way())
        for workers in (1, 2):
            spec = ClusterSpec("local", workers=workers)
            with open_cluster(spec) as address, connect(address) as client:
                if turn == 0:
                    bench.seisproc(client)  # compiles, loads
                client.run(load_network, bench.recipe)
                seconds[f"seisproc, {workers} workers"].append(bench.seisproc(client))
    print("where the time went, worker seconds of the last run:", bench.receipt.seconds_in)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--edge", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if os.environ.get("MALLOC_TRIM_THRESHOLD_") != WORKER_ENVIRONMENT["MALLOC_TRIM_THRESHOLD_"]:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WORKER_ENVIRONMENT})
    torch.set_num_threads(1)
    if arguments.memory_of:
        bench = Bench(arguments.folder, arguments.samples)
        getattr(bench, arguments.memory_of)()
        # Not getrusage: a child begins with its parent's peak.
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
        return
    folder = arguments.folder / "inference"
    shutil.rmtree(folder, ignore_errors=True)
    make_survey(str(folder / "survey.zarr"), arguments.edge)
    make_bundle(folder / "bundle")
    bench = Bench(folder, arguments.samples)
    plan = plan_interpretation(bench.store, [bench.recipe], run="plan", overlap=OVERLAP)
    print(plan)
    seconds = measure(bench, arguments.rounds)
    memory = {
        name: float(
            subprocess.run(
                [sys.executable, __file__, "--folder", folder, "--memory-of", name,
                 "--samples", str(arguments.samples)],
                check=True, capture_output=True, text=True,
            ).stdout.split()[-1]
        )
        for name in ("bare", "seisproc", "monai")
    }
    floor = [statistics.median(each) for each in zip(*seconds["bare"], strict=True)]
    print(f"{'way':<22}{'wall s':>8}{'x bare':>8}{'CPU s':>8}{'x bare':>8}{'peak MB':>9}")
    for name, values in seconds.items():
        wall, cpu = (statistics.median(each) for each in zip(*values, strict=True))
        row = f"{name:<22}{wall:8.2f}{wall / floor[0]:8.2f}"
        if "workers" not in name:  # theirs is the CPU time of other processes
            row += f"{cpu:8.2f}{cpu / floor[1]:8.2f}"
        print(row + (f"{memory[name]:9.0f}" if name in memory else ""))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
