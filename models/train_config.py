"""What decides a training run, besides its data."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.bundle import read_card
from models.errors import TrainingError
from models.runtime import PRECISIONS, choose_precision


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
        Peak learning rate (AdamW), share of steps in which it rises linearly, decoupled weight
        decay, and the largest norm of the gradient.
    schedule : str
        After the rise: ``cosine`` descends to zero at the last step, ``constant`` stays.
    compile : bool
        Whether torch compiles the network's deterministic part, where that works.
    checkpoint_minutes : float
        Write a checkpoint when the last one is so old, besides those of every validation.
    average : float
        Decay of the exponential moving average of the weights that is validated and kept; 0
        keeps the plain weights.
    dice_weight, class_weights, label_smoothing
        Of the loss. ``class_weights``: ``"none"``, ``"balanced"`` (1 / sqrt of the frequency),
        or one number a class. For faults a single number weighs fault voxels.
    adversarial_weight : float
        Weight of a PatchGAN's loss, for 2-D facies networks; 0 trains without one. Kaur et al.
        2023 use 0.1.
    adversary_width : int
        Channels of its first layer; 64 is the paper's.
    begin : str
        Bundle whose weights the network begins with, of the same network or of a wider one; empty
        for random weights.
    begin_sha256 : str
        Of that bundle; filled in.
    encoder : str
        Texture file whose encoder the network ``encoder`` begins with; empty for random weights.
    encoder_sha256 : str
        Of that file; filled in.
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
    adversarial_weight: float = 0.0
    adversary_width: int = 64
    begin: str = ""
    begin_sha256: str = ""
    encoder: str = ""
    encoder_sha256: str = ""
    patience: int = 0
    seed: int = 0
    threads: int | None = None
    device: str = "auto"
    precision: str = "float32"
    schedule: str = "cosine"
    compile: bool = False
    checkpoint_minutes: float = 10.0

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
            "checkpoint_minutes": self.checkpoint_minutes > 0,
            "schedule": self.schedule in ("cosine", "constant"),
            "adversarial_weight": self.adversarial_weight >= 0
            and (self.target == "facies" or self.adversarial_weight == 0),
            "adversary_width": self.adversary_width >= 1,
            "encoder": not self.encoder or self.network == "encoder",
            "class_weights": not isinstance(self.class_weights, str)
            or self.class_weights in ("none", "balanced"),
        }
        for name, right in checks.items():
            if not right:
                raise TrainingError(
                    f"training configuration: {name} is out of range",
                    found=repr(getattr(self, name)),
                )
        if self.begin and not self.begin_sha256:
            object.__setattr__(self, "begin_sha256", read_card(self.begin)[1])
        if self.encoder and not self.encoder_sha256:
            object.__setattr__(self, "encoder_sha256", _sha256(self.encoder))
        object.__setattr__(self, "precision", choose_precision(self.precision, self.device))

    @property
    def outputs(self) -> int:
        """Channels of the network's logits."""
        return self.classes if self.target == "facies" else 1


#: Where and how fast weights are computed: these may change between a run and its resumption.
WHERE = ("device", "threads", "compile", "checkpoint_minutes", "begin")

#: Settings that came later; at these values a run is what it was before there were any.
LATER = {"schedule": "cosine", "begin_sha256": ""}


def deciding(config: TrainConfig) -> dict[str, Any]:
    """Pick the settings that decide the weights: what fingerprints are made of."""
    values = asdict(config)
    skipped = {name for name, usual in LATER.items() if values[name] == usual}
    return {name: value for name, value in values.items() if name not in skipped.union(WHERE)}


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up to the peak, then half a cosine down to zero, or the peak to the end."""
    rise = max(1, round(config.warmup * config.steps))
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    if config.schedule == "constant":
        return config.learning_rate
    share = (step - rise) / max(1, config.steps - rise)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def _sha256(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as reason:
        raise TrainingError(f"{path}: no texture file can be read there",
                            found=reason.strerror or type(reason).__name__,
                            do="Make one with `seisproc texture`") from None
