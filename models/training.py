"""Training a network on patches: deterministic, resumable, with the best weights kept.

Everything random is a function of the seed and the step: which patches a batch holds, how they
are augmented and which channels are dropped. So a run that was killed goes on from its last
checkpoint along the very same curve.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from models.batches import made_ahead, training_batches
from models.progress import EpochReport, StepReport, TrainResult
from models.runtime import deterministic_torch
from models.train_config import TrainConfig
from models.training_data import (
    ArrayPatches,
    Augment,
    Mix,
    Patches,
    PatchSet,
    inspect_patches,
    run_fingerprint,
)
from models.training_run import OnStep, TrainingRun

__all__ = [
    "Augment",
    "EpochReport",
    "OnEpoch",
    "OnStep",
    "Patches",
    "StepReport",
    "TrainConfig",
    "TrainResult",
    "train_network",
    "train_on",
]

OnEpoch = Callable[[EpochReport], None]

CHECKPOINT = "last.safetensors"
"""Name of the checkpoint in a run's folder."""


def train_network(
    config: TrainConfig,
    seismic: Patches,
    label: Patches,
    validation_seismic: Patches,
    validation_label: Patches,
    *,
    folder: str | Path | None = None,
    augment: Augment | None = None,
    mix: Mix | None = None,
    on_epoch: OnEpoch | None = None,
    on_step: OnStep | None = None,
) -> TrainResult:
    """Train a network on patches in arrays; see :func:`train_on`.

    Parameters
    ----------
    seismic, validation_seismic : float32 (patch, ...)
        Unit-rms patches: (trace, sample) each for 2-D networks, (inline, crossline, sample) for
        3-D ones. Patches are read one at a time.
    label, validation_label : uint8 (patch, ...)
        Class codes, or 1 on faults; 255 where unlabelled.
    config, folder, augment, mix, on_epoch, on_step
        As in :func:`train_on`.
    """
    training = ArrayPatches(seismic, label)
    validation = ArrayPatches(validation_seismic, validation_label, "validation")
    return train_on(
        config, training, validation,
        folder=folder, augment=augment, mix=mix, on_epoch=on_epoch, on_step=on_step,
    )


def train_on(
    config: TrainConfig,
    training: PatchSet,
    validation: PatchSet,
    *,
    folder: str | Path | None = None,
    augment: Augment | None = None,
    mix: Mix | None = None,
    on_epoch: OnEpoch | None = None,
    on_step: OnStep | None = None,
) -> TrainResult:
    """Train a network, and keep the weights that do best on the validation patches.

    Parameters
    ----------
    config : TrainConfig
    training, validation : PatchSet
        Labelled patches; a few batches at a time are in memory, and whatever the set itself holds.
    folder : path, optional
        Where ``last.safetensors`` is kept, written at every validation and every
        ``checkpoint_minutes``. A folder that holds one of the same configuration and data is
        resumed.
    augment : callable, optional
        ``augment(seismic, label, rng) -> (seismic, label)`` for one training patch.
    mix : callable, optional
        ``mix(seismic, label, other_seismic, other_label, rng) -> (seismic, label)`` for two.
    on_epoch : callable, optional
        Receives every :class:`EpochReport`, the resumed ones not again.
    on_step : callable, optional
        Receives a :class:`StepReport` after every step.

    Raises
    ------
    TrainingError
        Empty or unequal data, labels outside the classes, a checkpoint of another run, a loss or
        gradient that is not finite, or too little memory.

    Notes
    -----
    Where ``torch.distributed`` is initialised, all ranks call this with the same arguments and get
    the same result; the first keeps the checkpoint and reports. See :mod:`models.launch`.
    """
    warnings = inspect_patches(config, training, validation)
    with deterministic_torch(config.threads):
        path = None if folder is None else Path(folder) / CHECKPOINT
        fingerprint = run_fingerprint(config, training, validation)
        run = TrainingRun(config, training, warnings, path, fingerprint)
        part = run.ranks.part(config.batch_size)
        made = training_batches(config, training, augment, mix, run.step, part)
        with made_ahead(made) as batches:
            while run.stopped is None:
                run.advance(batches, on_step)
                report = run.validate(validation)
                run.save()
                if on_epoch is not None and run.ranks.rank == 0:
                    on_epoch(report)
        return run.result()
