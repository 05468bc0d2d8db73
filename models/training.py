"""Training a network on patches: deterministic, resumable, with the best weights kept.

Everything random is a function of the seed and the step: which patches a batch holds, how they
are augmented and which channels are dropped. So a run that was killed goes on from its last
checkpoint along the very same curve.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.checkpoint import (
    State,
    optimizer_tensors,
    read_checkpoint,
    restore_optimizer,
    write_checkpoint,
)
from models.errors import TrainingError
from models.losses import facies_loss, fault_loss
from models.registry import build
from models.runtime import (
    PRECISIONS,
    autocast,
    choose_device,
    choose_precision,
    deterministic_torch,
    fast_layout,
)
from models.split import SplitNetwork
from models.validation import FaciesCounts, FaultCounts, Scores, class_counts

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


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run gives, besides its data.

    Attributes
    ----------
    network, arguments
        Name in the registry and what its class takes; ``classes`` is filled in.
    target : str
        ``facies`` or ``fault``.
    classes : int
        Number of facies classes; ignored for faults.
    steps, batch_size, validate_every : int
        Optimizer steps, patches a step, and steps between validations (an "epoch").
    learning_rate, warmup, weight_decay, clip_norm : float
        Peak learning rate (AdamW), share of steps in which it rises linearly before a cosine
        descent to zero, decoupled weight decay, and the largest norm of the gradient.
    average : float
        Decay of the exponential moving average of the weights that is validated and kept; 0
        keeps the plain weights.
    dice_weight, class_weights, label_smoothing
        Of the loss. ``class_weights``: ``"none"``, ``"balanced"`` (1 / sqrt of the frequency),
        or one number a class. For faults a single number weighs fault voxels.
    patience : int
        Stop after so many validations without a better metric; 0 never stops early.
    seed : int
    threads : int or None
        CPU threads of torch; None leaves them as they are.
    device, precision : str
        ``auto``, ``cpu`` or ``cuda``; ``float32``, ``bfloat16`` (autocast), or
        ``auto``: bfloat16 where the hardware has it.
    """

    network: str
    target: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    classes: int = 1
    steps: int = 400
    batch_size: int = 8
    validate_every: int = 50
    learning_rate: float = 3e-3
    warmup: float = 0.1
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    average: float = 0.98
    dice_weight: float = 0.5
    class_weights: str | tuple[float, ...] = "none"
    label_smoothing: float = 0.0
    patience: int = 0
    seed: int = 0
    threads: int | None = None
    device: str = "auto"
    precision: str = "float32"

    def __post_init__(self) -> None:
        checks = {
            "target": self.target in ("facies", "fault"),
            "steps": self.steps >= 1,
            "batch_size": self.batch_size >= 1,
            "validate_every": self.validate_every >= 1,
            "learning_rate": self.learning_rate > 0,
            "warmup": 0 <= self.warmup < 1,
            "average": 0 <= self.average < 1,
            "precision": self.precision in PRECISIONS,
            "class_weights": not isinstance(self.class_weights, str)
            or self.class_weights in ("none", "balanced"),
        }
        for name, right in checks.items():
            if not right:
                raise TrainingError(
                    f"training configuration: {name} is out of range",
                    found=repr(getattr(self, name)),
                )
        object.__setattr__(self, "precision", choose_precision(self.precision, self.device))

    @property
    def outputs(self) -> int:
        """Channels of the network's logits."""
        return self.classes if self.target == "facies" else 1


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
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainResult:
    """Train a network, and keep the weights that do best on the validation patches.

    Parameters
    ----------
    config : TrainConfig
    seismic, validation_seismic : float32 (patch, ...)
        Unit-rms patches: (trace, sample) each for 2-D networks, (inline, crossline, sample) for
        3-D ones. Patches are read one at a time.
    label, validation_label : uint8 (patch, ...)
        Class codes, or 1 on faults; 255 where unlabelled.
    folder : path, optional
        Where ``last.safetensors`` is kept at every validation. A folder that holds one of the
        same configuration and data is resumed.
    augment : callable, optional
        ``augment(seismic, label, rng) -> (seismic, label)`` for one training patch.
    on_epoch : callable, optional
        Receives every :class:`EpochReport`, the resumed ones not again.

    Raises
    ------
    TrainingError
        Empty or unequal data, labels outside the classes, a checkpoint of another run, or a loss
        that is not finite.
    """
    warnings = inspect_patches(config, seismic, label, validation_seismic, validation_label)
    with deterministic_torch(config.threads):
        run = _Run(config, seismic, label, augment, warnings)
        path = None if folder is None else Path(folder) / "last.safetensors"
        fingerprint = run_fingerprint(config, seismic, label, validation_seismic, validation_label)
        if path is not None and path.exists():
            run.restore(path, fingerprint)
        while run.stopped is None:
            run.advance()
            report = run.validate(validation_seismic, validation_label)
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
        seismic: Patches,
        label: Patches,
        augment: Augment | None,
        warnings: tuple[str, ...],
    ) -> None:
        self.config, self.augment, self.warnings = config, augment, warnings
        self.seismic, self.label = seismic, label
        self.device = choose_device(config.device)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.network = build(config.network, classes=config.outputs, **config.arguments)
        self.network.to(self.device)
        fast_layout(self.network, self.network.dimensions)
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed}, {"params": plain, "weight_decay": 0.0}],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        self.weights = loss_weights(config, label)
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

    def advance(self) -> None:
        """Train up to the next validation."""
        losses = []
        end = min(self.step + self.config.validate_every, self.config.steps)
        self.network.train()
        while self.step < end:
            losses.append(self.train_step())
            self.step += 1
        self.train_loss = float(np.mean(losses))

    def train_step(self) -> float:
        """One optimizer step; returns the loss."""
        config = self.config
        rate = learning_rate(config, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        window, label = self.batch()
        masks = self.masks(len(window))
        with autocast(self.device, config.precision):
            features = self.network.deterministic(window)
        logits = self.network.stochastic(features.float(), masks, tuple(window.shape[2:]))
        loss = self.loss(logits, label)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step}",
                do="Lower the learning rate, or look for infinite amplitudes in the patches; "
                "the last checkpoint is kept",
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
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

    def batch(self) -> tuple[Tensor, Tensor]:
        """Windows float32 (batch, 1, ...) and labels uint8 (batch, ...) of this step."""
        config, count = self.config, len(self.seismic)
        windows, labels = [], []
        for place in range(config.batch_size):
            position = self.step * config.batch_size + place
            lap, within = divmod(position, count)
            order = np.random.default_rng([config.seed, 1, lap]).permutation(count)
            index = int(order[within])
            window = np.asarray(self.seismic[index], np.float32)
            label = np.asarray(self.label[index], np.uint8)
            if self.augment is not None:
                rng = np.random.default_rng([config.seed, 2, position])
                window, label = self.augment(window, label, rng)
            windows.append(np.ascontiguousarray(window))
            labels.append(np.ascontiguousarray(label))
        x = torch.from_numpy(np.stack(windows).astype(np.float32, copy=False))[:, None]
        return self.to_device(x), torch.from_numpy(np.stack(labels)).to(self.device)

    def to_device(self, x: Tensor) -> Tensor:
        """Move windows to the device, channels last."""
        x = x.to(self.device)
        fast_layout(x, self.network.dimensions)
        return x

    def masks(self, count: int) -> Tensor:
        """Dropout masks of this step, drawn on the CPU so that every device sees the same."""
        generator = torch.Generator().manual_seed((self.config.seed << 32) + self.step)
        head = self.network.head
        uniform = torch.rand(count, head.mask_width, generator=generator)
        return head.scale(uniform).to(self.device)

    def loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """The loss of a batch."""
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

    def validate(self, seismic: Patches, label: Patches) -> EpochReport:
        """Score the averaged weights without dropout, and remember them if they are best."""
        config = self.config
        trained = _copy(self.network)
        if config.average:
            self.network.load_state_dict(self.average)
        self.network.eval()
        counts = FaciesCounts(config.classes) if config.target == "facies" else FaultCounts()
        losses = []
        with torch.inference_mode():
            for start in range(0, len(seismic), config.batch_size):
                stop = min(start + config.batch_size, len(seismic))
                logits, truth = self.score_batch(seismic, label, range(start, stop))
                losses.append(float(self.loss(logits, truth)) * (stop - start))
                counts.add(logits, truth)
        scores = counts.scores(sum(losses) / len(seismic))
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

    def score_batch(
        self, seismic: Patches, label: Patches, indices: range
    ) -> tuple[Tensor, Tensor]:
        """Logits and labels of validation patches."""
        x = np.stack([np.asarray(seismic[i], np.float32) for i in indices])[:, None]
        truth = np.stack([np.asarray(label[i], np.uint8) for i in indices])
        window = self.to_device(torch.from_numpy(x))
        with autocast(self.device, self.config.precision):
            features = self.network.deterministic(window)
        logits = self.network.stochastic(features.float(), None, tuple(window.shape[2:]))
        return logits, torch.from_numpy(truth).to(self.device)

    def save(self, path: Path, fingerprint: str) -> None:
        """Write the checkpoint."""
        groups = {
            "network": _copy(self.network),
            "average": self.average,
            "best": self.best,
            "optimizer": optimizer_tensors(self.optimizer),
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
        self.average = _to(groups.get("average", {}), self.device)
        self.best = _to(groups["best"], self.device)
        self.step = int(progress["step"])  # type: ignore[call-overload]
        self.best_step = int(progress["best_step"])  # type: ignore[call-overload]
        self.best_metric = float(progress["best_metric"])  # type: ignore[arg-type]
        self.history = [_report(entry) for entry in progress["history"]]  # type: ignore[attr-defined]

    def result(self) -> TrainResult:
        """What the run gave."""
        return TrainResult(
            state={name: tensor.cpu().contiguous() for name, tensor in self.best.items()},
            history=tuple(self.history),
            best_step=self.best_step,
            best_metric=self.best_metric,
            stopped=self.stopped or "",
            warnings=self.warnings,
        )


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up to the peak, then half a cosine down to zero at the last step."""
    rise = max(1, round(config.warmup * config.steps))
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    share = (step - rise) / max(1, config.steps - rise)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


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


def _copy(network: SplitNetwork) -> State:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _to(state: State, device: torch.device) -> State:
    return {name: tensor.to(device) for name, tensor in state.items()}


def _report(entry: dict[str, object]) -> EpochReport:
    scores = dict(entry["validation"])  # type: ignore[call-overload]
    scores["per_class"] = tuple(scores["per_class"])
    return EpochReport(
        **{
            **entry,
            "validation": Scores(**scores),
            "warnings": tuple(entry["warnings"]),  # type: ignore[arg-type]
        }
    )
