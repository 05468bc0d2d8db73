"""Folders of sections as stages: networks that learn from them, and that interpret them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import open_bundle, save_bundle
from models.calibration import Calibration, fit_temperature
from models.card import Card
from models.ensemble import ENSEMBLE, build_network, joined_state
from models.train_config import deciding
from seisproc.cluster import connect
from seisproc.errors import IncompleteError, SeisprocError
from seisproc.fingerprint import fingerprint
from seisproc.normalise import NORMALISATION
from seisproc.scoring.held_out_sections import score_held_out
from seisproc.scoring.scores import FaciesResult
from seisproc.scoring.sections import TrueSection, read_predictions
from seisproc.sections.files import SectionJob, SectionsReceipt, interpret_folder
from seisproc.sections.folder import Section
from seisproc.volume import map_bounded
from tasks.artifacts import receipt_artifact, table_artifact
from tasks.bundle import TrainReceipt, finished_bundle, receipt
from tasks.folds import (
    LICENCE,
    Fold,
    FoldReceipt,
    SectionTraining,
    class_infos,
    class_set_of,
    fold_of,
    judge_fold,
    reference_tensors,
    train_fold,
)
from tasks.held_out_record import record_held_out
from tasks.interpret import InterpretationSettings, recipe_of
from tasks.progress import stage_progress
from tasks.stage import stage


@stage("train on sections", hours=72, shown="train {training.target} on sections")
def train_sections(
    training: SectionTraining, bundle: str, cluster: str, overwrite: bool = False
) -> TrainReceipt:
    """Train one network a fold, judge each on what it never saw, and write them as one bundle.

    Folds run side by side on the cluster's workers, which need to see the bundle's folder; those
    that were finished before are kept, those that were killed go on from their checkpoints.

    Raises
    ------
    ConfigError
        Too few sections, or sections that do not say where their traces lie.
    IncompleteError
        A fold failed.
    """
    sections = training.require()
    wanted = training.fingerprint(sections)
    found = finished_bundle(bundle, wanted, overwrite)
    if found is not None:
        return found
    work = Path(f"{bundle.rstrip('/')}.work") / wanted[:16]
    folds = [Fold(training, number, str(work)) for number in range(training.folds)]
    with connect(cluster) as client, stage_progress("train") as progress:
        receipts = _all(client, train_fold, folds, progress)
        calibration = calibrate_folds(folds)
        _all(client, judge_fold, folds, progress)
    result = None
    if training.target == "facies":
        result = _judged(training, sections, work / "held-out")
    _write(bundle, training, sections, folds, receipts, calibration, result, wanted)
    record_held_out(
        bundle, training.target, class_set_of(training), sections, work / "held-out", 0.5
    )
    _show_folds(bundle, receipts)
    shutil.rmtree(work.parent, ignore_errors=True)
    made = receipt(bundle)
    receipt_artifact("model", bundle, f"The {made.target} model", made)
    return made


def _all(client: Any, function: Any, folds: Sequence[Fold], progress: Any) -> list[Any]:
    """Do all folds on the workers; one that fails does not stop the others."""
    done: dict[int, Any] = {}
    errors: dict[int, Exception] = {}
    for outcome in map_bounded(function, folds, client):
        if outcome.error is not None:
            errors[outcome.item.number] = outcome.error
        else:
            done[outcome.item.number] = outcome.result
        progress(len(done), len(folds))
    if errors:
        first = errors[min(errors)]
        if len(errors) == len(folds) and isinstance(first, SeisprocError):
            raise first
        raise IncompleteError(
            f"{len(errors)} of {len(folds)} folds failed", found=f"fold {min(errors)}: {first}",
            do="Mend that and run the same command again: finished folds are kept",
        )
    return [done[number] for number in sorted(done)]


def calibrate_folds(folds: Sequence[Fold]) -> Calibration:
    """Fit one temperature to what the folds say of sections they never saw.

    Each fold's own card gets that of the others' sections, so that it is judged on sections that
    decided nothing about it.
    """
    parts = [np.load(fold.folder / "logits.npz") for fold in folds]
    logits, truth = [part["logits"] for part in parts], [part["truth"] for part in parts]
    for number, fold in enumerate(folds):
        others = [n for n in range(len(folds)) if n != number] or [number]
        fitted = fit_temperature(
            np.concatenate([logits[n] for n in others], axis=1),
            np.concatenate([truth[n] for n in others]),
        )
        opened = open_bundle(str(fold.folder / "bundle"))
        card = dataclasses.replace(opened.card, temperature=fitted.temperature)
        save_bundle(fold.folder / "bundle", card, opened.state,
                    references=opened.references or None, overwrite=True)
    return fit_temperature(np.concatenate(logits, axis=1), np.concatenate(truth))


def _judged(
    training: SectionTraining, sections: Sequence[Section], folder: Path
) -> FaciesResult:
    """Score what was said of held-out sections."""
    truth = [
        TrueSection(
            section.name, _lines(section)[:, 0], _lines(section)[:, 1],
            facies=None if section.labels is None else section.labels.T,
        )
        for section in sections
    ]
    return score_held_out(
        truth, read_predictions(str(folder), truth),
        [fold_of(number, training.folds) for number in range(len(sections))],
        {c.code: c.name for c in training.classes},
    )


def _lines(section: Section) -> NDArray[np.int64]:
    if section.lines is None:
        return np.full((len(section.seismic), 2), -1, np.int64)
    return section.lines


def _write(
    bundle: str,
    training: SectionTraining,
    sections: Sequence[Section],
    folds: Sequence[Fold],
    receipts: Sequence[FoldReceipt],
    calibration: Calibration,
    result: FaciesResult | None,
    wanted: str,
) -> None:
    """Write the ensemble of all folds, with the sections that it looks at."""
    opened = [open_bundle(str(fold.folder / "bundle")) for fold in folds]
    members = [{"network": o.card.network, "arguments": dict(o.card.arguments)} for o in opened]
    network, arguments, state = ENSEMBLE, {"members": members}, joined_state(
        [o.state for o in opened])
    if len(opened) == 1:
        network, arguments, state = opened[0].card.network, dict(opened[0].card.arguments), dict(
            opened[0].state)
    made = build_network(network, max(1, len(training.classes)), arguments)
    card = Card(
        name=Path(bundle.rstrip("/")).name,
        network=network,
        arguments=arguments,
        target=training.target,
        classes=class_infos(training),
        window=training.shape,
        fixed_window=made.fixed_window,
        multiple=made.multiple,
        normalisation=NORMALISATION,
        temperature=calibration.temperature,
        inputs=training.context.inputs,
        training={
            "fingerprint": wanted,
            "config": deciding(training.config),
            "augment": dataclasses.asdict(training.distortion) if training.distortion else None,
            "sections": [section.name for section in sections],
            "folds": [dataclasses.asdict(entry) | {"bundle": ""} for entry in receipts],
            "best_step": max(entry.best_step for entry in receipts),
            "warnings": sorted({warning for entry in receipts for warning in entry.warnings}),
        },
        metrics=_metrics(receipts, calibration, result),
        licence=LICENCE,
        limitations=(
            "Learned from sections of one survey: it knows no other.",
            "Scores are those of each network on sections that it did not learn from, with its own"
            " sections' labels to look at; together the networks should do a little better.",
        ),
    )
    references = reference_tensors(sections) if training.neighbours else None
    save_bundle(bundle, card, state, references=references, overwrite=True)


def _metrics(
    receipts: Sequence[FoldReceipt], calibration: Calibration, result: FaciesResult | None
) -> dict[str, dict[str, Any]]:
    entry = {"value": calibration.ece_after, "floor": calibration.ece_before,
             "floor_name": "before the temperature was fitted"}
    if result is None:
        mean = float(np.mean([one.metric for one in receipts]))
        return {
            "average_precision": {"value": mean, "floor": 0.0, "floor_name": "nothing"},
            "calibration_error": entry,
        }
    nearest, depth = result.floors["nearest trace"], result.floors["depth prior"]
    return {
        "mean_iou": {"value": result.model.mean_iou, "floor": nearest.mean_iou,
                     "floor_name": "nearest labelled trace"},
        "pixel_accuracy": {"value": result.model.pixel_accuracy, "floor": nearest.pixel_accuracy,
                           "floor_name": "nearest labelled trace"},
        "mean_iou_over_depth": {"value": result.model.mean_iou, "floor": depth.mean_iou,
                                "floor_name": "depth alone"},
        "calibration_error": {
            **entry, "value": result.calibration.ece if result.calibration else entry["value"]},
        "uncertainty_auroc": {"value": result.uncertainty_auroc, "floor": 0.5,
                              "floor_name": "chance"},
    }


def _show_folds(bundle: str, receipts: Sequence[FoldReceipt]) -> None:
    rows = [
        {"fold": entry.number, "step": step, "training loss": round(loss, 4),
         "validation loss": round(held, 4), "metric": round(metric, 4)}
        for entry in receipts for step, loss, held, metric in entry.history
    ]
    table_artifact("training", bundle, "How training went", rows)


@stage("interpret sections", hours=72)
def interpret_sections(
    folder: str,
    model: str,
    output: str,
    settings: InterpretationSettings,
    cluster: str,
    overwrite: bool = False,
) -> SectionsReceipt:
    """Interpret every section of a folder; sections that are done already stay as they are."""
    # mypy compares the two packages' named tuples by name; their fields are the same.
    recipe: Any = recipe_of(model, settings)
    job = SectionJob(recipe, fingerprint({"recipe": recipe.key}))
    with connect(cluster) as client, stage_progress("interpret sections") as progress:
        made = interpret_folder(
            folder, output, job, client, overwrite=overwrite, on_progress=progress
        )
    receipt_artifact("sections", output, "Sections that were interpreted", made)
    return made
