"""Training a network on patches: deterministic, resumable, with the best weights kept.

Everything random is a function of the seed and the step: which patches a batch holds, how they
are augmented and which channels are dropped. So a run that was killed goes on from its last
checkpoint along the very same curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.baselines import EncoderNetwork
from models.checkpoint import (
    State,
    optimizer_tensors,
    read_checkpoint,
    restore_optimizer,
    write_checkpoint,
)
from models.errors import TrainingError
from models.learned_texture import read_section_model
from models.losses import facies_loss, fault_loss
from models.patchgan import Adversary
from models.registry import build
from models.runtime import autocast, choose_device, deterministic_torch, fast_layout
from models.split import SplitNetwork
from models.train_config import TrainConfig, learning_rate
from models.training_data import (
    ArrayPatches,
    Augment,
    Batch,
    Mix,
    Patches,
    PatchSet,
    inspect_patches,
    loss_weights,
    made_ahead,
    run_fingerprint,
    training_batches,
    validation_batches,
)
from models.validation import FaciesCounts, FaultCounts, Scores

__all__ = [
    "Augment",
    "EpochReport",
    "Patches",
    "TrainConfig",
    "TrainResult",
    "train_network",
    "train_on",
]

ADVERSARY_RATE = 2e-4
"""Peak learning rate of the discriminator, that of Isola et al. 2017."""


@dataclass(frozen=True)
class EpochReport:
    """One validation: where training stands.

    Attributes
    ----------
    step, steps : int
        Steps done, and to do altogether.
    train_loss, learning_rate : float
        Mean loss since the last report, and the learning rate now.
    validation : Scores
    best : bool
        Whether this is the best metric so far.
    warnings : tuple of str
        What is odd about the data, on the first report.
    """

    step: int
    steps: int
    train_loss: float
    learning_rate: float
    validation: Scores
    best: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainResult:
    """The best weights of a run, float32 on the CPU, and how it went."""

    state: State
    history: tuple[EpochReport, ...]
    best_step: int
    best_metric: float
    stopped: str
    warnings: tuple[str, ...]


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
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainResult:
    """Train a network on patches in arrays; see :func:`train_on`.

    Parameters
    ----------
    seismic, validation_seismic : float32 (patch, ...)
        Unit-rms patches: (trace, sample) each for 2-D networks, (inline, crossline, sample) for
        3-D ones. Patches are read one at a time.
    label, validation_label : uint8 (patch, ...)
        Class codes, or 1 on faults; 255 where unlabelled.
    config, folder, augment, mix, on_epoch
        As in :func:`train_on`.
    """
    training = ArrayPatches(seismic, label)
    validation = ArrayPatches(validation_seismic, validation_label, "validation")
    return train_on(
        config, training, validation, folder=folder, augment=augment, mix=mix, on_epoch=on_epoch
    )


def train_on(
    config: TrainConfig,
    training: PatchSet,
    validation: PatchSet,
    *,
    folder: str | Path | None = None,
    augment: Augment | None = None,
    mix: Mix | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainResult:
    """Train a network, and keep the weights that do best on the validation patches.

    Parameters
    ----------
    config : TrainConfig
    training, validation : PatchSet
        Labelled patches; a few batches at a time are in memory, and whatever the set itself holds.
    folder : path, optional
        Where ``last.safetensors`` is kept at every validation. A folder that holds one of the
        same configuration and data is resumed.
    augment : callable, optional
        ``augment(seismic, label, rng) -> (seismic, label)`` for one training patch.
    mix : callable, optional
        ``mix(seismic, label, other_seismic, other_label, rng) -> (seismic, label)`` for two.
    on_epoch : callable, optional
        Receives every :class:`EpochReport`, the resumed ones not again.

    Raises
    ------
    TrainingError
        Empty or unequal data, labels outside the classes, a checkpoint of another run, or a loss
        that is not finite.
    """
    warnings = inspect_patches(config, training, validation)
    with deterministic_torch(config.threads):
        run = _Run(config, training, warnings)
        path = None if folder is None else Path(folder) / "last.safetensors"
        fingerprint = run_fingerprint(config, training, validation)
        if path is not None and path.exists():
            run.restore(path, fingerprint)
        made = training_batches(config, training, augment, mix, run.step)
        with made_ahead(made) as batches:
            while run.stopped is None:
                run.advance(batches)
                report = run.validate(validation)
                if path is not None:
                    run.save(path, fingerprint)
                if on_epoch is not None:
                    on_epoch(report)
        return run.result()


class _Run:
    """The state of a training run between two validations."""

    def __init__(
        self,
        config: TrainConfig,
        training: PatchSet,
        warnings: tuple[str, ...],
    ) -> None:
        self.config, self.warnings = config, warnings
        self.device = choose_device(config.device)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.network = build(config.network, classes=config.outputs, **config.arguments)
        if isinstance(self.network, EncoderNetwork) and config.encoder:
            self.network.take_encoder(read_section_model(config.encoder).network.state_dict())
        self.network.to(self.device)
        fast_layout(self.network, self.network.dimensions)
        self.optimizer = torch.optim.AdamW(
            decay_groups(self.network),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.adversary = None
        if config.adversarial_weight:
            if self.network.dimensions != 2:
                raise TrainingError("adversarial_weight", found=f"the 3-D network {config.network}",
                                    expected="0, or a network for sections")
            self.adversary = Adversary(
                config.outputs, config.adversary_width, ADVERSARY_RATE, config.seed, self.device
            )
        self.weights = loss_weights(config, training.voxels())
        self.step = 0
        self.history: list[EpochReport] = []
        self.average: State = _copy(self.network) if config.average else {}
        self.best: State = {}
        self.best_step, self.best_metric = 0, -math.inf

    @property
    def stopped(self) -> str | None:
        """Why the run is over, or None."""
        if self.step >= self.config.steps:
            return "completed"
        waited = sum(1 for report in self.history if report.step > self.best_step)
        if self.config.patience and waited >= self.config.patience:
            return f"no better validation metric for {waited} validations"
        return None

    def advance(self, batches: Iterator[Batch]) -> None:
        """Train up to the next validation."""
        losses = []
        end = min(self.step + self.config.validate_every, self.config.steps)
        self.network.train()
        while self.step < end:
            losses.append(self.train_step(*next(batches)))
            self.step += 1
        self.train_loss = float(np.mean(losses))

    def train_step(self, window: Tensor, label: Tensor) -> float:
        """One optimizer step; returns the loss."""
        config = self.config
        rate = learning_rate(config, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        window, label = self.to_device(window), label.to(self.device)
        masks = self.masks(len(window))
        with autocast(self.device, config.precision):
            features = self.network.deterministic(window)
        logits = self.network.stochastic(features.float(), masks, tuple(window.shape[2:]))
        loss = self.loss(logits, label)
        if self.adversary is not None:
            self.adversary.step(window, logits, label, rate / config.learning_rate)
            loss = loss + config.adversarial_weight * self.adversary.loss(window, logits)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step}",
                do="Lower the learning rate, or look for infinite amplitudes in the patches; "
                "the last checkpoint is kept",
            )
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.clip_norm)
        self.optimizer.step()
        if config.average:
            # The average follows quickly at first, so that it forgets the random weights.
            decay = min(config.average, (1 + self.step) / (10 + self.step))
            with torch.no_grad():
                for name, tensor in self.network.state_dict().items():
                    if tensor.is_floating_point():
                        self.average[name].lerp_(tensor, 1 - decay)
                    else:
                        self.average[name].copy_(tensor)
        return value

    def to_device(self, x: Tensor) -> Tensor:
        """Move windows to the device, channels last."""
        x = x.to(self.device)
        fast_layout(x, self.network.dimensions)
        return x

    def masks(self, count: int) -> Tensor:
        """Dropout masks of this step, drawn on the CPU so that every device sees the same."""
        generator = torch.Generator().manual_seed((self.config.seed % 2**31 << 32) + self.step)
        head = self.network.head
        uniform = torch.rand(count, head.mask_width, generator=generator)
        return head.scale(uniform).to(self.device)

    def loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Compute the loss of a batch."""
        config = self.config
        if config.target == "fault":
            return fault_loss(
                logits,
                label,
                positive_weight=1.0 if self.weights is None else float(self.weights[0]),
                dice_weight=config.dice_weight,
            )
        weights = None if self.weights is None else self.weights.to(self.device)
        return facies_loss(
            logits,
            label,
            class_weights=weights,
            dice_weight=config.dice_weight,
            label_smoothing=config.label_smoothing,
        )

    def validate(self, patches: PatchSet) -> EpochReport:
        """Score the averaged weights without dropout, and remember them if they are best."""
        config = self.config
        trained = _copy(self.network)
        if config.average:
            self.network.load_state_dict(self.average)
        self.network.eval()
        counts = FaciesCounts(config.classes) if config.target == "facies" else FaultCounts()
        losses = []
        with torch.inference_mode(), made_ahead(validation_batches(config, patches)) as batches:
            for window, label in batches:
                logits, truth = self.score_batch(window, label)
                losses.append(float(self.loss(logits, truth)) * len(label))
                counts.add(logits, truth)
        loss = sum(losses) / len(patches)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the validation loss is {loss} at step {self.step}",
                do="Lower the learning rate; the last checkpoint is kept",
            )
        scores = counts.scores(loss)
        best = scores.metric > self.best_metric
        if best:
            self.best, self.best_step = _copy(self.network), self.step
            self.best_metric = scores.metric
        self.network.load_state_dict(trained)
        report = EpochReport(
            step=self.step,
            steps=config.steps,
            train_loss=self.train_loss,
            learning_rate=learning_rate(config, self.step - 1),
            validation=scores,
            best=best,
            warnings=() if self.history else self.warnings,
        )
        self.history.append(report)
        return report

    def score_batch(self, window: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and labels of validation patches."""
        window = self.to_device(window)
        with autocast(self.device, self.config.precision):
            features = self.network.deterministic(window)
        logits = self.network.stochastic(features.float(), None, tuple(window.shape[2:]))
        return logits, label.to(self.device)

    def save(self, path: Path, fingerprint: str) -> None:
        """Write the checkpoint."""
        groups = {
            "network": _copy(self.network),
            "average": self.average,
            "best": self.best,
            "optimizer": optimizer_tensors(self.optimizer),
            **(self.adversary.state() if self.adversary is not None else {}),
        }
        progress = {
            "fingerprint": fingerprint,
            "step": self.step,
            "best_step": self.best_step,
            "best_metric": self.best_metric,
            "history": [asdict(report) for report in self.history],
        }
        write_checkpoint(path, groups, progress)

    def restore(self, path: Path, fingerprint: str) -> None:
        """Go on from a checkpoint."""
        groups, progress = read_checkpoint(path)
        if progress.get("fingerprint") != fingerprint:
            raise TrainingError(
                f"{path}: the checkpoint belongs to another configuration or other patches",
                do="Choose another folder, or remove it to train from the start",
            )
        self.network.load_state_dict(groups["network"])
        restore_optimizer(self.optimizer, groups["optimizer"])
        if self.adversary is not None:
            self.adversary.restore(groups)
        self.average = _to(groups.get("average", {}), self.device)
        self.best = _to(groups["best"], self.device)
        self.step = int(progress["step"])
        self.best_step = int(progress["best_step"])
        self.best_metric = float(progress["best_metric"])
        self.history = [_report(entry) for entry in progress["history"]]

    def result(self) -> TrainResult:
        """Gather what the run gave."""
        return TrainResult(
            state={name: tensor.cpu().contiguous() for name, tensor in self.best.items()},
            history=tuple(self.history),
            best_step=self.best_step,
            best_metric=self.best_metric,
            stopped=self.stopped or "",
            warnings=self.warnings,
        )


def decay_groups(network: SplitNetwork) -> list[dict[str, Any]]:
    """Parameter groups of AdamW: biases and batch norms are not decayed."""
    groups = [[p for p in network.parameters() if (p.ndim > 1) == many] for many in (True, False)]
    return [{"params": groups[0]}, {"params": groups[1], "weight_decay": 0.0}]


def _copy(network: SplitNetwork) -> State:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _to(state: State, device: torch.device) -> State:
    return {name: tensor.to(device) for name, tensor in state.items()}


def _report(entry: dict[str, Any]) -> EpochReport:
    scores = dict(entry["validation"])
    scores["per_class"] = tuple(scores["per_class"])
    return EpochReport(
        **{
            **entry,
            "validation": Scores(**scores),
            "warnings": tuple(entry["warnings"]),
        }
    )
