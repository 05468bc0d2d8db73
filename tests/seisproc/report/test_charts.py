import numpy as np
import pytest

from seisproc.report.canvas import png
from seisproc.report.charts import (
    mean_spectrum,
    plot_confusion,
    plot_histogram,
    plot_proportions,
    plot_reliability,
    plot_spectrum,
    plot_training,
)
from seisproc.schema import PARIHAKA


def test_the_spectrum_peaks_at_the_frequency_of_the_traces():
    depth_m = 5.0 * np.arange(400)
    traces = 100 + np.cos(2 * np.pi * depth_m / 50)[None] * np.array([[1.0], [3.0]])
    wavenumber, amplitude = mean_spectrum(traces, 5.0, "depth")
    assert wavenumber[np.argmax(amplitude)] == pytest.approx(20)
    assert amplitude.max() == 1
    assert amplitude[0] < 1e-3, "the mean is no signal"


def test_dead_and_broken_traces_do_not_spoil_the_spectrum():
    trace = np.sin(np.arange(64))
    spoiled = np.stack([trace, np.full(64, np.nan), np.zeros(64), np.full(64, 7.0)])
    alone = mean_spectrum(trace[None], 4.0, "twt")[1]
    assert np.allclose(mean_spectrum(spoiled, 4.0, "twt")[1], alone)
    assert not mean_spectrum(spoiled[1:], 4.0, "twt")[1].any()


@pytest.mark.parametrize("traces", [np.zeros((0, 50)), np.ones((3, 2))])
def test_spectra_without_signal_are_drawn_flat(traces):
    figure = plot_spectrum(traces, 4.0, "twt")
    assert figure.axes[0].get_xlabel() == "Frequency (Hz)"
    assert not figure.axes[0].lines[0].get_ydata().any()


def test_the_histogram_shows_where_pictures_clip():
    statistics = {
        "percentiles": {"1": -2.0, "50": 0.0, "99": 2.5},
        "histogram": {"edges": [-4, 0, 4], "counts": [3, 5]},
    }
    lines = plot_histogram(statistics).axes[0].lines
    assert sorted(line.get_xdata()[0] for line in lines) == [-2.5, 2.5]
    empty = {"histogram": {"edges": [0, 1], "counts": [0]}}
    assert png(plot_histogram(empty)).startswith(b"\x89PNG")


def test_training_curves_part_losses_from_scores_and_skip_other_numbers():
    history = [
        {"step": 50, "train_loss": 1.0, "validation metric": 0.4, "learning_rate": 0.01,
         "best": True, "note": "x"},
        {"step": 100, "train_loss": 0.6, "validation metric": 0.7, "learning_rate": 0.01,
         "best": True, "note": "y"},
    ]
    losses, scores = plot_training(history).axes
    assert [line.get_label() for line in losses.lines] == ["train loss"]
    assert [line.get_label() for line in scores.lines] == ["validation metric"]
    assert losses.lines[0].get_xdata().tolist() == [50, 100]
    assert losses.get_xlabel() == "Step"


def test_training_curves_of_one_epoch_or_without_numbers_are_drawn():
    assert len(plot_training([{"loss": 0.5}]).axes) == 1
    assert len(plot_training([{"note": "nothing"}]).axes) == 0


def test_confusion_is_in_per_cent_of_the_truth():
    axes = plot_confusion([[3, 1], [0, 0]], ["shale", "sand"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["75", "25"]
    assert axes.images[0].get_array().mask.tolist() == [[False, False], [True, True]]


def test_reliability_counts_the_calibration_error_over_filled_bins():
    figure = plot_reliability([0.25, 0.75, float("nan")], [0.15, 0.85, float("nan")], [10, 30, 0])
    assert any("0.100" in text.get_text() for text in figure.texts)
    nothing = plot_reliability([None], [None], [0])
    assert any("0.000" in text.get_text() for text in nothing.texts)


def test_proportions_fill_the_width_where_anything_is_interpreted():
    counts = np.array([[4, 0, 0], [4, 2, 0]])
    axes = plot_proportions(counts, np.array([0.0, 4.0, 8.0]), "Two-way time (ms)",
                            PARIHAKA[:2]).axes[0]
    vertices = axes.collections[1].get_paths()[0].vertices
    assert {0.5, 1.0} <= set(vertices[:, 0])
    assert axes.get_ylim() == (8.0, 0.0)
