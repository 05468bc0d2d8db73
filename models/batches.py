"""Batches of patches, made ready by other threads while the network is busy."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from models.train_config import TrainConfig
from models.training_data import Augment, Mix, Patch, PatchSet

#: All patches of a batch.
WHOLE = slice(None)

#: Batches that are made ready while the network is busy with another.
AHEAD = 4

Batch = tuple[Tensor, Tensor]
Item = TypeVar("Item")


def training_batches(
    config: TrainConfig,
    patches: PatchSet,
    augment: Augment | None = None,
    mix: Mix | None = None,
    first_step: int = 0,
    part: slice = WHOLE,
) -> Iterator[Batch]:
    """Yield windows float32 (batch, inputs, ...) and labels uint8 (batch, ...), for ever.

    Order, augmentation and mixing depend on nothing but the seed and the step. A patch is mixed
    with the next one of its batch. One thread reads ahead, and a few augment. ``part`` takes some
    patches of each batch, which are what they would be among all.
    """
    size = config.batch_size
    own = list(range(size))[part]
    needed = sorted({*own, *((place + 1) % size for place in own if mix is not None)})
    source = patches.shuffled(config.seed, first_step * size)
    lists = iter(lambda: list(itertools.islice(source, size)), [])
    with made_ahead(lists, 2) as ready, ThreadPoolExecutor(_cores()) as pool:
        for step, read in enumerate(ready, first_step):
            first = step * size
            drawn = {place: read[place] for place in needed}
            if augment is not None:
                distort = partial(_augmented, config.seed, augment)
                made = pool.map(distort, (first + place for place in needed), drawn.values())
                drawn = dict(zip(needed, made, strict=True))
            if mix is not None and size > 1:
                yield as_batch([
                    mix(*drawn[place], *drawn[(place + 1) % size],
                        np.random.default_rng([config.seed, 3, first + place]))
                    for place in own
                ])
            else:
                yield as_batch([drawn[place] for place in own])


def _augmented(seed: int, augment: Augment, number: int, patch: Patch) -> Patch:
    return augment(*patch, np.random.default_rng([seed, 2, number]))


def _cores() -> int:
    """Threads that augment: NumPy lets them run side by side, but for a GPU four are enough."""
    return min(4, os.cpu_count() or 1)


def validation_batches(config: TrainConfig, patches: PatchSet) -> Iterator[Batch]:
    """Yield windows float32 (batch, inputs, ...) and labels uint8 (batch, ...), each patch once."""
    source = patches.in_order()
    while drawn := list(itertools.islice(source, config.batch_size)):
        yield as_batch(drawn)


def as_batch(patches: list[Patch]) -> Batch:
    """Stack patches; seismic of as many axes as its labels gets one of inputs."""
    windows = np.stack([np.asarray(seismic, np.float32) for seismic, _ in patches])
    labels = np.stack([np.asarray(label, np.uint8) for _, label in patches])
    if windows.ndim == labels.ndim:
        windows = windows[:, None]
    return torch.from_numpy(windows), torch.from_numpy(labels)


@contextlib.contextmanager
def made_ahead(items: Iterator[Item], ahead: int = AHEAD) -> Iterator[Iterator[Item]]:
    """Let a thread make the next few items while the body is busy with one.

    The items and their order stay the same. An error comes where its item would have come. The
    thread ends with the body.
    """
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(ahead)
    over = threading.Event()

    def put(item: Item | None, error: BaseException | None) -> bool:
        while not over.is_set():
            with contextlib.suppress(queue.Full):
                ready.put((item, error), timeout=0.1)
                return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item, None):
                    return
            put(None, StopIteration())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            put(None, error)
        finally:
            if isinstance(items, Generator):
                items.close()  # with what it holds open itself

    def take() -> Iterator[Item]:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]

    thread = threading.Thread(target=make, daemon=True, name="batches")
    thread.start()
    try:
        yield take()
    finally:
        over.set()
        thread.join()
