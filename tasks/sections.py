"""Folders of sections as stages: networks that learn from them, and that interpret them."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.bundle import open_bundle, read_card, save_bundle
from models.calibration import Calibration, fit_temperature
from models.card import Card
from models.ensemble import ENSEMBLE, build_network, joined_state
from models.train_config import deciding
from seisproc.cluster import connect
from seisproc.errors import ConfigError, IncompleteError, SeisprocError
from seisproc.fingerprint import fingerprint
from seisproc.gates.training import look_at_sections
from seisproc.normalise import NORMALISATION
from seisproc.scoring.held_out_sections import score_held_out, score_held_out_faults
from seisproc.scoring.scores import FaciesResult, FaultResult
from seisproc.scoring.sections import TrueSection, read_predictions
from seisproc.sections.files import SectionJob, SectionsReceipt, interpret_folder
from seisproc.sections.folder import Section
from seisproc.sections.marks import marking_threshold
from seisproc.sections.plan import SectionsPlan, plan_folder
from seisproc.volume import map_bounded
from tasks.artifacts import receipt_artifact, table_artifact
from tasks.bundle import METRICS, TrainReceipt, finished_bundle, receipt, training_lease
from tasks.folds import (
    HELD_OUT,
    LICENCE,
    Fold,
    FoldReceipt,
    SectionTraining,
    answer_names,
    class_infos,
    class_set_of,
    fold_of,
    judge_fold,
    reference_tensors,
    train_fold,
)
from tasks.gpu_slots import gpu_slot
from tasks.held_out_record import record_held_out
from tasks.interpret import InterpretationSettings, device_of, recipe_of, require_device
from tasks.progress import stage_progress
from tasks.stage import stage

FITTED = "before the temperature was fitted"
"""Name of a calibration error's floor."""


@stage("train on sections", hours=72, shown="train {training.target} on sections")
def train_sections(
    training: SectionTraining, bundle: str, cluster: str, overwrite: bool = False
) -> TrainReceipt:
    """Train one network a fold, judge each on what it never saw, and write them as one bundle.

    Folds run side by side on the cluster's workers, which need to see the bundle's folder; those
    that were finished before are kept, those that were killed go on from their checkpoints.

    Raises
    ------
    ConfigError, NetworkError
        Too few sections, sections that do not say where their traces lie, or another setting that
        does not go with them.
    IncompleteError
        A fold failed.
    BusyError
        Another run trains this bundle.
    """
    sections = training.require(bundle)
    wanted = training.fingerprint(sections)
    work = Path(f"{bundle.removeprefix('file://').rstrip('/')}.work") / wanted[:16]
    with training_lease(bundle):
        made = finished_bundle(bundle, wanted, overwrite)
        if made is None:
            made = _train(training, sections, bundle, cluster, work, wanted)
        answers = work / HELD_OUT
        if all((answers / name).exists() for name in answer_names(sections)):
            threshold = read_card(bundle)[0].threshold
            record_held_out(
                bundle, training.target, class_set_of(training), sections, answers, threshold
            )
    shutil.rmtree(work.parent, ignore_errors=True)
    receipt_artifact("model", bundle, f"The {made.target} model", made)
    return made


def _train(
    training: SectionTraining, sections: Sequence[Section], bundle: str, cluster: str, work: Path,
    wanted: str,
) -> TrainReceipt:
    """Train and judge all folds, and write the bundle."""
    folds = [Fold(training, number, str(work)) for number in range(training.folds)]
    device = training.config.device
    with (
        connect(cluster) as client, gpu_slot(device, client), stage_progress("train") as progress
    ):
        count = 2 * len(folds)
        receipts = _all(client, train_fold, folds, lambda done: progress(done, count))
        calibration = calibrate_folds(folds)
        _all(client, judge_fold, folds, lambda done: progress(len(folds) + done, count))
    judged = _judged(training, sections, work / HELD_OUT, calibration)
    _write(bundle, training, sections, folds, receipts, calibration, judged, wanted)
    _show_folds(bundle, receipts)
    return receipt(bundle)


def _all(
    client: Any, function: Callable[[Fold], Any], folds: Sequence[Fold],
    progress: Callable[[int], None],
) -> list[Any]:
    """Do all folds on the workers; one that fails does not stop the others."""
    done: dict[int, Any] = {}
    errors: dict[int, Exception] = {}
    for outcome in map_bounded(function, folds, client):
        if outcome.error is not None:
            errors[outcome.item.number] = outcome.error
        else:
            done[outcome.item.number] = outcome.result
        progress(len(done))
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


@dataclass(frozen=True)
class _Judged:
    """A card's metrics, and the probability from which faults are marked."""

    metrics: dict[str, dict[str, Any]]
    threshold: float = 0.5


def _judged(
    training: SectionTraining, sections: Sequence[Section], folder: Path, calibration: Calibration
) -> _Judged:
    """Score what was said of held-out sections.

    Raises
    ------
    ConfigError
        If there is no trace to score that no other section crosses.
    """
    truth = [
        _true(section, number, name, training.target)
        for number, (section, name) in enumerate(zip(sections, answer_names(sections), strict=True))
    ]
    told = read_predictions(str(folder), truth)
    folds = [fold_of(number, training.folds) for number in range(len(sections))]
    if training.target == "fault":
        found = _fault_metrics(score_held_out_faults(truth, told, folds), calibration)
        threshold = marking_threshold(
            [one.probability.T for one in told if one.probability is not None],
            [section.labels for section in sections if section.labels is not None],
        )
    else:
        names = {c.code: c.name for c in training.classes}
        located = all(section.lines is not None for section in sections)
        found = _facies_metrics(
            score_held_out(truth, told, folds, names), calibration, located)
        threshold = 0.5
    known = {name: entry for name, entry in found.items()
             if math.isfinite(entry["value"]) and math.isfinite(entry["floor"])}
    if METRICS[training.target] not in known:
        raise ConfigError(
            f"held-out sections give no {METRICS[training.target].replace('_', ' ')}",
            expected=f"{training.target} in several sections, on traces that are theirs alone",
            do="Interpret more sections",
        )
    return _Judged(known, threshold)


def _true(section: Section, number: int, name: str, target: str) -> TrueSection:
    """Take a section as it is scored; without places, it lies far from all others."""
    lines = section.lines
    if lines is None:
        along = np.arange(len(section.seismic))
        lines = np.stack([np.full(len(along), -(10**6) * (number + 1)), along], axis=1)
    assert section.labels is not None
    labels = {target: section.labels.T}
    return TrueSection(name, lines[:, 0], lines[:, 1], **labels,
                       seismic=section.seismic.T)


def _write(
    bundle: str,
    training: SectionTraining,
    sections: Sequence[Section],
    folds: Sequence[Fold],
    receipts: Sequence[FoldReceipt],
    calibration: Calibration,
    judged: _Judged,
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
            "seen": look_at_sections(
                [(section.seismic, section.labels) for section in sections], training.shape,
                len(training.classes),
            ),
        },
        metrics=judged.metrics,
        threshold=judged.threshold,
        licence=LICENCE,
        limitations=(
            "Learned from sections of one survey: it knows no other.",
            "Scores are those of each network on sections that it did not learn from, with its own"
            " sections' labels to look at; together the networks should do a little better.",
        ),
    )
    references = reference_tensors(sections) if training.neighbours else None
    save_bundle(bundle, card, state, references=references, overwrite=True)


def _facies_metrics(
    result: FaciesResult, calibration: Calibration, located: bool
) -> dict[str, dict[str, Any]]:
    """Metrics of a card; where a section does not say where it lies, none is the nearest."""
    model, depth = result.model, result.floors["depth prior"]
    floor, name = (result.floors["nearest trace"], "nearest labelled trace") if located else (
        depth, "depth alone")
    metrics = {
        "mean_iou": _entry(model.mean_iou, floor.mean_iou, name),
        "pixel_accuracy": _entry(model.pixel_accuracy, floor.pixel_accuracy, name),
        "mean_iou_over_depth": _entry(model.mean_iou, depth.mean_iou, "depth alone"),
        "calibration_error": _entry(
            result.calibration.ece if result.calibration else calibration.ece_after,
            calibration.ece_before, FITTED),
        "uncertainty_auroc": _entry(result.uncertainty_auroc, 0.5, "chance"),
    }
    if not located:
        del metrics["mean_iou_over_depth"]  # it is the first
    return metrics


def _fault_metrics(result: FaultResult, calibration: Calibration) -> dict[str, dict[str, Any]]:
    model, everything = result.model, result.floors["everything"]
    metrics = {
        "average_precision": _entry(
            model.average_precision, everything.average_precision, "the same everywhere"),
        "calibration_error": _entry(calibration.ece_after, calibration.ece_before, FITTED),
    }
    if "coherence" in result.floors:
        metrics["average_precision_over_coherence"] = _entry(
            model.average_precision, result.floors["coherence"].average_precision, "coherence")
    return metrics


def _entry(value: float, floor: float, name: str) -> dict[str, Any]:
    return {"value": value, "floor": floor, "floor_name": name}


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
    with connect(cluster) as client, stage_progress("interpret sections") as progress:
        settings = dataclasses.replace(settings, device=device_of(settings.device, client))
        require_device(settings.device, client)
        job = _section_job(model, settings)
        with gpu_slot(settings.device, client):
            made = interpret_folder(
                folder, output, job, client, overwrite=overwrite, on_progress=progress
            )
    receipt_artifact("sections", output, "Sections that were interpreted", made)
    return made


def plan_sections(
    folder: str,
    model: str,
    output: str,
    settings: InterpretationSettings,
    overwrite: bool = False,
) -> SectionsPlan:
    """Settle what :func:`interpret_sections` would do on a device that is settled here."""
    return plan_folder(folder, output, _section_job(model, settings), overwrite=overwrite)


def _section_job(model: str, settings: InterpretationSettings) -> SectionJob:
    # mypy compares the two packages' named tuples by name; their fields are the same.
    recipe: Any = recipe_of(model, settings)
    return SectionJob(recipe, fingerprint({"recipe": recipe.key}), settings.variance)
