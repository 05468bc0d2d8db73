"""What a training leaves beside its bundle and in the Prefect UI: its history and its pictures."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from models.folder import Folder
from models.registry import build
from models.review import Review, review
from models.training import EpochReport, TrainConfig, TrainResult
from models.validation import FaciesCounts
from seisproc.patches.reading import PatchReader
from seisproc.patches.store import PatchStore
from seisproc.report.canvas import png
from seisproc.report.charts import plot_confusion
from seisproc.report.training_pictures import (
    Shown,
    plot_curves,
    plot_precision_recall,
    worst_sheet,
)
from tasks.artifacts import pictures_artifact, table_artifact
from tasks.bundle import METRICS

FOLDER = "training"
"""Of the record, in the bundle's folder."""


def record_training(
    bundle: str, config: TrainConfig, store: PatchStore, result: TrainResult
) -> None:
    """Write ``history.json`` and pictures to the bundle's folder, and show them in Prefect.

    The pictures are the curves; the confusion matrix, or precision against recall; and the
    validation patches that are told worst, with where they are wrong.
    """
    network = build(config.network, classes=config.outputs, **config.arguments)
    network.load_state_dict(result.state)
    seen = review(config, network, PatchReader(store, "validation"))
    rows = [_row(epoch) for epoch in result.history]
    pictures = {
        "curves": png(plot_curves(rows, METRICS[config.target], result.best_step)),
        **_pictures(store, seen),
    }
    folder = Folder(f"{bundle.rstrip('/')}/{FOLDER}")
    for name, picture in pictures.items():
        folder.write(f"{name}.png", picture)
    history = [dataclasses.asdict(epoch) for epoch in result.history]
    told = {"best_step": result.best_step, "stopped": result.stopped, "history": history}
    folder.write("history.json", json.dumps(told, indent=1).encode())
    table_artifact("training", bundle, "How training went", [
        {"step": row["step"], "learning rate": f"{row['learning_rate']:.2e}",
         "training loss": round(row["train_loss"], 4),
         "validation loss": round(row["validation_loss"], 4), "metric": round(row["metric"], 4),
         "best": "yes" if row["best"] else ""}
        for row in rows
    ])
    pictures_artifact("training-pictures", bundle, "How training went, in pictures", pictures)


def _row(epoch: EpochReport) -> dict[str, Any]:
    return {
        "step": epoch.step,
        "learning_rate": epoch.learning_rate,
        "train_loss": epoch.train_loss,
        "validation_loss": epoch.validation.loss,
        "metric": epoch.validation.metric,
        "best": epoch.best,
    }


def _pictures(store: PatchStore, seen: Review) -> dict[str, bytes]:
    shown = [
        Shown(f"patch {patch.number}: {patch.error:.2f} nats", patch.seismic, patch.truth,
              patch.answer)
        for patch in seen.worst
    ]
    if isinstance(seen.counts, FaciesCounts):
        names = [entry.name for entry in store.classes]
        title = "Confusion on the validation patches"
        return {
            "confusion": png(plot_confusion(seen.counts.confusion, names, title)),
            "worst": worst_sheet(shown, store.classes, None),
        }
    counts = seen.counts
    threshold = float(np.clip(counts.scores(0.0).per_class[2], 0.0, 1.0))
    return {
        "precision-recall": png(plot_precision_recall(counts.fault, counts.other)),
        "worst": worst_sheet(shown, (), threshold),
    }
