"""Anonymous memory of an ingest, all workers together: wide surveys and many traces.

    OMP_NUM_THREADS=1 python benchmarks/memory.py --folder FOLDER

Writes surveys of 100,000 crosslines and of nine million traces, ingests each in one process and on
two Dask workers, and prints the largest sum of anonymous memory (RssAnon of Linux: neither mapped
files nor the page cache) of the process and its children, less what they hold before they start.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from distributed import Client, LocalCluster

from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.segy.scan import scan

SHAPES = {
    "100,000 crosslines": (20, 100_000, 200),
    "9 million traces": (3000, 3000, 4),
    "long traces": (64, 64, 30_000),
}
EVERY_S = 0.01


class Ramp:
    """A volume that is made line by line, as it is asked for."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape

    def __getitem__(self, line: int) -> np.ndarray:
        rng = np.random.default_rng(line)
        return rng.standard_normal(self.shape[1:], dtype="float32")


def make(path: Path, shape: tuple[int, int, int]) -> None:
    grid = Grid(
        np.arange(shape[0], dtype="int32") + 1000,
        np.arange(shape[1], dtype="int32") + 2000,
        4.0 * np.arange(shape[2]),
    )
    create_segy(path, Ramp(shape), grid, sample_format=5)


def anonymous_mib() -> float:
    """Anonymous memory of this process and all its children."""
    total = 0
    for process in (own := psutil.Process(), *own.children(recursive=True)):
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
            total += int(line.split()[1])
    return total / 1024


@contextlib.contextmanager
def watch() -> Iterator[list[float]]:
    """Yield a list that holds, at the end, the growth of memory in MiB."""
    base, found, stop = anonymous_mib(), [0.0], threading.Event()

    def look() -> None:
        while not stop.is_set():
            found[0] = max(found[0], anonymous_mib() - base)
            time.sleep(EVERY_S)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def measure(way: str, source: Path, store: Path) -> float:
    """MiB that scanning, or ingesting in one process or on two workers, adds."""
    if way == "two workers":
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
            watch() as grown,
        ):
            ingest([str(source)], str(store), client=client)
        return grown[0]
    with watch() as grown:
        if way == "scan":
            scan([str(source)])
        else:
            ingest([str(source)], str(store))
    return grown[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    source, store = options.folder / "memory.sgy", options.folder / "memory.zarr"
    if options.way:
        print(f"  {options.way:12s} {measure(options.way, source, store):6.0f} MiB")
        shutil.rmtree(store, ignore_errors=True)
        return
    for name, shape in SHAPES.items():
        make(source, shape)
        print(f"{name}: {shape}, {source.stat().st_size / 1e9:.1f} GB", flush=True)
        # each in a process of its own: memory that an earlier one gave back is not counted
        for way in ("scan", "one process", "two workers"):
            command = [sys.executable, __file__, "--folder", str(options.folder), "--way", way]
            subprocess.run(command, check=True)
        source.unlink()


if __name__ == "__main__":
    main()
