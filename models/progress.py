"""Where a training stands, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.checkpoint import State
from models.validation import Scores


@dataclass(frozen=True)
class StepReport:
    """One optimizer step.

    Attributes
    ----------
    step, steps : int
        Steps done, and to do altogether.
    loss, learning_rate : float
        Of this step.
    """

    step: int
    steps: int
    loss: float
    learning_rate: float


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

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> EpochReport:
        """Take back what ``dataclasses.asdict`` made, through JSON or not."""
        scores = dict(values["validation"])
        scores["per_class"] = tuple(scores["per_class"])
        return cls(
            **{**values, "validation": Scores(**scores), "warnings": tuple(values["warnings"])}
        )


@dataclass(frozen=True)
class TrainResult:
    """The best weights of a run, float32 on the CPU, and how it went."""

    state: State
    history: tuple[EpochReport, ...]
    best_step: int
    best_metric: float
    stopped: str
    warnings: tuple[str, ...]
