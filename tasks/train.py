"""Training, as a stage."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from models.training import EpochReport, TrainConfig, train_on
from seisproc.patches.reading import PatchReader
from seisproc.patches.store import PatchStore
from tasks.artifacts import receipt_artifact, table_artifact
from tasks.bundle import (
    TrainReceipt,
    finished_bundle,
    training_fingerprint,
    with_classes,
    write_bundle,
)
from tasks.distortion import Distortion
from tasks.progress import OnProgress, stage_progress
from tasks.stage import stage

log = logging.getLogger("seisproc.train")


@stage("train", hours=72, shown="train {config.target}")
def train_bundle(
    config: TrainConfig,
    distortion: Distortion,
    patches: str,
    bundle: str,
    overwrite: bool = False,
) -> TrainReceipt:
    """Train a network on a patch store and write its bundle; goes on from a checkpoint.

    The patches are read as they are needed: the store may be larger than memory. A bundle of the
    very same patches and settings is left as it is.
    """
    store = PatchStore(patches)
    config = with_classes(config, store)
    receipt = finished_bundle(bundle, training_fingerprint(config, distortion, store), overwrite)
    if receipt is None:
        training, validation = PatchReader(store, "train"), PatchReader(store, "validation")
        work = None if "://" in bundle else Path(f"{bundle.rstrip('/')}.work")
        with stage_progress(f"train {config.target}") as progress:
            result = train_on(
                config,
                training,
                validation,
                folder=work,
                augment=distortion.of_patch(),
                mix=distortion.of_two(),
                on_epoch=_follow(progress),
            )
        receipt = write_bundle(bundle, config, distortion, store, result)
        _show_history(bundle, result.history)
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
    receipt_artifact("model", bundle, f"The {receipt.target} model", receipt)
    return receipt


def _follow(progress: OnProgress) -> Callable[[EpochReport], None]:
    """Report validations to the progress bar and the log."""

    def report(epoch: EpochReport) -> None:
        progress(epoch.step, epoch.steps)
        log.info(
            "step %d of %d: training loss %.3f, validation loss %.3f, metric %.3f%s",
            epoch.step,
            epoch.steps,
            epoch.train_loss,
            epoch.validation.loss,
            epoch.validation.metric,
            " (best)" if epoch.best else "",
        )

    return report


def _show_history(bundle: str, history: Sequence[EpochReport]) -> None:
    rows = [
        {
            "step": epoch.step,
            "learning rate": f"{epoch.learning_rate:.2e}",
            "training loss": round(epoch.train_loss, 4),
            "validation loss": round(epoch.validation.loss, 4),
            "metric": round(epoch.validation.metric, 4),
            "best": "yes" if epoch.best else "",
        }
        for epoch in history
    ]
    table_artifact("training", bundle, "How training went", rows)
