"""Training, as a stage."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from models.launch import train_on_ranks
from models.training import EpochReport, StepReport, TrainConfig, TrainResult, train_on
from seisproc.cluster import connect
from seisproc.patches.reading import PatchReader
from seisproc.patches.store import PatchStore
from seisproc.places import is_remote
from seisproc.worker_task import Teller, run_on_worker
from tasks.artifacts import receipt_artifact
from tasks.bundle import (
    TrainReceipt,
    finished_bundle,
    training_fingerprint,
    training_lease,
    with_classes,
    write_bundle,
)
from tasks.distortion import Distortion
from tasks.gpu_slots import gpu_slot
from tasks.progress import OnProgress, stage_progress
from tasks.stage import stage
from tasks.training_record import record_training

log = logging.getLogger("seisproc.train")

EVERY_STEP_S = 3.0
"""Least time between two steps that a worker tells of."""


@stage("train", hours=72, shown="train {config.target}")
def train_bundle(
    config: TrainConfig,
    distortion: Distortion,
    patches: str,
    bundle: str,
    overwrite: bool = False,
    gpus: int = 1,
    cluster: str = "",
) -> TrainReceipt:
    """Train a network on a patch store and write its bundle; goes on from a checkpoint.

    The patches are read as they are needed: the store may be larger than memory. A bundle of the
    very same patches and settings is left as it is. ``gpus`` processes share every batch.
    ``cluster`` is the address of a scheduler, one of whose workers trains; empty: this process.
    """
    store = PatchStore(patches)
    config = with_classes(config, store)
    work = None if is_remote(bundle) else _work(bundle)
    with training_lease(bundle):
        wanted = training_fingerprint(config, distortion, store)
        receipt = finished_bundle(bundle, wanted, overwrite)
        if receipt is None:
            with stage_progress(f"train {config.target}") as progress:
                result = learn(config, distortion, store, work, gpus, cluster, Follower(progress))
            if cluster:  # whose worker may have a device that is not here
                config = dataclasses.replace(config, device="auto")
            record_training(bundle, config, store, result)
            receipt = write_bundle(bundle, config, distortion, store, result)
    if work is not None:
        shutil.rmtree(work, ignore_errors=True)
    receipt_artifact("model", bundle, f"The {receipt.target} model", receipt)
    return receipt


def _work(bundle: str) -> Path:
    return Path(f"{bundle.removeprefix('file://').rstrip('/')}.work")


class Follower:
    """Reports steps to the progress bar, and validations to the log as well."""

    def __init__(self, progress: OnProgress) -> None:
        self.progress = progress
        self.score = ""
        self.seen = 0

    def step(self, report: StepReport) -> None:
        """Show a step's loss, and the last validation's metric."""
        note = f"loss {report.loss:.3f}{self.score}"
        self.progress(report.step, report.steps, note)

    def epoch(self, report: EpochReport) -> None:
        """Log a validation; what is odd about the data comes with the first one."""
        self.seen = report.step
        self.score = f", metric {report.validation.metric:.3f} at step {report.step}"
        self.progress(report.step, report.steps, f"loss {report.train_loss:.3f}{self.score}")
        for warning in report.warnings:
            log.warning("%s", warning)
        log.info(
            "step %d of %d: training loss %.3f, validation loss %.3f, metric %.3f%s",
            report.step,
            report.steps,
            report.train_loss,
            report.validation.loss,
            report.validation.metric,
            " (best)" if report.best else "",
        )

    def message(self, told: dict[str, Any]) -> None:
        """Take a report from a worker."""
        kind = told.pop("kind")
        if kind == "step":
            self.step(StepReport(**told))
        else:
            self.epoch(EpochReport.of(told))


def learn(
    config: TrainConfig,
    distortion: Distortion,
    store: PatchStore,
    work: Path | None,
    gpus: int,
    cluster: str,
    follower: Follower,
) -> TrainResult:
    """Train in this process, in several, or as one task on a worker of a cluster."""
    training, validation = PatchReader(store, "train"), PatchReader(store, "validation")
    kind = train_on if gpus == 1 else partial(train_on_ranks, gpus)
    task = partial(
        kind, config, training, validation,
        folder=work, augment=distortion.of_patch(), mix=distortion.of_two(),
    )
    with connect(cluster) as client, gpu_slot(config.device, client):
        if client is None:
            return task(on_epoch=follower.epoch, on_step=follower.step)
        log.info("training goes to a worker of %s", cluster)

        def make(topic: str) -> partial[TrainResult]:
            return partial(task, on_epoch=Teller(topic, "epoch"),
                           on_step=Teller(topic, "step", EVERY_STEP_S))

        result: TrainResult = run_on_worker(
            client, make, follower.message, gpu=config.device != "cpu"
        )
    for report in result.history:
        if report.step > follower.seen:
            follower.epoch(report)
    return result
