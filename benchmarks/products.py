"""What the products of an interpretation cost: fault surfaces, sticks, volumes, differences.

    python benchmarks/products.py --folder FOLDER [--shape 512 512 384] [--rounds 3]

Makes a survey with two interpretations of it, as networks would give them: six dipping classes that
lie a few samples apart, 24 elliptic faults as bands of probability in a background of noise, and
their uncertainties. Then times, each in a fresh process on one thread,

- ``faults``          thin, link, measure and number the surfaces; with one process and two workers
- ``sticks``          their sticks for OpendTect, the table and the picture
- ``show``            volumes, areas and thickness of each class, faults
- ``diff``            counts of two interpretations; and with the volume of what differs

and prints medians of the wall and CPU seconds (of the process and its workers), the highest
resident memory of the process or of a worker, and seconds for 10^8 voxels. Compiled loops
come from numba's cache: a small survey goes first. What it wrote is removed at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client
from numpy.typing import NDArray

from flows.describe_store import figures
from seisproc.chunking import layout
from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.difference.diff import diff
from seisproc.difference.sides import Side
from seisproc.fault_surfaces.build import BOX, make_surfaces
from seisproc.fault_surfaces.deliver import write_faults
from seisproc.grid import Grid
from seisproc.schema import NONE
from seisproc.survey import (
    Survey,
    create_array,
    ensure_group,
    publish,
    write_array,
    write_coordinates,
)
from seisproc.volume import Box, boxes

WAYS = ("faults", "faults, 2 workers", "sticks", "show", "diff", "diff with its volume")
CLASSES, FAULTS = 6, 24
REACH = 8
"""Voxels beside a fault within which its band ends."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def make_survey(url: str, shape: tuple[int, int, int]) -> None:
    """Write a survey's axes and two interpretations of it, ``a`` and ``b``."""
    grid = Grid(np.arange(shape[0], dtype="int32") + 100, np.arange(shape[1], dtype="int32") + 300,
                4.0 * np.arange(shape[2]))
    chunks, shards = layout(shape)
    create_array(url, "amplitude", shape, "float32", grid.dims, chunks=chunks, shards=shards,
                 attributes={"statistics": {"mean": 0.0, "std": 1.0}})
    write_coordinates(url, grid)
    lateral = ("inline", "crossline")
    write_array(url, "live", np.ones(shape[:2], bool), lateral)
    for axis, name in enumerate(("cdp_x", "cdp_y")):
        write_array(url, name, 12.5 * np.indices(shape[:2])[axis], lateral)
    for number, run in enumerate("ab"):
        group = f"{url}/interpretation/{run}"
        arrays = {
            name: create_array(group, name, shape, "uint8", grid.dims, chunks=chunks, shards=shards,
                               fill_value=NONE, attributes=_attributes(name))
            for name in ("facies", "fault", "facies_uncertainty", "fault_uncertainty")
        }
        for box in boxes(shape, (shards[0], shards[1], shards[2])):
            for name, values in _codes(box, shape, number).items():
                arrays[name][box.slices] = values
        write_coordinates(group, grid)
        publish(group, {"fingerprint": f"{run}-{shape}"})
    ensure_group(f"{url}/interpretation")
    publish(url, {"domain": "twt", "fingerprint": "products"})


def _attributes(name: str) -> dict[str, Any]:
    if name != "facies":
        return {"scale_factor": 1 / 254, "_FillValue": NONE}
    names = [f"class_{code}" for code in range(CLASSES)]
    return {"flag_values": [*range(CLASSES), NONE], "flag_meanings": " ".join((*names, "none"))}


def _codes(box: Box, shape: tuple[int, int, int], run: int) -> dict[str, NDArray[np.uint8]]:
    """Codes of one box, the same faults in both runs with noise of their own."""
    rng = np.random.default_rng([run, *box.start])
    i, j, k = (axis.astype(np.float32) for axis in np.ogrid[box.slices])
    depth = k + 0.1 * i + 6 * np.sin(j / 40) + 3 * run
    part = depth / (1.2 * shape[2]) * CLASSES
    noise = rng.random(box.shape, np.float32)
    band = 0.3 * noise
    for centre, normal, radius in _faults(shape):
        nearest = np.clip(centre, box.start, box.stop)
        if np.linalg.norm(nearest - centre) > radius + REACH:
            continue
        away = [axis - middle for axis, middle in zip((i, j, k), centre, strict=True)]
        distance = sum(n * a for n, a in zip(normal, away, strict=True))
        inside = sum(a * a for a in away) - distance**2 < radius**2
        np.maximum(band, np.where(inside, np.exp(-(distance**2) / 5), 0), out=band)
    return {
        "facies": np.clip(part, 0, CLASSES - 1).astype(np.uint8),
        "fault": np.rint(254 * band).astype(np.uint8),
        "facies_uncertainty": np.rint(254 * 2 * np.abs(part % 1 - 0.5)).astype(np.uint8),
        "fault_uncertainty": np.rint(254 * 4 * band * (1 - band)).astype(np.uint8),
    }


def _faults(shape: tuple[int, int, int]) -> list[tuple[NDArray[Any], NDArray[Any], float]]:
    """Centre, unit normal and radius in voxels of each fault."""
    rng, found = np.random.default_rng(11), []
    for _ in range(FAULTS):
        strike, dip = rng.uniform(0, math.pi), math.radians(rng.uniform(50, 80))
        normal = [math.cos(strike) * math.sin(dip), math.sin(strike) * math.sin(dip), math.cos(dip)]
        found.append((rng.uniform(0.1, 0.9, 3) * shape, np.array(normal),
                      rng.uniform(0.15, 0.4) * min(shape)))
    return found


def do(way: str, folder: Path) -> dict[str, float]:
    """Wall and CPU seconds, and MiB, of one way on the survey in a folder."""
    cluster = ClusterSpec("local", workers=2) if "workers" in way else ClusterSpec()
    with open_cluster(cluster) as address, connect(address) as client:
        if client is not None:
            client.wait_for_workers(2)
            _surfaces(folder.with_name("small"), client, (32, 32, 32))  # both load compiled loops
        before = _cpu(client)
        start = time.perf_counter()
        _go(way, folder, client)
        wall = time.perf_counter() - start
        cpu = _cpu(client) - before
        peak = peak_mib() if client is None else max(client.run(peak_mib).values())
    return {"wall": wall, "cpu": cpu, "mib": peak}


def _go(way: str, folder: Path, client: Client | None) -> None:
    url = str(folder / "survey.zarr")
    if way.startswith("faults"):
        _surfaces(folder, client)
    elif way == "sticks":
        write_faults(url, "a", f"{folder}/faults/", overwrite=True)
    elif way == "show":
        figures(Survey(url), "a", 2500.0)
    else:
        volume = f"{folder}/difference.zarr" if "volume" in way else None
        diff(Side(url, "a"), Side(url, "b"), volume_url=volume, overwrite=True)


def _surfaces(folder: Path, client: Client | None, box: tuple[int, int, int] = BOX) -> None:
    store = folder / "survey.zarr"
    shutil.rmtree(store / "fault_surfaces", ignore_errors=True)  # or they would be kept
    make_surfaces(str(store), "a", box=box, client=client)


def _cpu(client: Client | None) -> float:
    workers = client.run(time.process_time).values() if client is not None else ()
    return time.process_time() + sum(workers)


def peak_mib() -> float:
    """Highest resident memory of this process."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def fresh(way: str, folder: Path) -> dict[str, float]:
    """Do one way in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--one", way]
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 384))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(do(options.one, options.folder)))
        return
    work = options.folder / "products"
    shutil.rmtree(work, ignore_errors=True)
    try:
        for name, shape in (("small", (96, 96, 96)), ("large", tuple(options.shape))):
            make_survey(str(work / name / "survey.zarr"), shape)
        for way in WAYS:
            if "workers" not in way:
                fresh(way, work / "small")
        seconds: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way in WAYS:
                seconds[way].append(fresh(way, work / "large"))
        found = len(make_surfaces(str(work / "large" / "survey.zarr"), "a").surfaces)
    finally:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(work)
    voxels = math.prod(options.shape)
    print(f"{' x '.join(map(str, options.shape))}, {found} fault surfaces, {options.rounds} rounds")
    print(f"{'':<24}{'wall s':>8}{'CPU s':>8}{'MiB':>8}{'s / 1e8 voxels':>16}")
    for way, rounds in seconds.items():
        wall, cpu, mib = (
            statistics.median(each[key] for each in rounds) for key in ("wall", "cpu", "mib")
        )
        print(f"{way:<24}{wall:8.1f}{cpu:8.1f}{mib:8.0f}{wall * 1e8 / voxels:16.1f}")


if __name__ == "__main__":
    main()
