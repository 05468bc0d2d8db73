"""Training patches: how fast they are read, whether a network ever waits, how fast they are cut.

    OMP_NUM_THREADS=1 python benchmarks/patches.py --folder FOLDER [--count 4080] [--quick]

Makes a store of 200 x 200 patches from synthetic volumes, then, in one process:

* reading, with cold page cache (every file's pages given back by posix_fadvise) and warm: single
  patches at random, whole shards in random order, and shards in random order through the shuffle
  buffer, which is what training does, once the buffer is full. The bar is 1,500 patches per second
  and core;
* waiting: a network that takes 32 patches in 50 ms, while the loader's threads read, augment and
  stack. On a CPU it is played by matrix products in the main thread; on a GPU, which leaves the
  cores to the loader, by sleeping. The share of the time that it waits is to be below 2 %;
* cutting: patches per second from a survey store and from synthetic volumes, with one and two Dask
  workers, the volumes' generation included.

Wall seconds and CPU seconds of this process. Exits with status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

from models.batches import made_ahead, training_batches  # noqa: E402
from models.train_config import TrainConfig  # noqa: E402
from seisproc.cluster import ClusterSpec, connect, open_cluster  # noqa: E402
from seisproc.grid import Grid  # noqa: E402
from seisproc.labels import import_labels  # noqa: E402
from seisproc.patches.augment import AugmentConfig, augment, mix  # noqa: E402
from seisproc.patches.config import (  # noqa: E402
    PatchConfig,
    Source,
    SurveySource,
    SyntheticSource,
)
from seisproc.patches.make import make_patches  # noqa: E402
from seisproc.patches.reading import PatchReader  # noqa: E402
from seisproc.patches.store import PatchStore  # noqa: E402
from seisproc.segy.create import create_segy  # noqa: E402
from seisproc.segy.ingest import ingest  # noqa: E402
from seisproc.synthetic.config import SyntheticConfig  # noqa: E402
from seisproc.synthetic.volume import synthesize  # noqa: E402

SHAPE = (200, 200)
VOLUME = SyntheticConfig(shape=(224, 224, 224), seed=1)
READ_BAR, WAIT_BAR = 1500.0, 0.02
STEP_S, BATCH = 0.05, 32


def forget(folder: Path) -> None:
    """Give the pages of all files back, so that the next read comes from the disk."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def one_by_one(store: PatchStore, count: int) -> Iterator[object]:
    order = np.random.default_rng(0).permutation(store.count("train"))
    for row in order[:count].tolist():
        yield store.seismic[row], store.label[row]


def shard_by_shard(store: PatchStore, count: int) -> Iterator[object]:
    reader = PatchReader(store, "train")
    spans = reader.spans()
    order = np.random.default_rng(0).permutation(len(spans)).tolist()
    for number in itertools.islice(itertools.cycle(order), -(-count // len(spans))):
        rows = slice(spans[number].start, spans[number].stop)
        yield from zip(np.asarray(store.seismic[rows]), np.asarray(store.label[rows]), strict=True)


def through_the_buffer(store: PatchStore, count: int) -> Iterator[object]:
    """Once the buffer is full: as many patches are read as come, all of the first lap."""
    reader = PatchReader(store, "train")
    patches = reader.shuffled(0)
    next(patches)
    return itertools.islice(patches, count - reader.capacity)


WAYS: dict[str, tuple[Callable[[PatchStore, int], Iterator[object]], float]] = {
    "single, at random": (one_by_one, 0.2),
    "whole shards": (shard_by_shard, 1.0),
    "shuffle buffer": (through_the_buffer, 1.0),
}


def read(url: str) -> int:
    store, missed = PatchStore(url), 0
    print(f"{'reading':<20} {'cache':<5} {'patches/s':>10} {'per CPU s':>10}")
    for cache in ("warm up", "warm", "cold"):
        for name, (way, share) in WAYS.items():
            count = int(share * store.count("train"))
            if cache == "cold":
                forget(Path(url))
            patches = way(store, count)
            wall, cpu = time.perf_counter(), time.process_time()
            taken = sum(1 for _ in patches)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if cache == "warm up":
                continue
            bad = name == "shuffle buffer" and taken / wall < READ_BAR
            missed += bad
            print(f"{name:<20} {cache:<5} {taken / wall:10,.0f} {taken / cpu:10,.0f}"
                  f"{'  MISSED' if bad else ''}")
    return missed


def network(seconds: float) -> Callable[[], None]:
    """Matrix products that take this long when nothing else runs."""
    a = np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32)
    begin = time.perf_counter()
    for _ in range(50):
        a @ a
    products = max(1, round(50 * seconds / (time.perf_counter() - begin)))

    def step() -> None:
        for _ in range(products):
            a @ a

    return step


def wait(url: str, steps: int) -> int:
    missed = 0
    config = TrainConfig("deeplabv3plus", "facies", classes=6, batch_size=BATCH)
    on_cpu, on_gpu = network(STEP_S), partial(time.sleep, STEP_S)
    print(f"{'waiting':<20} {'cache':<5} {'step ms':>8} {'waits':>7} {'longest ms':>11}")
    for name, how, step in (
        ("CPU, no distortion", None, on_cpu),
        ("CPU, flips", AugmentConfig.flips(), on_cpu),
        ("CPU, full", AugmentConfig(), on_cpu),
        ("GPU, flips", AugmentConfig.flips(), on_gpu),
        ("GPU, full", AugmentConfig(), on_gpu),
    ):
        distort = partial(augment, config=how) if how else None
        both = partial(mix, config=how) if how and how.p_mix else None
        forget(Path(url))
        patches = PatchReader(PatchStore(url), "train")
        waits, begin = [], 0.0
        with made_ahead(training_batches(config, patches, distort, both)) as batches:
            for number in range(steps + 1):
                asked = time.perf_counter()
                next(batches)
                if number:
                    waits.append(time.perf_counter() - asked)
                else:
                    begin = time.perf_counter()  # the first batch waits for the buffer to fill
                step()
        total = time.perf_counter() - begin
        share = sum(waits) / total
        bad = share > WAIT_BAR
        missed += bad
        print(f"{name:<20} {'cold':<5} {1e3 * (total - sum(waits)) / (steps + 1):8.1f}"
              f" {share:7.2%} {1e3 * max(waits):11.1f}{'  MISSED' if bad else ''}")
    return missed


def cut(folder: Path, count: int) -> None:
    volume = synthesize(VOLUME)
    inlines, crosslines, samples = VOLUME.shape
    grid = Grid(np.arange(inlines, dtype="i4"), np.arange(crosslines, dtype="i4"),
                4.0 * np.arange(samples))
    create_segy(folder / "survey.sgy", volume.amplitude, grid, sample_format=5)
    survey = ingest([str(folder / "survey.sgy")], str(folder / "survey.zarr")).store
    import_labels(survey, "truth", facies=volume.facies)
    sources: dict[str, Source] = {
        "survey": SurveySource(survey, "truth"),
        "synthetic volumes": SyntheticSource(VOLUME, volumes=4),
    }
    config = PatchConfig(shape=(128, 128), count=(count, 0, 0))
    print(f"{'cutting 128 x 128':<20} {'workers':>7} {'patches/s':>10}")
    for workers in (1, 2):
        with (
            open_cluster(ClusterSpec("local", workers=workers)) as address,
            connect(address) as client,
        ):
            for name, source in sources.items():
                url = str(folder / "cut.zarr")
                for measured in (False, True):  # the first run compiles
                    few = config if measured else PatchConfig(shape=(128, 128), count=(64, 0, 0))
                    shutil.rmtree(url, ignore_errors=True)
                    begin = time.perf_counter()
                    make_patches(few, [source], url, client=client)
                    taken = time.perf_counter() - begin
                print(f"{name:<20} {workers:7d} {count / taken:10,.0f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4080, help="patches of the store, above 2,000")
    parser.add_argument("--steps", type=int, default=300, help="steps of the network")
    parser.add_argument("--quick", action="store_true", help="leave cutting out")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    url = str(options.folder / "patches.zarr")
    config = PatchConfig(shape=SHAPE, count=(options.count, 0, 0))
    begin = time.perf_counter()
    make_patches(config, [SyntheticSource(VOLUME, volumes=4)], url)
    size = sum(path.stat().st_size for path in Path(url).rglob("*") if path.is_file())
    print(f"{options.count} patches of 200 x 200, {size / 1e6:,.0f} MB, made in"
          f" {time.perf_counter() - begin:.0f} s here, 4 volumes included")
    missed = read(url) + wait(url, options.steps)
    if not options.quick:
        cut(options.folder, options.count)
    for name in ("patches.zarr", "survey.zarr", "cut.zarr"):
        shutil.rmtree(options.folder / name, ignore_errors=True)
    (options.folder / "survey.sgy").unlink(missing_ok=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
