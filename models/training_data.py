"""Training patches: what is accepted, in which order they come, and what they are told by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import TrainingError
from models.train_config import TrainConfig
from models.validation import class_counts

#: Patches whose labels are counted, and whose content is hashed, before training starts.
INSPECTED = 1024

Augment = Callable[
    [NDArray[np.float32], NDArray[np.uint8], np.random.Generator],
    tuple[NDArray[np.float32], NDArray[np.uint8]],
]


class Patches(Protocol):
    """Equal patches by number: a numpy array, a memory map, a Zarr array, or a generator."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.generic]: ...


def training_batch(
    config: TrainConfig, seismic: Patches, label: Patches, augment: Augment | None, step: int
) -> tuple[Tensor, Tensor]:
    """Windows float32 (batch, 1, ...) and labels uint8 (batch, ...) of one step.

    Patches are gone through in laps, each in another order; order and augmentation depend on
    nothing but the seed and the step.
    """
    windows, labels = [], []
    for place in range(config.batch_size):
        position = step * config.batch_size + place
        lap, within = divmod(position, len(seismic))
        index = int(_lap_order(config.seed, lap, len(seismic))[within])
        window = np.asarray(seismic[index], np.float32)
        truth = np.asarray(label[index], np.uint8)
        if augment is not None:
            rng = np.random.default_rng([config.seed, 2, position])
            window, truth = augment(window, truth, rng)
        windows.append(np.asarray(window, np.float32))
        labels.append(np.asarray(truth, np.uint8))
    return torch.from_numpy(np.stack(windows))[:, None], torch.from_numpy(np.stack(labels))


@lru_cache(maxsize=2)
def _lap_order(seed: int, lap: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, 1, lap]).permutation(count)


def loss_weights(config: TrainConfig, label: Patches) -> Tensor | None:
    """Class weights of the loss, float32, mean one over the classes that occur; None for none."""
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
    counts = class_counts(_inspected(label), classes).astype(np.float64)
    weights = np.zeros(classes)
    np.divide(1.0, np.sqrt(counts), out=weights, where=counts > 0)
    if config.target == "fault":
        return torch.tensor([float(weights[1] / weights[0]) if weights.all() else 1.0])
    weights /= weights[counts > 0].mean()
    return torch.from_numpy(weights).float()


def inspect_patches(
    config: TrainConfig,
    seismic: Patches,
    label: Patches,
    validation_seismic: Patches,
    validation_label: Patches,
) -> tuple[str, ...]:
    """Refuse patches that cannot be trained on, and warn of classes that never occur."""
    classes = 2 if config.target == "fault" else config.classes
    warnings = []
    pairs = {
        "training": (seismic, label),
        "validation": (validation_seismic, validation_label),
    }
    for name, (windows, labels) in pairs.items():
        if len(windows) == 0 or len(windows) != len(labels):
            raise TrainingError(
                f"{name} patches",
                found=f"{len(windows)} of seismic and {len(labels)} of labels",
                expected="as many of both, at least one",
            )
        if np.shape(windows[0]) != np.shape(labels[0]):
            raise TrainingError(
                f"{name} patches",
                found=f"seismic {np.shape(windows[0])}, label {np.shape(labels[0])}",
                expected="equal shapes",
            )
        counts = class_counts(_inspected(labels), 255)
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


def run_fingerprint(config: TrainConfig, *patches: Patches) -> str:
    """Hash of the configuration and of the patches (evenly picked where there are many)."""
    settings = {k: v for k, v in asdict(config).items() if k not in ("device", "threads")}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in patches:
        digest.update(str(len(array)).encode())
        for patch in _inspected(array):
            digest.update(np.ascontiguousarray(patch).tobytes())
    return digest.hexdigest()


def _inspected(patches: Patches) -> list[NDArray[np.generic]]:
    count = len(patches)
    picked = np.unique(np.linspace(0, count - 1, min(count, INSPECTED)).astype(int))
    return [np.asarray(patches[int(index)]) for index in picked]
