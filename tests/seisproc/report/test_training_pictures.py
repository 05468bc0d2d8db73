"""Pictures of a training say what is in the numbers."""

import numpy as np
import pytest

from seisproc.report.training_pictures import (
    Shown,
    plot_curves,
    plot_precision_recall,
    worst_sheet,
)
from seisproc.schema import PARIHAKA

HISTORY = [
    {"step": step, "train_loss": 1 / step, "validation_loss": 1.1 / step, "metric": 1 - 1 / step,
     "learning_rate": 1e-3 / step, "best": True}
    for step in (10, 20, 30)
]


def test_curves_hold_losses_metric_and_learning_rate():
    figure = plot_curves(HISTORY, "mean_iou", 20)
    loss, metric, rate = figure.axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in loss.get_lines()}
    assert drawn["training"] == [0.1, 0.05, pytest.approx(1 / 30)]
    assert drawn["validation"][0] == pytest.approx(0.11)
    assert metric.get_ylabel() == "Mean IoU" and rate.get_ylabel() == "Learning rate"
    assert "step 20" in figure.texts[1].get_text()


def test_one_validation_is_a_curve_too():
    assert len(plot_curves(HISTORY[:1], "average_precision", 10).axes) == 3


def test_precision_and_recall_come_from_the_histograms():
    fault, other = np.zeros(10, int), np.zeros(10, int)
    fault[9], fault[5], other[5], other[0] = 5, 5, 10, 80
    figure = plot_precision_recall(fault, other)
    (axes,) = figure.axes
    curve = axes.get_lines()[0].get_xydata()
    assert curve[0].tolist() == [0.5, 1.0]
    assert curve[-1].tolist() == [1.0, 0.1]
    assert "Average precision 0.750" in figure.texts[1].get_text()


def test_without_any_fault_there_is_still_a_picture():
    figure = plot_precision_recall(np.zeros(8, int), np.full(8, 3))
    assert "Average precision 0.000" in figure.texts[1].get_text()


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_the_worst_patches_are_laid_out(threshold):
    rng = np.random.default_rng(0)
    truth = np.zeros((24, 32), np.uint8)
    truth[:, 16:] = 1
    truth[:4] = 255
    patches = [
        Shown(f"patch {n}", rng.normal(size=truth.shape), truth, rng.random(truth.shape))
        for n in range(3)
    ]
    png = worst_sheet(patches, PARIHAKA if threshold is None else (), threshold)
    assert png.startswith(b"\x89PNG") and len(png) > 5000
