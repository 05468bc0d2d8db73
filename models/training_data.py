"""Training patches: what is accepted, in which order they come, and what they are told by."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import TrainingError
from models.losses import NONE
from models.train_config import TrainConfig, deciding
from models.validation import class_counts

#: Patches of an array whose labels are counted, and whose content is hashed, before training.
INSPECTED = 1024

Patch = tuple[NDArray[np.float32], NDArray[np.uint8]]

Augment = Callable[
    [NDArray[np.float32], NDArray[np.uint8], np.random.Generator],
    tuple[NDArray[np.float32], NDArray[np.uint8]],
]

Mix = Callable[
    [
        NDArray[np.float32],
        NDArray[np.uint8],
        NDArray[np.float32],
        NDArray[np.uint8],
        np.random.Generator,
    ],
    tuple[NDArray[np.float32], NDArray[np.uint8]],
]


class Patches(Protocol):
    """Equal patches by number: a numpy array, a memory map, a Zarr array, or a generator."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.generic]: ...


class PatchSet(Protocol):
    """Labelled patches that need not fit into memory: what a network learns from, or is judged by.

    :class:`ArrayPatches` is one; a reader of a patch store is another.
    """

    def __len__(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """What decides content and order, the seed aside."""
        ...

    def voxels(self) -> NDArray[np.int64]:
        """Labelled voxels by code, int64 (256,), at least of a fair share of the patches."""
        ...

    def shuffled(self, seed: int, start: int = 0) -> Iterator[Patch]:
        """Yield patches for ever in an order that only the seed decides, from number ``start``."""
        ...

    def in_order(self) -> Iterator[Patch]:
        """Yield every patch once, always in the same order."""
        ...


class ArrayPatches:
    """Patches in arrays, or in whatever can be read one by one.

    Parameters
    ----------
    seismic : float32 (patch, ...) or (patch, inputs, ...)
    label : uint8 (patch, ...)
        Class codes, or 1 on faults; 255 where unlabelled.
    name : str
        Which patches, for messages.

    Raises
    ------
    TrainingError
        If there are none, or seismic and labels differ in number or shape.
    """

    def __init__(self, seismic: Patches, label: Patches, name: str = "training") -> None:
        if len(seismic) == 0 or len(seismic) != len(label):
            raise TrainingError(
                f"{name} patches",
                found=f"{len(seismic)} of seismic and {len(label)} of labels",
                expected="as many of both, at least one",
            )
        shape, wanted = np.shape(seismic[0]), np.shape(label[0])
        if shape[len(shape) == len(wanted) + 1 :] != wanted:
            raise TrainingError(
                f"{name} patches",
                found=f"seismic {shape}, label {wanted}",
                expected="equal shapes",
            )
        self._seismic, self._label = seismic, label

    def __len__(self) -> int:
        return len(self._seismic)

    @property
    def fingerprint(self) -> str:
        """Hash of the patches (evenly picked where there are many)."""
        digest = hashlib.sha256(str(len(self)).encode())
        for array in (self._seismic, self._label):
            for patch in _inspected(array):
                digest.update(np.ascontiguousarray(patch).tobytes())
        return digest.hexdigest()

    def voxels(self) -> NDArray[np.int64]:
        """Labelled voxels by code, int64 (256,), of evenly picked patches."""
        counts = class_counts(_inspected(self._label), 256)
        counts[NONE] = 0
        return counts

    def shuffled(self, seed: int, start: int = 0) -> Iterator[Patch]:
        """Yield patches for ever, in laps of another order each, from number ``start`` on."""
        first, passed = divmod(start, len(self))
        for lap in itertools.count(first):
            order = np.random.default_rng([seed, 1, lap]).permutation(len(self))
            for index in order[passed if lap == first else 0 :].tolist():
                yield self._patch(index)

    def in_order(self) -> Iterator[Patch]:
        """Yield every patch once."""
        return map(self._patch, range(len(self)))

    def _patch(self, index: int) -> Patch:
        seismic, label = self._seismic[index], self._label[index]
        return np.asarray(seismic, np.float32), np.asarray(label, np.uint8)


def loss_weights(config: TrainConfig, voxels: NDArray[np.int64]) -> Tensor | None:
    """Class weights of the loss, float32, mean one over the classes that occur; None for none.

    ``voxels``: labelled voxels by code, int64 (256,).
    """
    if config.class_weights == "none":
        return None
    classes = 2 if config.target == "fault" else config.classes
    if isinstance(config.class_weights, tuple):
        wanted = 1 if config.target == "fault" else classes
        if len(config.class_weights) != wanted:
            raise TrainingError(
                "class_weights",
                found=f"{len(config.class_weights)} numbers",
                expected=f"{wanted}",
            )
        return torch.tensor(config.class_weights, dtype=torch.float32)
    counts = voxels[:classes].astype(np.float64)
    weights = np.zeros(classes)
    np.divide(1.0, np.sqrt(counts), out=weights, where=counts > 0)
    if config.target == "fault":
        return torch.tensor([float(weights[1] / weights[0]) if weights.all() else 1.0])
    weights /= weights[counts > 0].mean()
    return torch.from_numpy(weights).float()


def inspect_patches(
    config: TrainConfig, training: PatchSet, validation: PatchSet
) -> tuple[str, ...]:
    """Refuse patches that cannot be trained on, and warn of classes that never occur."""
    classes = 2 if config.target == "fault" else config.classes
    warnings = []
    for name, patches in {"training": training, "validation": validation}.items():
        counts = patches.voxels()
        if counts[classes:].any():
            raise TrainingError(
                f"{name} labels",
                found=f"code {int(np.flatnonzero(counts)[-1])}",
                expected=f"0 to {classes - 1}, or 255 where unlabelled",
            )
        if not counts.any():
            raise TrainingError(f"no {name} patch has a label", do="Cut patches where labels are")
        absent = [str(code) for code in range(classes) if counts[code] == 0]
        if absent:
            warnings.append(f"class {', '.join(absent)} never occurs in the {name} patches")
    return tuple(warnings)


def run_fingerprint(config: TrainConfig, *patches: PatchSet) -> str:
    """Hash of the configuration and of the patches."""
    digest = hashlib.sha256(json.dumps(deciding(config), sort_keys=True).encode())
    for each in patches:
        digest.update(each.fingerprint.encode())
    return digest.hexdigest()


def _inspected(patches: Patches) -> list[NDArray[np.generic]]:
    count = len(patches)
    picked = np.unique(np.linspace(0, count - 1, min(count, INSPECTED)).astype(int))
    return [np.asarray(patches[int(index)]) for index in picked]
