"""One optimizer step: network, loss, gradients, moving average, and their part of a checkpoint."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.baselines import EncoderNetwork
from models.checkpoint import State, optimizer_tensors, restore_optimizer
from models.errors import TrainingError
from models.learned_texture import read_section_model
from models.losses import facies_loss, fault_loss
from models.patchgan import Adversary
from models.ranks import Ranks
from models.registry import build
from models.runtime import autocast, choose_device, compiled, fast_layout, require_able
from models.split import SplitNetwork
from models.train_config import TrainConfig, learning_rate
from models.training_data import loss_weights
from models.warm_start import begin_with

log = logging.getLogger("seisproc.train")

ADVERSARY_RATE = 2e-4
"""Peak learning rate of the discriminator, that of Isola et al. 2017."""


class Learner:
    """A network that learns from batches.

    Parameters
    ----------
    config : TrainConfig
    voxels : int64 (256,)
        Labelled voxels by code, for class weights.
    ranks : Ranks
        With whom it learns.

    Raises
    ------
    ModelError
        The device does not have the precision.
    """

    def __init__(self, config: TrainConfig, voxels: NDArray[np.int64], ranks: Ranks) -> None:
        self.config, self.ranks = config, ranks
        self.device = choose_device(config.device)
        require_able(self.device, config.precision)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.network = build(config.network, classes=config.outputs, **config.arguments)
        if config.begin:
            begin_with(self.network, config.begin, config.begin_sha256)
        if isinstance(self.network, EncoderNetwork) and config.encoder:
            self.network.take_encoder(read_section_model(config.encoder).network.state_dict())
        ranks.share_norms(self.network, self.device)
        self.network.to(self.device)
        fast_layout(self.network, self.network.dimensions)
        plain = self.network.deterministic
        self.features = compiled(plain) if config.compile else plain
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
        self.weights = loss_weights(config, voxels)
        self.redone = 0
        self.average: State = copy_of(self.network) if config.average else {}

    def step(self, number: int, window: Tensor, label: Tensor) -> float:
        """Take optimizer step ``number`` with this rank's part of a batch.

        Parameters
        ----------
        window : float32 (batch, inputs, ...)
        label : uint8 (batch, ...)

        Returns
        -------
        float
            The loss of the whole batch.

        Raises
        ------
        TrainingError
            The loss or a gradient is not finite; the weights are as they were.
        """
        config = self.config
        rate = learning_rate(config, number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        window, label = self.to_device(window), label.to(self.device)
        count = len(window) * self.ranks.size
        masks = self.masks(number, count)[self.ranks.part(count)]
        value, norm = self.gradients(window, label, masks, config.precision, rate)
        if config.precision != "float32" and not (math.isfinite(value) and math.isfinite(norm)):
            # Some CPUs' kernels give gradients of a few layers in bfloat16 that are no numbers
            # (seen with torch 2.13, 24 channels and dilation): such a step is done in float32.
            if not self.redone:
                log.warning("step %d is no number in %s: done again in float32, as is any other"
                            " like it", number, config.precision)
            self.redone += 1
            value, norm = self.gradients(window, label, masks, "float32", None)
        if not math.isfinite(value):
            raise _not_finite("loss", value, number)
        if not math.isfinite(norm):
            raise _not_finite("gradient", norm, number)
        self.optimizer.step()
        if config.average:
            self.follow(number)
        return value

    def gradients(
        self, window: Tensor, label: Tensor, masks: Tensor, precision: str, rate: float | None
    ) -> tuple[float, float]:
        """Set the gradients of a batch; give its loss and their norm before it was clipped.

        The adversary learns too, at its share of the peak ``rate``; None: it has already.
        """
        config = self.config
        with autocast(self.device, precision):
            features = self.features(window)
        logits = self.network.stochastic(features.float(), masks, tuple(window.shape[2:]))
        logits, label = self.ranks.gathered(logits), self.ranks.gathered(label)
        loss = self.loss(logits, label)
        if self.adversary is not None:
            window = self.ranks.gathered(window)
            if rate is not None:
                self.adversary.step(window, logits, label, rate / config.learning_rate)
            loss = loss + config.adversarial_weight * self.adversary.loss(window, logits)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.ranks.add_gradients(self.network)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.clip_norm)
        return float(loss.detach()), float(norm)

    def follow(self, number: int) -> None:
        """Move the average towards the weights."""
        # The average follows quickly at first, so that it forgets the random weights.
        decay = min(self.config.average, (1 + number) / (10 + number))
        with torch.no_grad():
            for name, tensor in self.network.state_dict().items():
                if tensor.is_floating_point():
                    self.average[name].lerp_(tensor, 1 - decay)
                else:
                    self.average[name].copy_(tensor)

    def to_device(self, x: Tensor) -> Tensor:
        """Move windows to the device, channels last."""
        x = x.to(self.device)
        fast_layout(x, self.network.dimensions)
        return x

    def masks(self, number: int, count: int) -> Tensor:
        """Dropout masks of a step, drawn on the CPU so that every device and rank sees the same."""
        generator = torch.Generator().manual_seed((self.config.seed % 2**31 << 32) + number)
        head = self.network.head
        uniform = torch.rand(count, head.mask_width, generator=generator)
        return head.scale(uniform).to(self.device)

    def loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Compute the loss of a batch: logits (batch, class, ...), label uint8 (batch, ...)."""
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

    @contextlib.contextmanager
    def judged(self) -> Iterator[None]:
        """Run the body with the averaged weights and without dropout."""
        trained = copy_of(self.network)
        if self.config.average:
            self.network.load_state_dict(self.average)
        self.network.eval()
        try:
            yield
        finally:
            self.network.load_state_dict(trained)
            self.network.train()

    def score(self, window: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and labels of validation patches."""
        window = self.to_device(window)
        with autocast(self.device, self.config.precision):
            features = self.network.deterministic(window)
        logits = self.network.stochastic(features.float(), None, tuple(window.shape[2:]))
        return logits, label.to(self.device)

    def state(self) -> dict[str, State]:
        """Give groups of tensors for a checkpoint."""
        return {
            "network": copy_of(self.network),
            "average": self.average,
            "optimizer": optimizer_tensors(self.optimizer),
            **(self.adversary.state() if self.adversary is not None else {}),
        }

    def restore(self, groups: dict[str, State]) -> None:
        """Take back what :meth:`state` gave."""
        self.network.load_state_dict(groups["network"])
        restore_optimizer(self.optimizer, groups["optimizer"])
        if self.adversary is not None:
            self.adversary.restore(groups)
        self.average = {
            name: tensor.to(self.device) for name, tensor in groups.get("average", {}).items()
        }


def decay_groups(network: SplitNetwork) -> list[dict[str, Any]]:
    """Parameter groups of AdamW: biases and batch norms are not decayed."""
    groups = [[p for p in network.parameters() if (p.ndim > 1) == many] for many in (True, False)]
    return [{"params": groups[0]}, {"params": groups[1], "weight_decay": 0.0}]


def copy_of(network: SplitNetwork) -> State:
    """Copy the weights and buffers of a network."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _not_finite(what: str, value: float, number: int) -> TrainingError:
    return TrainingError(
        f"the {what} is {value} at step {number}",
        do="Lower the learning rate, or look for infinite amplitudes in the patches; "
        "the last checkpoint is kept",
    )
