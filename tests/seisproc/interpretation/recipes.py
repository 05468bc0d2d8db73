"""Small deterministic networks in numpy, and a survey store for them, for tests."""

import errno
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import zarr

from seisproc.chunking import layout
from seisproc.grid import Grid
from seisproc.interpretation.prediction import Prediction
from seisproc.survey import create_array, publish, write_array, write_coordinates


@dataclass(frozen=True)
class NumpyRecipe:
    """Class scores from the amplitude and from the place within the window.

    The dependence on the place makes overlapping windows disagree, so that a wrong blend shows;
    the dependence on the window's index makes a wrong index show.
    """

    target: str = "facies"
    classes: tuple[str, ...] = ("a", "b", "c")
    window: tuple[int, ...] = (8, 8, 16)
    name: str = "numpy"
    normalisation: str = "unit-rms"
    constant: tuple[float, ...] | None = None
    poison: str = ""
    poisoned: tuple[int, ...] = ()
    delay_s: float = 0.0
    kill: str = ""
    once: bool = False
    log: str = ""
    salt: int = field(default=0)

    @property
    def channels(self) -> int:
        return len(self.classes) if self.target == "facies" else 1

    @property
    def key(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def make_predict(self):
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"load {os.getpid()}\n")
        return NumpyPredict(self)


class NumpyPredict:
    def __init__(self, recipe: NumpyRecipe) -> None:
        self.recipe = recipe

    def __call__(self, windows, window_index):
        recipe = self.recipe
        self._trouble(window_index)
        assert windows.dtype == np.float32
        assert window_index.dtype == np.int64
        shape = windows.shape[1:]
        channels = recipe.channels
        if recipe.constant is not None:
            mean = np.empty((len(windows), channels, *shape), np.float32)
            mean[:] = np.array(recipe.constant, np.float32)[:, None, None, None]
        else:
            place = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 7 / 7
            scores = np.stack(
                [
                    np.tanh(windows * (c + 1) / 2)
                    + np.float32(0.5) * np.roll(place, c)
                    + np.float32(0.3) * np.sin(window_index + c)[:, None, None, None]
                    for c in range(max(2, channels))
                ],
                axis=1,
            ).astype(np.float32)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            mean = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
            if recipe.target == "fault":
                mean = np.ascontiguousarray(mean[:, :1])
        both = mean if recipe.target == "facies" else np.concatenate([mean, 1 - mean], axis=1)
        entropy = -(both * np.log(np.maximum(both, 1e-12))).sum(axis=1)
        expected = (entropy * np.float32(0.75)).astype(np.float32)
        variance = (both * (1 - both)).mean(axis=1) * np.float32(0.5)
        return Prediction(mean, expected, variance.astype(np.float32))

    def _trouble(self, window_index):
        recipe = self.recipe
        if recipe.delay_s:
            time.sleep(recipe.delay_s * len(window_index))
        if recipe.log:
            with Path(recipe.log).open("a") as file:
                file.write("".join(f"window {index}\n" for index in window_index))
        hit = bool(set(window_index.tolist()) & set(recipe.poisoned))
        if hit and recipe.poison and Path(recipe.poison).exists():
            if times := Path(recipe.poison).read_text():
                Path(recipe.poison).write_text("1" * (len(times) - 1))
                if len(times) == 1:
                    Path(recipe.poison).unlink()
                raise OSError(errno.EBUSY, "the store asks to slow down")
            raise ValueError("poisoned window")
        if hit and recipe.kill and Path(recipe.kill).exists():
            if recipe.once:
                Path(recipe.kill).unlink()
            os.kill(os.getpid(), 9)


SHAPE = (22, 19, 40)
LIVE = np.ones(SHAPE[:2], bool)
LIVE[:9, :10] = False
LIVE[15, 15] = False
"""Of the fixture ``survey``."""

FAULT = NumpyRecipe("fault", ("background", "fault"), window=(6, 12), name="faults")


def make_survey(url, shape, *, live=None, garbage=0.0, seed=0, dtype="float32", chunk=8):
    """Publish a small survey of noise with a smooth part; dead traces hold ``garbage``."""
    rng = np.random.default_rng(seed)
    i, j, k = np.ogrid[: shape[0], : shape[1], : shape[2]]
    amplitude = np.sin(i / 5 + j / 7 + k / 3) * 300 + rng.normal(0, 100, shape)
    live = np.ones(shape[:2], bool) if live is None else live
    values = amplitude[live]
    statistics = {"mean": float(values.mean()), "std": float(values.std())}
    amplitude[~live] = garbage
    url = str(url)
    grid = Grid(
        np.arange(100, 100 + shape[0], dtype="int32"),
        np.arange(500, 500 + shape[1], dtype="int32"),
        np.arange(shape[2], dtype="float64") * 4,
    )
    chunks, shards = layout(shape, chunk=(chunk,) * 3, shard=(2 * chunk,) * 3)
    array = create_array(
        url, "amplitude", shape, dtype, grid.dims, chunks=chunks, shards=shards,
        attributes={"statistics": statistics},
    )
    array[...] = amplitude.astype(dtype)
    write_array(url, "live", live, ("inline", "crossline"))
    write_coordinates(url, grid)
    publish(url, {"domain": "twt", "fingerprint": f"survey-{seed}-{shape}"})
    return url


def volumes(url, name="main"):
    """Read all volumes of an interpretation, by name."""
    return {
        each.name: zarr.open_array(str(each), mode="r")[...]
        for each in Path(f"{url}/interpretation/{name}").iterdir()
        if each.is_dir() and each.name.startswith("fa")
    }


@dataclass(frozen=True)
class ThreadedRecipe(NumpyRecipe):
    """The same network on a device of its own: a thread, to which batches are submitted."""

    def make_predict(self):
        return ThreadedPredict(self)


class ThreadedPredict:
    ahead = 2

    def __init__(self, recipe: NumpyRecipe) -> None:
        self.predict = NumpyPredict(recipe)
        self.device = ThreadPoolExecutor(1)
        self.notes = ["batches of 4, halved"]
        self.most, self.under_way = 0, 0

    def submit(self, windows, window_index):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return self.device.submit(self.predict, windows.copy(), window_index.copy())

    def collect(self, submitted):
        self.under_way -= 1
        return submitted.result()
