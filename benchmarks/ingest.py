"""SEG-Y in and out against the limits: seconds, and ratios in one run.

    OMP_NUM_THREADS=1 python benchmarks/ingest.py --folder FOLDER [--shape 400 400 750]
        [--workers] [--peers PYTHON_WITH_MULTIDIMIO_AND_SEGYSAK]

Generates a noisy survey as IEEE and as IBM file (518 MB each), then times, interleaved, a raw
copy, a slab loop of segyio into Zarr (64 inlines at a time, no headers, no statistics), and our
ingest in one process, with warm file cache; then scan and export, and ingest with one and two Dask
workers. Everything it wrote is removed at the end.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import segyio
import zarr
from zarr.codecs import BloscCodec

from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.scan import scan

FORMATS = {"ieee": 5, "ibm": 1}
SLAB = 64


def make(path: Path, shape: tuple[int, int, int], sample_format: int) -> None:
    rng = np.random.default_rng(7)
    grid = Grid(
        np.arange(shape[0], dtype="int32") + 1000,
        np.arange(shape[1], dtype="int32") + 2000,
        4.0 * np.arange(shape[2]),
    )
    amplitude = np.lib.format.open_memmap(
        path.with_suffix(".npy"), "w+", dtype="float32", shape=shape
    )
    for line in range(shape[0]):
        noise = rng.normal(size=(shape[1], shape[2] + 8)).astype("float32")
        # a short moving average: band-limited as seismic is, noisy in the low bits
        amplitude[line] = 1000 * (noise[:, 4:-4] + noise[:, 3:-5] + 0.5 * noise[:, 2:-6])
    create_segy(path, amplitude, grid, sample_format=sample_format)
    path.with_suffix(".npy").unlink()


def copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def slab_loop(source: Path, target: Path) -> None:
    """Convert as one does by hand: segyio's lines, 64 at a time, into sharded Zarr."""
    with segyio.open(source) as file:
        shape = (len(file.ilines), len(file.xlines), len(file.samples))
        array = zarr.create_array(
            str(target), shape=shape, dtype="float32", chunks=(64, 64, 64),
            shards=(64, 128, 512), fill_value=np.nan,
            compressors=[BloscCodec(typesize=4, cname="zstd", clevel=1, shuffle="bitshuffle")],
        )
        for first in range(0, shape[0], SLAB):
            stop = min(first + SLAB, shape[0])
            lines = [file.iline[number] for number in file.ilines[first:stop]]
            array[first:stop] = np.stack(lines)


def ours(source: Path, target: Path) -> None:
    ingest([str(source)], str(target))


def clock(function: Callable[..., object], *arguments: object) -> float:
    begin = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - begin


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def peer(python: str, way: str, source: Path, target: Path) -> float:
    """Seconds that another program takes, in an environment of its own."""
    script = Path(__file__).with_name("peers.py")
    command = [python, str(script), way, str(source), str(target)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.rsplit("seconds", 1)[1])


def compare(source: Path, folder: Path, repeats: int, peers: str | None) -> dict[str, float]:
    """Median seconds of each way, interleaved."""
    ways = {"copy": copy, "slab loop": slab_loop, "ingest": ours}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    target = folder / "out"
    for number in range(repeats + 1):
        for name, way in ways.items():
            took = clock(way, source, target)
            if number:  # the first round warms the cache and the compiled loops
                seconds[name].append(took)
            remove(target)
        for name in ("mdio", "segysak") if peers and number else ():
            seconds.setdefault(name, []).append(peer(peers, name, source, target))
            remove(target)
    return {name: statistics.median(times) for name, times in seconds.items()}


def with_workers(source: Path, folder: Path, count: int, repeats: int) -> float:
    """Median seconds with Dask workers of one thread each, cluster started before."""
    from seisproc.cluster import ClusterSpec, connect, open_cluster

    with open_cluster(ClusterSpec("local", workers=count)) as address, connect(address) as client:
        target = folder / "out"
        seconds = []
        for number in range(repeats + 1):
            took = clock(lambda: ingest([str(source)], str(target), client=client))
            if number:
                seconds.append(took)
            remove(target)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shape", type=int, nargs=3, default=(400, 400, 750))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", action="store_true", help="also with Dask workers")
    parser.add_argument("--peers", metavar="PYTHON", help="an environment with MDIO and segysak")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, code in FORMATS.items():
        source = options.folder / f"{name}.sgy"
        make(source, tuple(options.shape), code)
        print(f"{name}: {source.stat().st_size / 1e6:.0f} MB")
        medians = compare(source, options.folder, options.repeats, options.peers)
        for way, seconds in medians.items():
            ratio = seconds / medians["slab loop"]
            print(f"  {way:10s} {seconds:6.2f} s   {ratio:.2f} x slab loop")
        scans = [clock(scan, [str(source)]) for _ in range(options.repeats)]
        print(f"  scan       {statistics.median(scans):6.3f} s")
        store, back = options.folder / "store", options.folder / "back.sgy"
        ours(source, store)
        exports = []
        for _ in range(options.repeats + 1):
            exports.append(clock(export, str(store), str(back)))
            same = back.read_bytes() == source.read_bytes()
            remove(back)
        print(f"  export     {statistics.median(exports[1:]):6.2f} s   the same bytes: {same}")
        if options.workers:
            one, two = (
                with_workers(source, options.folder, n, options.repeats) for n in (1, 2)
            )
            print(f"  workers    {one:6.2f} s with one, {two:.2f} s with two: {one / two:.2f} x")
        for path in (source, store):
            remove(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak resident memory, mapped files and this script's checks included: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
