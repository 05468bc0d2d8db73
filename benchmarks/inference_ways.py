"""Ways to run one network over one survey: ours, the bare network, and what others do.

Each way of :class:`Ways` returns its wall and CPU seconds. All but ``bare`` and ``monai`` read Zarr
and write Zarr.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import dask.array as da
import numpy as np
import torch
import zarr
from distributed import wait

from models.bundle import save_bundle
from models.card import Card, ClassInfo
from models.predictor import Predictor
from models.recipe import BundleRecipe
from models.registry import build
from seisproc.chunking import layout
from seisproc.grid import Grid
from seisproc.interpretation.compute_region import load_network
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.tiling import lattices
from seisproc.normalise import unit_rms
from seisproc.survey import Survey, create_array, publish, write_array, write_coordinates

WINDOW, OVERLAP = 64, 0.25
CHANNELS = (8, 16, 32)
"""Of the reference network: a residual 3-D U-Net, seeded, never trained."""

BLOCK, HALO = 128, 16
"""Of ``map_overlap``: edge of its blocks, and what it reads around each: a window's overlap."""

Seconds = tuple[float, float]
"""Wall and CPU seconds of this process."""


def have_network(recipe: BundleRecipe) -> None:
    """Load a network into this worker; it stays there."""
    load_network(recipe)


def make_survey(url: str, shape: tuple[int, int, int]) -> None:
    """Write a survey of noise, shard by shard."""
    rng = np.random.default_rng(7)
    i, j, k = (np.arange(extent) for extent in shape)
    grid = Grid(i.astype("int32"), j.astype("int32"), 4.0 * k)
    chunks, shards = layout(shape)
    array = create_array(
        url, "amplitude", shape, "float32", grid.dims, chunks=chunks, shards=shards,
        attributes={"statistics": {"mean": 0.0, "std": 1.0}},
    )
    for start in range(0, shape[0], shards[0]):
        rows = slice(start, min(start + shards[0], shape[0]))
        size = (rows.stop - start, *shape[1:])
        array[rows] = rng.standard_normal(size, "float32")
    write_array(url, "live", np.ones(shape[:2], bool), ("inline", "crossline"))
    write_coordinates(url, grid)
    publish(url, {"domain": "twt", "fingerprint": f"noise-{shape}"})


def make_bundle(folder: Path) -> None:
    """Write the reference network."""
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


class Ways:
    """The ways to run one network over one survey, in one folder."""

    def __init__(self, folder: Path, samples: int) -> None:
        self.store, self.folder = str(folder / "survey.zarr"), folder
        self.recipe = BundleRecipe(str(folder / "bundle"), samples=samples, threads=1)
        self.run = 0

    def plan(self, **options):
        """Plan an interpretation under a name of its own."""
        self.run += 1
        name = f"run-{os.getpid()}-{self.run}"
        return plan_interpretation(self.store, [self.recipe], run=name, overlap=OVERLAP, **options)

    def volume(self) -> np.ndarray:
        """Normalise the whole survey in memory."""
        survey = Survey(self.store)
        return unit_rms(survey.amplitude[...], survey.live, survey.statistics)

    def bare(self, client=None) -> Seconds:
        """Run the network on the distinct windows, batch by batch, already in memory.

        On workers each has its share of the batches in its memory: what the machine gives to
        several such processes at once.
        """
        if client is None:
            batches = self.batches()
            start = clock()
            predict_all(batches, self.recipe)
            return since(start)
        addresses = list(client.nthreads())
        parts = [
            client.submit(self.batches, n, len(addresses), workers=[address], pure=False)
            for n, address in enumerate(addresses)
        ]
        with client.as_current():
            wait(parts)
        start = clock()
        done = [
            client.submit(predict_all, part, self.recipe, workers=[address], pure=False)
            for part, address in zip(parts, addresses, strict=True)
        ]
        client.gather(done)
        return since(start)

    def batches(self, part: int = 0, parts: int = 1) -> list[np.ndarray]:
        """Cut every so many-th batch of the lattice's distinct windows; load the network too."""
        volume = self.volume()
        (lattice,) = lattices(
            volume.shape, self.recipe.window, OVERLAP, multiple=self.recipe.multiple
        )
        origins = [[lattice.source(a, n) for n in lattice.origins(a)] for a in range(3)]
        windows = [
            volume[np.ix_(i, j, k)] for i in origins[0] for j in origins[1] for k in origins[2]
        ]
        size = self.recipe.batch_size
        batches = [np.stack(windows[n : n + size]) for n in range(0, len(windows), size)]
        predict_all(batches[:1], self.recipe)
        return batches[part::parts]

    def seisproc(self, client=None, **options) -> Seconds:
        """Plan and interpret; the product is removed again."""
        start = clock()
        self.receipt = interpret(self.plan(**options), client)
        seconds = since(start)
        shutil.rmtree(self.receipt.url)
        return seconds

    def recompute(self, client=None) -> Seconds:
        """Interpret as plain shard tasks do: each runs every window that touches its shards."""
        return self.seisproc(client, borders="recompute")

    def monai(self) -> Seconds:
        """Run MONAI's sliding window over the volume in memory; nothing is written."""
        predict = self.recipe.make_predict()
        start = clock()
        _slide(predict, self.volume())
        return since(start)

    def map_overlap(self, client=None) -> Seconds:
        """Run MONAI's sliding window in each block of ``dask.array.map_overlap``, into Zarr."""
        target = str(self.folder / f"overlap-{os.getpid()}.zarr")
        start = clock()
        survey = Survey(self.store)
        shape = survey.amplitude.shape
        blocks = da.from_zarr(survey.amplitude, chunks=(BLOCK,) * 3)
        told = blocks.map_overlap(
            _answer_block, depth=HALO, boundary="reflect", dtype="uint8", recipe=self.recipe,
            meta=np.empty((0, 0, 0), "uint8"),
        )
        out = zarr.create_array(target, shape=shape, chunks=(BLOCK,) * 3, dtype="uint8")
        store = da.store(told, out, lock=False, compute=False)
        if client is None:
            store.compute(scheduler="single-threaded")
        else:
            client.compute(store).result()
        seconds = since(start)
        shutil.rmtree(target)
        return seconds


def predict_all(batches: list[np.ndarray], recipe: BundleRecipe) -> None:
    """Run the network over batches; the answers are dropped."""
    predict = load_network(recipe)
    for batch in batches:
        predict(batch, np.arange(len(batch)))


def _answer_block(block: np.ndarray, recipe: BundleRecipe) -> np.ndarray:
    return (_slide(load_network(recipe), block.astype("float32")) * 254).astype("uint8")


def _slide(predict: Predictor, volume: np.ndarray) -> np.ndarray:
    """Slide MONAI's window over a volume, with the forward pass that everybody has here."""
    size = predict.batch_size
    # Imported here, since it takes 150 MiB, which are not ours.
    from monai.inferers import SlidingWindowInferer

    inferer = SlidingWindowInferer((WINDOW,) * 3, size, OVERLAP, mode="gaussian")

    def forward(windows: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(predict(windows[:, 0].numpy(), np.arange(len(windows))).mean)

    with torch.inference_mode():
        told = inferer(torch.from_numpy(volume)[None, None], forward)
    return told[0, 0].numpy()


def clock() -> Seconds:
    """Read both clocks."""
    return time.perf_counter(), time.process_time()


def since(start: Seconds) -> Seconds:
    """Seconds since both clocks were read."""
    now = clock()
    return now[0] - start[0], now[1] - start[1]
