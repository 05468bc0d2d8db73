"""Facies of F3 from five sections: each held out once, and what is left for an expert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.config import read_form
from flows.recipe import Recipe
from flows.training_config import SectionFolder
from seisproc.scoring.held_out_sections import score_held_out
from seisproc.scoring.scores import FaciesResult
from seisproc.scoring.sections import PredictedSection, TrueSection, read_predictions
from seisproc.sections.folder import Section
from tasks.folds import HELD_OUT, Fold, SectionTraining, fold_of, judge_fold, train_fold
from tasks.sections import calibrate_folds

PRESET = Path(__file__).parents[1] / "presets" / "f3.yaml"
SHARES = (0.05, 0.1, 0.2)
"""Of the section area that an expert looks at."""

BLOCK = (16, 16)
"""Traces and samples that an expert looks at together, and then gets right."""


def section_training(folder: Path, plain: bool) -> SectionTraining:
    """Say how the folds learn: presets/f3.yaml, or the same told the seismic alone."""
    recipe = Recipe(**read_form(str(PRESET)))
    assert recipe.context is not None
    made = recipe.context.training(
        "facies", [SectionFolder(folder=str(folder))], recipe.training
    )
    config = replace(made.config, threads=1)
    return replace(made, config=config, depth=not plain, neighbours=not plain)


def place_of(training: SectionTraining, output: Path) -> Path:
    """Folder of what the folds of a training leave."""
    name = "context" if training.neighbours else "plain"
    return output / name / training.fingerprint(training.sections())[:16]


def facies(folder: Path, output: Path, *, plain: bool) -> None:
    """Train, calibrate and judge all folds; finished ones are kept."""
    training = section_training(folder, plain)
    place = place_of(training, output)
    folds = [Fold(training, number, str(place)) for number in range(training.folds)]
    for fold in folds:
        receipt = train_fold(fold)
        print(f"fold {receipt.number}: mIoU of its windows {receipt.metric:.3f}", flush=True)
    calibration = calibrate_folds(folds)
    print(f"temperature {calibration.temperature:.3f}, ECE {calibration.ece_before:.3f} before and"
          f" {calibration.ece_after:.3f} after it was fitted to all")
    for fold in folds:
        judge_fold(fold)
    _print(_score(training, place))


def _score(training: SectionTraining, place: Path) -> FaciesResult:
    truth = [true_section(section) for section in training.sections()]
    return score(training, truth, read_predictions(str(place / HELD_OUT), truth))


def score(
    training: SectionTraining, truth: Sequence[TrueSection], answers: Sequence[PredictedSection]
) -> FaciesResult:
    """Score answers on all sections, each held out once."""
    return score_held_out(
        truth, answers, [fold_of(number, training.folds) for number in range(len(truth))],
        {c.code: c.name for c in training.classes},
    )


def true_section(section: Section) -> TrueSection:
    """Labels of a section as scoring takes them."""
    assert section.lines is not None and section.labels is not None
    return TrueSection(section.name, section.lines[:, 0], section.lines[:, 1],
                       facies=section.labels.T)


def _print(result: FaciesResult) -> None:
    print("\n| | mIoU | PA | MCA | FWIU |\n|---|---|---|---|---|")
    for name, scores in {"networks": result.model, **result.floors}.items():
        print(f"| {name} | {scores.mean_iou:.3f} | {scores.pixel_accuracy:.3f} |"
              f" {scores.mean_class_accuracy:.3f} | {scores.frequency_weighted_iou:.3f} |")
    print(f"\nECE {result.calibration.ece if result.calibration else float('nan'):.4f},"
          f" AUROC of uncertainty {result.uncertainty_auroc:.3f}")
    print("\n| class | precision | recall | F1 | IoU |\n|---|---|---|---|---|")
    for one in result.model.classes:
        print(f"| {one.name} | {one.precision:.3f} | {one.recall:.3f} | {one.f1:.3f} |"
              f" {one.iou:.3f} |")


def review(folder: Path, output: Path) -> None:
    """Say what is left of the errors when an expert mends the most uncertain blocks."""
    training = section_training(folder, plain=False)
    place = place_of(training, output)
    sections = training.sections()
    uncertainty, errors, labelled = [], [], []
    for section in sections:
        assert section.labels is not None
        with np.load(place / HELD_OUT / section.name, allow_pickle=False) as told:
            wrong = (told["facies"].T != section.labels) & (section.labels != 255)
            uncertainty.append(_blocks(told["uncertainty"].T))
        errors.append(_blocks(wrong))
        labelled.append(_blocks(section.labels != 255))
    floor = _score(training, place).floors["nearest trace"].pixel_accuracy
    order = np.argsort(-np.concatenate(uncertainty), kind="stable")
    wrong, area = np.concatenate(errors)[order], np.concatenate(labelled)[order]
    total = wrong.sum() / area.sum()
    print("| an expert mends | errors found | pixel accuracy before | after | as good by hand,"
          " the rest copied from the nearest labelled trace |\n|---|---|---|---|---|")
    for share in SHARES:
        upto = int(np.searchsorted(area.cumsum(), share * area.sum())) + 1
        found = wrong[:upto].sum() / wrong.sum()
        after = 1 - total * (1 - found)
        print(f"| {share:.0%} of the area | {found:.1%} | {1 - total:.4f} | {after:.4f} |"
              f" {(after - floor) / (1 - floor):.0%} of the area |")


def _blocks(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sum over blocks of a section (trace, sample), the last ones smaller: float64 (block,)."""
    traces = np.arange(0, values.shape[0], BLOCK[0])
    samples = np.arange(0, values.shape[1], BLOCK[1])
    return np.add.reduceat(
        np.add.reduceat(values.astype(np.float64), traces, axis=0), samples, axis=1
    ).ravel()
