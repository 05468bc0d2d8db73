"""A training between two validations: what is done, what was best, and how it is kept."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from models.batches import Batch, made_ahead, validation_batches
from models.checkpoint import State, read_checkpoint, write_checkpoint
from models.errors import TrainingError
from models.progress import EpochReport, StepReport, TrainResult
from models.ranks import Ranks
from models.train_config import TrainConfig, learning_rate
from models.training_data import PatchSet
from models.training_step import Learner, copy_of
from models.validation import FaciesCounts, FaultCounts

OnStep = Callable[[StepReport], None]

_SHORT_OF_MEMORY = (
    "out of memory",
    "allocate memory",
    "not enough memory",
    "bad_alloc",
    "could not create a primitive",  # all that oneDNN says of it
)


class TrainingRun:
    """The state of a training run.

    Parameters
    ----------
    config : TrainConfig
    training : PatchSet
    warnings : tuple of str
        What is odd about the data.
    path : Path or None
        The checkpoint; None keeps none.
    fingerprint : str
        What a checkpoint must be of.
    """

    def __init__(
        self,
        config: TrainConfig,
        training: PatchSet,
        warnings: tuple[str, ...],
        path: Path | None,
        fingerprint: str,
    ) -> None:
        self.config, self.warnings = config, warnings
        self.path, self.fingerprint = path, fingerprint
        self.ranks = Ranks.here()
        self.learner = Learner(config, training.voxels(), self.ranks)
        self.step = 0
        self.losses: list[float] = []
        self.history: list[EpochReport] = []
        self.best: State = {}
        self.best_step, self.best_metric = 0, -math.inf
        self.window: tuple[int, ...] = ()
        self.saved_at = time.monotonic()
        if path is not None and path.exists():
            self.restore(path)

    @property
    def stopped(self) -> str | None:
        """Why the run is over, or None."""
        if self.losses:
            return None  # these steps have not been validated
        if self.step >= self.config.steps:
            return "completed"
        waited = sum(1 for report in self.history if report.step > self.best_step)
        if self.config.patience and waited >= self.config.patience:
            return f"no better validation metric for {waited} validations"
        return None

    def advance(self, batches: Iterator[Batch], on_step: OnStep | None) -> None:
        """Train up to the next validation; on the way a checkpoint every so many minutes."""
        config = self.config
        self.learner.network.train()
        # A checkpoint may have been written just before a validation.
        while not self.losses or (self.step % config.validate_every and self.step < config.steps):
            with self.enough_memory():
                window, label = next(batches)
                self.window = tuple(window.shape[2:])
                self.losses.append(self.learner.step(self.step, window, label))
            self.step += 1
            if time.monotonic() - self.saved_at >= 60 * config.checkpoint_minutes:
                self.save()
            if on_step is not None:
                rate = learning_rate(config, self.step - 1)
                on_step(StepReport(self.step, config.steps, self.losses[-1], rate))

    def validate(self, patches: PatchSet) -> EpochReport:
        """Score the averaged weights without dropout, and remember them if they are best.

        Several ranks let the first one do it.
        """
        with self.learner.judged(), self.enough_memory():
            report = self.ranks.agreed(partial(self.judge, patches))
            if report.best:
                self.best, self.best_step = copy_of(self.learner.network), self.step
                self.best_metric = report.validation.metric
        self.history.append(report)
        self.losses = []
        return report

    def judge(self, patches: PatchSet) -> EpochReport:
        """Score the network as it is."""
        config, learner = self.config, self.learner
        counts = FaciesCounts(config.classes) if config.target == "facies" else FaultCounts()
        losses = []
        with torch.inference_mode(), made_ahead(validation_batches(config, patches)) as batches:
            for window, label in batches:
                logits, truth = learner.score(window, label)
                losses.append(float(learner.loss(logits, truth)) * len(label))
                counts.add(logits, truth)
        loss = sum(losses) / len(patches)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the validation loss is {loss} at step {self.step}",
                do="Lower the learning rate; the last checkpoint is kept",
            )
        scores = counts.scores(loss)
        return EpochReport(
            step=self.step,
            steps=config.steps,
            train_loss=float(np.mean(self.losses)),
            learning_rate=learning_rate(config, self.step - 1),
            validation=scores,
            best=scores.metric > self.best_metric,
            warnings=() if self.history else self.warnings,
        )

    def save(self) -> None:
        """Write the checkpoint, if there is to be one; of several ranks the first does."""
        self.saved_at = time.monotonic()
        if self.path is None or self.ranks.rank:
            return
        progress = {
            "fingerprint": self.fingerprint,
            "step": self.step,
            "losses": self.losses,
            "best_step": self.best_step,
            "best_metric": self.best_metric,
            "history": [asdict(report) for report in self.history],
        }
        write_checkpoint(self.path, {**self.learner.state(), "best": self.best}, progress)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises
        ------
        TrainingError
            It is no checkpoint, or one of another run.
        """
        groups, progress = read_checkpoint(path)
        if progress.get("fingerprint") != self.fingerprint:
            raise TrainingError(
                f"{path}: the checkpoint belongs to another configuration or other patches",
                do="Choose another folder, or remove it to train from the start",
            )
        self.learner.restore(groups)
        best = groups.get("best", {})
        self.best = {name: tensor.to(self.learner.device) for name, tensor in best.items()}
        self.step = int(progress["step"])
        self.losses = [float(loss) for loss in progress.get("losses", [])]
        self.best_step = int(progress["best_step"])
        self.best_metric = float(progress["best_metric"])
        self.history = [EpochReport.of(entry) for entry in progress["history"]]

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

    @contextlib.contextmanager
    def enough_memory(self) -> Iterator[None]:
        """Say what to change where the body runs out of memory.

        Raises
        ------
        TrainingError
            The GPU or the machine has too little of it.
        """
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            short = any(words in said.lower() for words in _SHORT_OF_MEMORY)
            if isinstance(error, RuntimeError) and not short:
                raise
            config, window = self.config, " x ".join(map(str, self.window)) or "unknown shape"
            raise TrainingError(
                f"out of memory at step {self.step} with batch_size {config.batch_size} and"
                f" windows of {window} in {config.precision}",
                found=said,
                do="Lower training.batch_size or patches.shape, take a smaller network, or"
                " precision bfloat16; the last checkpoint is kept, for the same settings where"
                " there is more memory",
            ) from error
