"""Training an autoencoder on unlabelled sections: deterministic, and resumable from a checkpoint.

The reconstruction term is that of a normal distribution whose variance is the best one for the
batch (Rybkin et al. 2021, arXiv:2006.13202): half the number of samples times the logarithm of the
mean squared error. No weight between the two terms has to be chosen.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.autoencoder import STRIDE, Autoencoder, AutoencoderArguments
from models.checkpoint import (
    State,
    optimizer_tensors,
    read_checkpoint,
    restore_optimizer,
    write_checkpoint,
)
from models.errors import TrainingError
from models.runtime import (
    autocast,
    choose_device,
    choose_precision,
    deterministic_torch,
    fast_layout,
    require_able,
)

_LEAST_ERROR = 1e-6
"""Mean squared error below which a unit-rms section counts as told exactly."""


_WARMUP = 0.25
"""Share of the steps in which the divergence comes to its full weight."""


@dataclass(frozen=True)
class AutoencoderConfig:
    """Everything that decides an autoencoder, besides its sections.

    Attributes
    ----------
    arguments : AutoencoderArguments
    steps, batch_size, checkpoint_every : int
        Optimizer steps, sections a step, and steps between checkpoints and reports.
    learning_rate : float
        Peak, after which half a cosine leads to zero.
    seed : int
    threads, device, precision
        As in :class:`models.train_config.TrainConfig`.
    """

    arguments: AutoencoderArguments = field(default_factory=AutoencoderArguments)
    steps: int = 1500
    batch_size: int = 16
    checkpoint_every: int = 250
    learning_rate: float = 2e-3
    seed: int = 0
    threads: int | None = None
    device: str = "auto"
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "checkpoint_every", "learning_rate"):
            if not getattr(self, name) > 0:
                raise TrainingError(f"autoencoder configuration: {name} is out of range",
                                    found=repr(getattr(self, name)), expected="more than 0")
        object.__setattr__(self, "precision", choose_precision(self.precision, self.device))


@dataclass(frozen=True)
class Reconstruction:
    """How well sections are told, on sections that were not trained on.

    Attributes
    ----------
    step : int
    explained : float
        Share of the variance that the decoded mean explains, up to 1.
    divergence : float
        Nats per sample between what the encoder says and the prior; 0 for a plain autoencoder.
    """

    step: int
    explained: float
    divergence: float


def train_autoencoder(
    config: AutoencoderConfig,
    sections: NDArray[np.float32],
    held_out: NDArray[np.float32],
    *,
    folder: str | Path | None = None,
    on_report: Callable[[Reconstruction], None] | None = None,
) -> tuple[Autoencoder, tuple[Reconstruction, ...]]:
    """Train an autoencoder on unlabelled patches of sections.

    Parameters
    ----------
    config : AutoencoderConfig
    sections, held_out : float32 (patch, trace, sample)
        Unit-rms patches with extents that are multiples of eight; ``held_out`` is only scored.
    folder : path, optional
        Where ``last.safetensors`` is kept; one of the same configuration and sections is resumed
        and gives the same weights as a run without a break.
    on_report : callable, optional
        Receives every :class:`Reconstruction`.

    Returns
    -------
    Autoencoder, tuple of Reconstruction
        On the CPU, in evaluation mode, with the scores of ``held_out`` on the way.

    Raises
    ------
    TrainingError
        No sections, extents that do not fit, a checkpoint of another run, or a loss that is not
        finite.
    """
    for name, patches in {"training": sections, "held-out": held_out}.items():
        if len(patches) == 0 or patches.ndim != 3 or any(n % STRIDE for n in patches.shape[1:]):
            raise TrainingError(f"{name} sections", found=f"shape {patches.shape}",
                                expected=f"(patch, trace, sample), extents multiples of {STRIDE}")
    with deterministic_torch(config.threads):
        run = _Run(config, sections)
        path = None if folder is None else Path(folder) / "last.safetensors"
        if path is not None and path.exists():
            run.restore(path)
        while run.step < config.steps:
            run.advance(min(run.step + config.checkpoint_every, config.steps))
            report = run.score(held_out)
            if path is not None:
                run.save(path)
            if on_report is not None:
                on_report(report)
        # Plain strides, as one that was read from a file has: the last bits depend on them.
        network = run.network.cpu().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return network.eval(), tuple(run.history)


class _Run:
    """The state of a run between two checkpoints."""

    def __init__(self, config: AutoencoderConfig, sections: NDArray[np.float32]) -> None:
        self.config, self.sections = config, sections
        self.device = choose_device(config.device)
        require_able(self.device, config.precision)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.network = Autoencoder(config.arguments).to(self.device)
        fast_layout(self.network, 2)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=1e-4
        )
        self.fingerprint = _fingerprint(config, sections)
        self.step = 0
        self.history: list[Reconstruction] = []

    def advance(self, end: int) -> None:
        """Train up to a step."""
        self.network.train()
        while self.step < end:
            config = self.config
            rate = config.learning_rate * 0.5 * (1 + math.cos(math.pi * self.step / config.steps))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss = self.loss(*self.batch())
            if not math.isfinite(float(loss.detach())):
                raise TrainingError(f"the loss is {float(loss.detach())} at step {self.step}",
                                    do="Lower the learning rate; the last checkpoint is kept")
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1

    def batch(self) -> tuple[Tensor, Tensor]:
        """Sections and latent noise of this step, functions of seed and step alone."""
        rng = np.random.default_rng([self.config.seed, self.step])
        picked = self.sections[rng.integers(len(self.sections), size=self.config.batch_size)]
        flipped = rng.random(len(picked)) < 0.5
        picked[flipped] = picked[flipped, ::-1]
        section = torch.from_numpy(picked)[:, None]
        extent = (self.config.arguments.latent, *(n // STRIDE for n in picked.shape[1:]))
        noise = rng.standard_normal((len(picked), *extent), dtype=np.float32)
        return section.to(self.device), torch.from_numpy(noise).to(self.device)

    def loss(self, section: Tensor, noise: Tensor) -> Tensor:
        """Negative evidence lower bound in nats per sample, up to a constant."""
        with autocast(self.device, self.config.precision):
            encoded = self.network.encode(section)
            told = self.network.decode(encoded.draw(noise))
        error = torch.mean((told - section) ** 2).clamp_min(_LEAST_ERROR)
        if encoded.log_variance is None:
            return error
        samples = section[0].numel()
        # With its full weight from the start the divergence wins before anything is told, and the
        # maps stay empty (Bowman et al. 2016, arXiv:1511.06349; Sonderby et al. 2016,
        # arXiv:1602.02282): it gains weight over the first part of the training.
        weight = min(1.0, self.step / max(1.0, _WARMUP * self.config.steps))
        return 0.5 * torch.log(error) + weight * encoded.divergence().mean() / samples

    def score(self, held_out: NDArray[np.float32]) -> Reconstruction:
        """Reconstruct held-out sections from their mean latent maps."""
        self.network.eval()
        error = divergence = power = 0.0
        with torch.inference_mode():
            for start in range(0, len(held_out), self.config.batch_size):
                part = held_out[start : start + self.config.batch_size]
                section = torch.from_numpy(np.ascontiguousarray(part))[:, None].to(self.device)
                with autocast(self.device, self.config.precision):
                    encoded = self.network.encode(section)
                    told = self.network.decode(encoded.mean)
                error += float(torch.sum((told - section) ** 2))
                power += float(torch.sum(section**2))
                divergence += float(encoded.divergence().sum())
        report = Reconstruction(self.step, 1.0 - error / max(power, 1e-12),
                                divergence / held_out.size)
        self.history.append(report)
        return report

    def save(self, path: Path) -> None:
        """Write the checkpoint."""
        groups = {"network": _state(self.network), "optimizer": optimizer_tensors(self.optimizer)}
        write_checkpoint(path, groups, {
            "fingerprint": self.fingerprint, "step": self.step,
            "history": [asdict(report) for report in self.history],
        })

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        groups, progress = read_checkpoint(path)
        if progress.get("fingerprint") != self.fingerprint:
            raise TrainingError(
                f"{path}: the checkpoint belongs to another configuration or other sections",
                do="Choose another folder, or remove it to train from the start")
        self.network.load_state_dict(groups["network"])
        restore_optimizer(self.optimizer, groups["optimizer"])
        self.step = int(progress["step"])
        self.history = [Reconstruction(**entry) for entry in progress["history"]]


def _fingerprint(config: AutoencoderConfig, sections: NDArray[np.float32]) -> str:
    settings = {k: v for k, v in asdict(config).items() if k not in ("device", "threads")}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(sections).tobytes())
    return digest.hexdigest()


def _state(network: Autoencoder) -> State:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
