"""Pictures of a training: its curves, what it confuses, and the patches that it gets most wrong.

Like :mod:`seisproc.report.charts`, functions return figures, or PNG where a sheet is laid out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from seisproc.report.canvas import blank, dress
from seisproc.report.charts import LINES
from seisproc.report.overlays import Image, painted, sheet
from seisproc.schema import NONE, ClassSet, FaciesClass

CURVES_SIZE = (9.6, 3.3)

WRONG = FaciesClass(1, "wrong", "#F0E442")
"""In the one colour of Okabe and Ito that Parihaka's six classes leave."""

MISSED = FaciesClass(1, "missed fault", "#D55E00")
INVENTED = FaciesClass(2, "no fault there", "#0072B2")
FOUND = FaciesClass(3, "fault", "#009E73")


@dataclass(frozen=True)
class Shown:
    """A patch to show, each float or integer (trace, sample).

    Attributes
    ----------
    caption : str
    seismic : float
        In unit rms.
    truth : integer
        Codes, 255 where unlabelled; faults are 1.
    answer : float
        Codes, or the probability of a fault.
    """

    caption: str
    seismic: NDArray[np.floating]
    truth: NDArray[np.integer]
    answer: NDArray[np.floating]


def plot_curves(history: Sequence[Mapping[str, Any]], metric: str, best_step: int) -> Figure:
    """Losses, the metric and the learning rate against the step.

    Parameters
    ----------
    history : sequence of mapping
        One a validation, with ``step``, ``train_loss``, ``validation_loss``, ``metric`` and
        ``learning_rate``.
    metric : str
        Name of what decides which weights are kept.
    best_step : int
        Step of those weights.
    """
    note = f"Dashed: step {best_step}, whose weights are kept"
    figure = blank("Training", note, CURVES_SIZE, 0.07)
    steps = [entry["step"] for entry in history]
    panels: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("Loss", {"train_loss": "training", "validation_loss": "validation"}),
        (metric.replace("_", " ").capitalize().replace("iou", "IoU"), {"metric": "validation"}),
        ("Learning rate", {"learning_rate": "learning rate"}),
    )
    for column, (label, names) in enumerate(panels):
        axes = figure.add_axes((0.07 + column * 0.325, 0.2, 0.25, 0.64))
        for (name, text), colour in zip(names.items(), LINES, strict=False):
            axes.plot(steps, [entry[name] for entry in history], color=colour, linewidth=1.4,
                      marker="o" if len(steps) < 12 else None, markersize=3, label=text)
        axes.axvline(best_step, color="#9aa5b1", linestyle="--", linewidth=1)
        if len(names) > 1:
            axes.legend(fontsize=7.5, frameon=False)
        if label == "Learning rate":
            axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
            axes.yaxis.get_offset_text().set_fontsize(7.5)
            axes.set_ylim(0, None)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        _labels(axes, "Step", label)
    return figure


def plot_precision_recall(
    fault: ArrayLike, other: ArrayLike, title: str = "Precision and recall"
) -> Figure:
    """Precision against recall, from histograms of the probability of a fault.

    Parameters
    ----------
    fault, other : integer (bin,)
        Voxels by probability, from 0 to 1, on faults and elsewhere.
    """
    hits = np.cumsum(np.asarray(fault, float)[::-1])
    marked = hits + np.cumsum(np.asarray(other, float)[::-1])
    share = hits[-1] / max(marked[-1], 1)
    recall, precision = hits / max(hits[-1], 1), hits / np.maximum(marked, 1)
    used = marked > 0
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    scores = 2 * hits / np.maximum(marked + hits[-1], 1)
    best = int(np.argmax(scores))
    threshold = (len(hits) - 1 - best) / len(hits)
    note = (f"Average precision {average:.3f}; dot: best F1, {scores[best]:.3f}, at probability"
            f" {threshold:.2f}; dashed: all is fault, {share:.3f}")
    figure = blank(title, note, (6.4, 4.4), 0.11)
    axes = figure.add_axes((0.11, 0.17, 0.85, 0.73))
    axes.plot(recall[used], precision[used], color=LINES[0], linewidth=1.4)
    axes.plot(recall[best], precision[best], "o", color=LINES[1], markersize=6)
    axes.axhline(share, color="#9aa5b1", linestyle="--", linewidth=1)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    _labels(axes, "Recall", "Precision")
    return figure


def worst_sheet(patches: Sequence[Shown], classes: ClassSet, threshold: float | None) -> bytes:
    """Lay out patches with their truth, what was said, and where that is wrong, as PNG.

    Parameters
    ----------
    patches : sequence of Shown
        Of one shape, at least one.
    classes : ClassSet
        Of facies; ignored for faults.
    threshold : float or None
        From which probability on a voxel is a fault; None: answers are facies codes.
    """
    rows: dict[str, list[Image]] = {"seismic": [], "truth": [], "prediction": [], "wrong": []}
    legend = classes if threshold is None else (FOUND, MISSED, INVENTED)
    for patch in patches:
        known = patch.truth != NONE
        rows["seismic"].append(painted(patch.seismic))
        if threshold is None:
            said, shown = patch.answer.astype(np.uint8), classes
            wrong = np.where(known & (said != patch.truth), 1, NONE)
            marks: ClassSet = (WRONG,)
            truth = patch.truth
        else:
            fault, told = patch.truth == 1, patch.answer >= threshold
            truth, said = np.where(fault, 3, NONE), np.where(told, 3, NONE)
            wrong = np.full(fault.shape, NONE)
            wrong[known & fault & ~told], wrong[known & told & ~fault] = 1, 2
            shown, marks = (FOUND,), (MISSED, INVENTED)
        for name, codes, colours in (
            ("truth", truth, shown), ("prediction", said, shown), ("wrong", wrong, marks)
        ):
            rows[name].append(painted(patch.seismic, codes.astype(np.uint8), colours))
    return sheet("Validation patches that are told worst", [p.caption for p in patches], rows,
                 legend)


def _labels(axes: Axes, horizontal: str, vertical: str) -> None:
    axes.set_xlabel(horizontal)
    axes.set_ylabel(vertical)
    dress(axes)
