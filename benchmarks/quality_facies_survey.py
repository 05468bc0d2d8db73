"""Facies of F3's held-out sections by the road of surveys, with the networks of ``facies``.

There is no F3 volume here, so that each section becomes a survey of one line, with the amplitude
as it is in the file and the mean and standard deviation of all five: those of a survey, where a
section has its own. ``plan_interpretation`` and ``interpret`` do the rest, with their usual overlap
and with that of sections. Labels of dead traces are left out: a survey never answers for them.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from quality_facies import place_of, score, section_training, true_section

from models.recipe import BundleRecipe
from seisproc.chunking import layout
from seisproc.grid import Grid
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.schema import NONE
from seisproc.scoring.scores import FaciesResult
from seisproc.scoring.sections import PredictedSection, TrueSection, read_predictions
from seisproc.sections.folder import Section
from seisproc.survey import Survey, create_array, publish, write_array, write_coordinates
from tasks.folds import HELD_OUT, fold_of

OVERLAPS = (0.25, 0.5)
LINES = ("inline", "crossline")


def survey(folder: Path, output: Path) -> None:
    """Interpret each held-out section as a survey, and score all; after ``facies``."""
    training = section_training(folder, plain=False)
    place, sections = place_of(training, output), training.sections()
    raw = [_raw(section) for section in sections]
    live = np.concatenate([each[s.live].ravel() for each, s in zip(raw, sections, strict=True)])
    statistics = {"mean": float(live.mean()), "std": float(live.std())}
    truth = [_of_live_traces(section) for section in sections]
    urls = [
        _one_line(str(output / "surveys" / section.name.replace(".npz", ".zarr")), section, each,
                  statistics)
        for section, each in zip(sections, raw, strict=True)
    ]
    alone = read_predictions(str(place / HELD_OUT), truth)
    print("| | mIoU | PA | ECE | AUROC | labels that differ from the sections' |")
    print("|---|---|---|---|---|---|")
    _print("as sections", score(training, truth, alone), 0.0)
    for overlap in OVERLAPS:
        answers = []
        for number, (url, section) in enumerate(zip(urls, sections, strict=True)):
            fold = fold_of(number, training.folds)
            recipe: Any = BundleRecipe(str(place / f"fold-{fold}" / "bundle"),
                                       samples=training.samples, threads=1)
            run = f"overlap-{int(100 * overlap)}"
            interpret(plan_interpretation(url, [recipe], run=run, overlap=overlap,
                                          orientations=[LINES[_along(section)]], probability=True))
            answers.append(_answer(Survey(url), run, section))
        different = np.mean(np.concatenate([
            (a.facies != b.facies)[:, section.live].ravel()
            for a, b, section in zip(answers, alone, sections, strict=True)
        ]))
        found = score(training, truth, answers)
        _print(f"as surveys, overlap {overlap:g}", found, float(different))


def _of_live_traces(section: Section) -> TrueSection:
    """Labels without those of dead traces, which a survey never answers for."""
    truth = true_section(section)
    assert truth.facies is not None
    return replace(truth, facies=np.where(section.live, truth.facies, NONE).astype(np.uint8))


def _print(name: str, found: FaciesResult, different: float) -> None:
    model, ece = found.model, found.calibration.ece if found.calibration else float("nan")
    print(f"| {name} | {model.mean_iou:.4f} | {model.pixel_accuracy:.4f} | {ece:.4f} |"
          f" {found.uncertainty_auroc:.3f} | {different:.2%} |", flush=True)


def _raw(section: Section) -> NDArray[np.float32]:
    with np.load(section.url, allow_pickle=False) as arrays:
        return np.asarray(arrays["seismic"], np.float32).T


def _along(section: Section) -> int:
    """Return 0 for an inline, 1 for a crossline."""
    assert section.lines is not None
    return int((section.lines[:, 0] != section.lines[0, 0]).any())


def _one_line(
    url: str, section: Section, seismic: NDArray[np.float32], statistics: dict[str, float]
) -> str:
    """Write a section as a survey of one line; its samples say as little as the file's."""
    assert section.lines is not None
    shutil.rmtree(url, ignore_errors=True)
    shutil.rmtree(f"{url}.work", ignore_errors=True)
    across = _along(section)
    inline, crossline = (np.unique(section.lines[:, axis]).astype("int32") for axis in (0, 1))
    grid = Grid(inline, crossline, 4.0 * np.arange(seismic.shape[1]))
    volume, alive = (np.expand_dims(each[np.argsort(section.lines[:, 1 - across])], across)
                     for each in (seismic, section.live))
    chunks, shards = layout(grid.shape)
    array = create_array(url, "amplitude", grid.shape, "float32", grid.dims, chunks=chunks,
                         shards=shards, attributes={"statistics": statistics})
    array[...] = volume
    write_array(url, "live", alive, LINES)
    write_coordinates(url, grid)
    publish(url, {"domain": "twt", "fingerprint": section.name})
    return url


def _answer(store: Survey, run: str, section: Section) -> PredictedSection:
    """Read a survey of one line as the prediction of its section (sample, trace)."""
    assert section.lines is not None
    across, path = _along(section), f"interpretation/{run}"
    order = np.argsort(np.argsort(section.lines[:, 1 - across]))  # traces as in the section

    def read(name: str, axis: int = across) -> NDArray[Any]:
        return np.take(np.squeeze(store.read(f"{path}/{name}"), axis), order, axis=-2)

    def share(name: str, axis: int = across) -> NDArray[np.float32]:
        codes = read(name, axis)
        values = np.where(codes == NONE, np.nan, codes / np.float32(254))
        return np.swapaxes(values, -1, -2).astype(np.float32)

    every = share("facies_probability", across + 1)
    uncertainty = np.nan_to_num(share("facies_uncertainty"), nan=1.0)
    return PredictedSection(facies=read("facies").T, probability=every.max(axis=0),
                            uncertainty=uncertainty, class_probability=every)
