"""Pictures of what networks said of sections that they never saw, in the bundle and in Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import write_picture
from models.folder import Folder
from seisproc.labelling.sections import read_npz
from seisproc.report.canvas import png
from seisproc.report.charts import plot_confusion
from seisproc.report.model_picture import MOST, Told, draw_model
from seisproc.report.training_pictures import Shown, worst_sheet
from seisproc.schema import NONE, ClassSet
from seisproc.scoring.metrics import confusion
from seisproc.sections.folder import Section
from seisproc.sections.marks import fault_marks
from tasks.artifacts import pictures_artifact
from tasks.folds import answer_names


def record_held_out(
    bundle: str, target: str, classes: ClassSet, sections: Sequence[Section], folder: Path,
    threshold: float,
) -> None:
    """Draw the bundle's picture, the confusion of facies, and where the sections are told worst.

    Parameters
    ----------
    bundle : str
        A finished bundle; its hash stays what it is.
    target, classes
        Of the networks.
    sections : sequence of Section
        All labelled ones.
    folder : path
        Answers, named by :func:`tasks.folds.answer_names`.
    threshold : float
        From which probability on the pictures call something a fault.
    """
    traces = min(len(section.seismic) for section in sections)
    told, shown = [], []
    counts = np.zeros((max(1, len(classes)),) * 2, np.int64)
    for section, file in zip(sections, answer_names(sections), strict=True):
        answer = read_npz(str(folder / file))
        assert section.labels is not None
        if target == "facies":
            codes = np.asarray(answer[target].T, np.uint8)
            counts += confusion(section.labels, codes, len(classes))
        else:
            codes = fault_marks(answer["probability"], threshold).T.astype(np.uint8)
        wrong = (codes != section.labels) & (section.labels != NONE)
        at = _worst(wrong, traces)
        truth, seismic = section.labels[at], section.seismic[at]
        probability = answer.get("class_probability", answer["probability"][None])
        mean = np.asarray(probability, np.float32).transpose(0, 2, 1)[:, at]
        told.append(Told(seismic, truth, mean))
        share = wrong.sum() / max(1, (section.labels != NONE).sum())
        shown.append((share, Shown(
            f"{section.name}: {share:.1%} wrong", seismic, truth,
            codes[at].astype(np.float32) if target == "facies" else mean[0],
        )))
    name = Path(bundle.rstrip("/")).name
    picture = draw_model(f"{name}, sections held out in turn", told[:MOST], classes)
    write_picture(bundle, picture)
    shown.sort(key=lambda entry: -entry[0])
    pictures = {"held-out": picture, "worst": worst_sheet(
        [one for _, one in shown[:MOST]], classes, None if target == "facies" else threshold)}
    if target == "facies":
        pictures["confusion"] = png(plot_confusion(
            counts, [entry.name for entry in classes], "Confusion on sections held out in turn"))
    place = Folder(f"{bundle.rstrip('/')}/training")
    for title, content in pictures.items():
        place.write(f"{title}.png", content)
    pictures_artifact("training-pictures", bundle, "Sections held out in turn", pictures)


def _worst(wrong: NDArray[np.bool_], traces: int) -> slice:
    """Traces, so many, with the most errors: of bool (trace, sample)."""
    errors: NDArray[Any] = np.concatenate([[0], wrong.sum(axis=1).cumsum()])
    first = int((errors[traces:] - errors[:-traces]).argmax())
    return slice(first, first + traces)
