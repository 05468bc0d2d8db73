"""A simulated basin: 100 surveys of 1,500 x 1,500 x 1,500 on 64 to 1,024 workers that come and go.

    OMP_NUM_THREADS=1 python benchmarks/basin.py --folder FOLDER [--measured FILE] [--faster 30]

Measures first: a small survey of noise is interpreted three times by the reference network
(residual 3-D U-Net, windows of 64^3, overlap 0.25) on a local cluster of two one-thread workers.
The records of its steps say what a window and a finished voxel take, and how that scatters; of the
three times of a step the shortest counts, since what else goes on here is no property of it. The
last run is predicted twice, from its own steps' seconds (is the simulation right?) and from those
of the runs before (do the seconds carry over?). On a busy machine only the former says something.
What was measured is left at FOLDER/measured.json, for another basin with ``--measured``.

Then the basin. Real are the plan of the survey (regions, windows, who hands to whom), ``Job`` and
``map_bounded`` with their retries, pauses and limits; simulated are the clock, Dask's scheduler
and the workers (``simulated_cluster.py``). Printed for surveys one after the other; for four at
once, as ``seisproc basin`` has them; for ``priority``, the next one begun as soon as a worker is
idle, and served after those before it; and for the latter with nothing going wrong (``no
trouble``): hours until the last survey is published, how many were under way at most, and where
the workers' time went, which adds up to 1:

- ``efficiency``  in steps that counted, at the speed of a good machine with its data at hand
- ``tail``        idle, with less work left to begin than workers; ``between``: no survey has any
- ``seams``       idle, while regions wait for a neighbour to hand over, or to be tried again
- ``stragglers``  what slow machines and slow reads took longer
- ``failures``    in steps that were lost; and workers that were not there
- ``scheduler``   idle, while tasks wait for client and scheduler

Assumed, beside what was measured:

- a worker's process dies every 200 h and is back after 10 s; a spot machine is taken away every
  20 h with 25 s of notice, and another one comes after 5 min (both exponential). Workers are there
  when the basin begins, and the bundle loads in no time.
- of the machines 3 % take 1.5 times as long for everything; of the steps 1 % wait for their data
  as long again as they take (exponential), and 0.5 % fail once.
- of the regions 1 in 2,000 fails whenever it is tried, and 1 in 10,000 takes its worker with it:
  these surveys end incomplete.
- client and scheduler take ``--scheduler-ms`` for a task, one after the other, however many workers
  there are; ``benchmarks/scheduler.py`` measures it.
- planning, creating and publishing take as long as for the small survey.
- the store is as fast for all workers together as here for two: the gigabytes a second that it
  must read and write are printed. ``--faster`` divides the seconds of windows, as for GPUs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import math
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from inference_ways import OVERLAP, Ways, have_network, make_bundle, make_survey
from simulated_basin import Basin, Costs, Told, Troubles
from simulated_cluster import Comings

from models.recipe import BundleRecipe
from seisproc.chunking import layout
from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.grid import Grid
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.regions import Number
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.records import Records, work_url
from seisproc.survey import create_array, publish, write_array, write_coordinates

SMALL, LARGE = (512, 384, 128), (1500, 1500, 1500)
WORKERS = (64, 128, 256, 512, 1024)
CALM = "no trouble"
ORDERS = {"one by one": 1, "four at once": 4, "priority": None, CALM: None}
"""How many surveys are under way; None: as many as find an idle worker."""

HOUR = 3600.0
TROUBLES = Troubles(
    poisoned=1 / 2000, deadly=1 / 10_000, passing=0.005, slow_reads=0.01, times_slower=1.0,
    comings=Comings(
        dies_after=200 * HOUR, back_after=10, taken_after=20 * HOUR, given_after=300, notice=25,
        slow_share=0.03, slowness=1.5,
    ),
)
CAUSES = {
    "tail": ("tail",), "between": ("between surveys",), "seams": ("seams",),
    "stragglers": ("stragglers",), "failures": ("failures", "away"), "scheduler": ("scheduler",),
}


Step = tuple[Number, bool, float]
"""A step that was measured: its region, whether it finished it, and its seconds."""

RUNS = 3


@dataclass
class Run:
    """One real interpretation."""

    plan: InterpretationPlan
    steps: list[Step]
    before_s: float
    span_s: float
    after_s: float


def measure(store: str, recipe: BundleRecipe, run: str, client) -> Run:
    """Interpret a survey, and learn from its records how that went."""
    begun = time.time()
    plan = plan_interpretation(store, [recipe], run=run, overlap=OVERLAP)
    records = Records(f"{work_url(store, plan.product, plan.fingerprint)}/records")
    found = []

    def look(done: int, total: int, _: str) -> None:
        if done == total:  # what is published next takes the records with it
            found.extend(records.each())

    receipt = interpret(plan, client, look)
    ended = time.time()
    shutil.rmtree(receipt.url)
    steps, times = [], []
    for record in found:
        start, stop = record.payload["started"], record.payload["ended"]
        *kind, i, j = record.key.split("-")
        steps.append(((int(i), int(j)), not kind, stop - start))
        times += [start, stop]
    return Run(plan, steps, min(times) - begun, max(times) - min(times), ended - max(times))


def measure_runs(folder: Path, recipe: BundleRecipe) -> list[Run]:
    """Interpret a small survey some times on two warm workers."""
    make_survey(str(folder / "survey.zarr"), SMALL)
    make_survey(str(folder / "small" / "survey.zarr"), (64, 64, 64))
    make_bundle(folder / "small" / "bundle")
    with (
        open_cluster(ClusterSpec("local", workers=2)) as address,
        connect(address) as client,
    ):
        client.run(have_network, recipe)
        client.run(warm, folder)
        store = str(folder / "survey.zarr")
        return [measure(store, recipe, f"run-{n}", client) for n in range(RUNS)]


def shortest(runs: Sequence[Run]) -> list[Step]:
    """Take of the times of each step the shortest."""
    found: dict[tuple[Number, bool], float] = {}
    for run in runs:
        for number, finishes, seconds in run.steps:
            key = (number, finishes)
            found[key] = min(seconds, found.get(key, math.inf))
    return [(*key, seconds) for key, seconds in found.items()]


@dataclass(frozen=True)
class Measured:
    """What some runs say of steps, and of the seconds before the first and after the last."""

    costs: Costs
    before_s: float
    after_s: float

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Measured:
        """Learn from runs of one survey."""
        before, after = min(run.before_s for run in runs), min(run.after_s for run in runs)
        return cls(Costs.fit(runs[0].plan, shortest(runs)), before, after)

    def to_json(self) -> str:
        """Write it as JSON."""
        told = dataclasses.asdict(self)
        told["costs"]["scatter"] = [each.round(4).tolist() for each in self.costs.scatter]
        return json.dumps(told, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Measured:
        """Read what :meth:`to_json` wrote."""
        told = json.loads(text)
        costs = told["costs"]
        scatter = tuple(np.array(each) for each in costs["scatter"])
        return cls(
            Costs(costs["window_s"], costs["voxel_s"], scatter), told["before_s"], told["after_s"]
        )

    def __str__(self) -> str:
        window, voxel = (f"{each.min():.2f} to {each.max():.2f}" for each in self.costs.scatter)
        return (
            f"a window {1e3 * self.costs.window_s:.1f} ms ({window} times as long), a million "
            f"voxels finished {1e9 * self.costs.voxel_s:.1f} ms ({voxel}), before and after a "
            f"survey {self.before_s:.2f} and {self.after_s:.2f} s"
        )


def warm(folder: Path) -> None:
    """Load from its cache, in a worker, all that numba compiled."""
    Ways(folder / "small", 1).seisproc()


def predict(plan: InterpretationPlan, seconds, scheduler_s: float, folder: Path) -> float:
    """Seconds that two workers will take for one survey if nothing goes wrong."""
    basin = Basin(plan, seconds, surveys=1)
    return basin.run(2, scheduler_s, at_once=1, work=folder).seconds


def validate(runs: Sequence[Run], scheduler_s: float, folder: Path) -> None:
    """Print what the simulation says of the last run beside what it took."""
    last = runs[-1]
    own = {(number, finishes): seconds for number, finishes, seconds in last.steps}
    replayed = predict(
        last.plan, lambda number, finishes, _: own[number, finishes], scheduler_s, folder
    )
    costs = Costs.fit(last.plan, shortest(runs[:-1]))
    even = dataclasses.replace(costs, scatter=(np.ones(1), np.ones(1)))
    foretold = predict(last.plan, even.of(last.plan), scheduler_s, folder)
    print(f"a survey of {SMALL} on two workers: {len(last.steps)} steps, {last.span_s:.2f} s")
    for name, seconds in (("its own steps", replayed), ("the runs before", foretold)):
        print(f"  predicted from {name:<16}{seconds:8.2f} s{seconds / last.span_s - 1:+8.1%}")


def large_plan(folder: Path, recipe: BundleRecipe) -> InterpretationPlan:
    """Plan a large survey; it holds no samples."""
    url = str(folder / "large.zarr")
    i, j, k = (np.arange(extent) for extent in LARGE)
    grid = Grid(i.astype("int32"), j.astype("int32"), 4.0 * k)
    chunks, shards = layout(LARGE)
    create_array(
        url, "amplitude", LARGE, "float32", grid.dims, chunks=chunks, shards=shards,
        attributes={"statistics": {"mean": 0.0, "std": 1.0}},
    )
    write_array(url, "live", np.ones(LARGE[:2], bool), ("inline", "crossline"))
    write_coordinates(url, grid)
    publish(url, {"domain": "twt", "fingerprint": "large"})
    return plan_interpretation(url, [recipe], run="main", overlap=OVERLAP)


def row(told: Told, workers: int, order: str) -> str:
    """Format one line of the table."""
    whole = workers * told.seconds
    assert math.isclose(sum(told.spent.values()), whole, rel_tol=1e-6), "time that went nowhere"
    shares = [sum(told.spent[each] for each in causes) / whole for causes in CAUSES.values()]
    return (
        f"{workers:7}  {order:<13}{told.seconds / HOUR:8.3f}{told.at_once:8}"
        f"{told.spent['useful'] / whole:12.1%}" + "".join(f"{share:11.1%}" for share in shares)
        + f"{told.failed:8}{told.incomplete:8}"
    )


def show(basin: Basin, workers: Sequence[int], scheduler_s: float, folder: Path) -> None:
    """Print the table."""
    print(
        f"{'workers':>7}  {'order':<13}{'hours':>8}{'at once':>8}{'efficiency':>12}"
        + "".join(f"{name:>11}" for name in CAUSES) + f"{'regions':>8}{'surveys':>8}"
    )
    print(" " * (48 + 11 * len(CAUSES)) + f"{'given up':>8}{' partly':>8}")
    voxels = basin.surveys * math.prod(basin.plan.shape)
    for count in workers:
        for order, at_once in ORDERS.items():
            troubles = Troubles() if order == CALM else basin.troubles
            this = dataclasses.replace(basin, troubles=troubles)
            work = Path(tempfile.mkdtemp(dir=folder))
            told = this.run(count, scheduler_s, at_once=at_once, work=work)
            print(row(told, count, order), flush=True)
    written = basin.surveys * basin.plan.output_bytes
    print(
        f"the last of them reads {4e-9 * voxels / told.seconds:.1f} GB/s and writes "
        f"{1e-9 * written / told.seconds:.1f} GB/s, before compression and without seams"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--surveys", type=int, default=100)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--scheduler-ms", type=float, default=1.5)
    parser.add_argument("--faster", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    logging.getLogger("seisproc").setLevel(logging.ERROR)  # each region that fails is told of
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=options.folder, prefix="basin-"))
    scheduler_s = options.scheduler_ms / 1e3
    make_bundle(folder / "bundle")
    recipe = BundleRecipe(str(folder / "bundle"), samples=1, threads=1)
    if options.measured is None:
        runs = measure_runs(folder, recipe)
        validate(runs, scheduler_s, folder)
        measured = Measured.of(runs)
        (options.folder / "measured.json").write_text(measured.to_json())
    else:
        measured = Measured.from_json(options.measured.read_text())
    print(measured)
    plan = large_plan(folder, recipe)
    costs = dataclasses.replace(measured.costs, window_s=measured.costs.window_s / options.faster)
    basin = Basin(
        plan, costs.of(plan), options.surveys, measured.before_s, measured.after_s, TROUBLES,
        options.seed,
    )
    print(f"{options.surveys} surveys of {LARGE}: {len(plan.regions)} regions of "
          f"{plan.regions.edge} traces, {plan.windows:,} windows each")
    show(basin, options.workers, scheduler_s, folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
