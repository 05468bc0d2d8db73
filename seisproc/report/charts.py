"""Charts beside the pictures: distributions of the data, training curves, scores.

Like :mod:`seisproc.report.plots`, each function returns a matplotlib Figure and touches no pyplot
state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from seisproc.report.canvas import CHART_SIZE, MISSING, blank, dress
from seisproc.report.plots import AmplitudeScale
from seisproc.schema import ClassSet

LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe-Ito, the clearest on white first."""

SCORE_SIZE = (5.6, 4.4)

_PLOT = (0.13, 0.2, 0.83, 0.68)


def plot_histogram(statistics: Mapping[str, Any]) -> Figure:
    """Histogram of amplitude from a survey's statistics, on a logarithmic count axis.

    Parameters
    ----------
    statistics : mapping
        Needs ``histogram`` with ``edges`` (n + 1) and ``counts`` (n).
    """
    edges = np.asarray(statistics["histogram"]["edges"], dtype=float)
    counts = np.asarray(statistics["histogram"]["counts"], dtype=float)
    scale = AmplitudeScale.of(statistics.get("percentiles") or {})
    figure, axes = _chart(
        "Amplitude distribution", "All live samples; dashed: where the pictures are clipped"
    )
    axes.stairs(counts, edges, fill=True, color="#8a97a6")
    for end in (scale.centre - scale.reach, scale.centre + scale.reach):
        axes.axvline(end, color=LINES[1], linestyle="--", linewidth=1)
    if counts.any():
        axes.set_yscale("log")
        axes.set_ylim(0.5, None)
    _labels(axes, "Amplitude", "Samples")
    return figure


def mean_spectrum(
    traces: NDArray[Any], step: float, domain: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean amplitude spectrum of traces, relative to its peak.

    Each trace loses its mean and is tapered by a Hann window. Traces with a non-finite value or
    without any signal are left out; with none left the spectrum is zero.

    Parameters
    ----------
    traces : number (trace, sample)
    step : float
        Sample interval in ms (``twt``) or m (``depth``).
    domain : str
        ``twt`` gives Hz, ``depth`` cycles per km.

    Returns
    -------
    frequency, amplitude : float64 (sample // 2 + 1,)

    Examples
    --------
    >>> time_s = np.arange(250) * 0.004
    >>> frequency, amplitude = mean_spectrum(np.sin(2 * np.pi * 30 * time_s)[None], 4, "twt")
    >>> float(frequency[np.argmax(amplitude)])
    30.0
    """
    values = np.asarray(traces, dtype=np.float64)
    values = values[np.isfinite(values).all(axis=1)]
    values = values - values.mean(axis=1, keepdims=True)
    values = values[values.any(axis=1)]
    # ms and m alike: 1000 units of the step make the second or kilometre of the frequency axis.
    frequency = np.asarray(np.fft.rfftfreq(np.shape(traces)[1], step / 1000), np.float64)
    if not len(values):
        return frequency, np.zeros_like(frequency)
    spectrum = np.abs(np.fft.rfft(values * np.hanning(values.shape[1]), axis=1)).mean(axis=0)
    return frequency, np.asarray(spectrum / (spectrum.max() or 1.0), np.float64)


def plot_spectrum(traces: NDArray[Any], step: float, domain: str, note: str = "") -> Figure:
    """Chart of :func:`mean_spectrum`."""
    frequency, amplitude = mean_spectrum(traces, step, domain)
    figure, axes = _chart("Mean amplitude spectrum", note)
    axes.fill_between(frequency, amplitude, color=LINES[0], alpha=0.15, linewidth=0)
    axes.plot(frequency, amplitude, color=LINES[0], linewidth=1.4)
    axes.set_xlim(0, frequency[-1] or 1)
    axes.set_ylim(0, 1.05)
    unit = "Frequency (Hz)" if domain == "twt" else "Wavenumber (cycles/km)"
    _labels(axes, unit, "Amplitude, peak = 1")
    return figure


def plot_inline_rms(inline: NDArray[np.integer[Any]], rms: NDArray[np.floating[Any]]) -> Figure:
    """Root mean square of every inline: jumps are lines that were processed in another way.

    Parameters
    ----------
    inline : integer (inline,)
        Line numbers.
    rms : float (inline,)
        NaN where an inline has no trace.
    """
    figure, axes = _chart("Amplitude of each inline", "Root mean square over its live traces")
    axes.plot(inline, rms, color=LINES[0], linewidth=1.2, marker="." if len(rms) < 50 else "")
    axes.set_ylim(0, 1.1 * (float(np.nanmax(rms, initial=0)) or 1))
    _labels(axes, "Inline", "RMS amplitude")
    return figure


def plot_proportions(
    counts: NDArray[np.integer[Any]], samples: NDArray[Any], label: str, classes: ClassSet
) -> Figure:
    """Share of each class at each time or depth.

    Parameters
    ----------
    counts : integer (class, sample)
        Voxels of each class, in the order of ``classes``.
    samples : float (sample,)
        Time in ms or depth in m, named by ``label``.
    """
    figure, axes = _chart("Class proportions down the section", "Of the interpreted voxels")
    total = counts.sum(axis=0)
    share = np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)
    right = np.cumsum(share, axis=0)
    for item, low, high in zip(classes, right - share, right, strict=True):
        axes.fill_betweenx(samples, low, high, color=item.colour, linewidth=0, label=item.name)
    axes.set_xlim(0, 1)
    if len(samples) > 1:
        axes.set_ylim(samples[-1], samples[0])
    _labels(axes, "Share", label)
    axes.set_position((_PLOT[0], _PLOT[1], 0.5, _PLOT[3]))
    figure.legend(loc="upper left", bbox_to_anchor=(0.65, 0.89), fontsize=8, frameon=False)
    return figure


def plot_training(history: Sequence[Mapping[str, Any]], title: str = "Training") -> Figure:
    """Training curves: losses on the left, scores on the right.

    Parameters
    ----------
    history : sequence of mapping
        One per validation. ``epoch`` or ``step`` is the abscissa (default: 1, 2, ...); keys that
        hold ``loss`` are losses; of the others, those within [0, 1] are scores.
    """
    figure = blank(title, "", CHART_SIZE, 0.11)
    clock = next((name for name in ("epoch", "step") if name in history[0]), "validation")
    epochs = [entry.get(clock, number) for number, entry in enumerate(history, 1)]
    names = list(dict.fromkeys(name for entry in history for name in entry))
    numeric = [name for name in names if name != clock and _is_curve(history, name)]
    losses = [name for name in numeric if "loss" in name]
    scores = [name for name in numeric if name not in losses and _is_score(history, name)]
    panels = [(label, chosen) for label, chosen in (("Loss", losses), ("Score", scores)) if chosen]
    for column, (label, chosen) in enumerate(panels):
        width = (0.86 - 0.1 * (len(panels) - 1)) / len(panels)
        axes = figure.add_axes((0.11 + column * (width + 0.1), 0.2, width, 0.68))
        for name, colour in zip(chosen, LINES, strict=False):
            values = [_number(entry.get(name)) for entry in history]
            marker = "o" if len(history) < 3 else None
            text = name.replace("_", " ")
            axes.plot(epochs, values, color=colour, linewidth=1.4, marker=marker, label=text)
        if label == "Score":
            axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.legend(fontsize=7.5, frameon=False)
        _labels(axes, clock.capitalize(), label)
    return figure


def plot_confusion(matrix: ArrayLike, classes: Sequence[str], title: str = "Confusion") -> Figure:
    """Confusion matrix as the share of each true class.

    Parameters
    ----------
    matrix : integer (true class, predicted class)
        Voxel counts.
    classes : sequence of str
        Names in code order.
    """
    counts = np.asarray(matrix, dtype=float)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    note = "Per cent of each true class; pale rows: class absent from the truth"
    figure = blank(title, note, SCORE_SIZE, 0.29)
    axes = figure.add_axes((0.29, 0.31, 0.67, 0.59))
    axes.set_facecolor(MISSING)
    shown = np.ma.masked_array(share, np.broadcast_to(total == 0, share.shape))
    axes.imshow(shown, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(share):
        if total[row]:
            ink = "black" if value > 0.55 else "white"
            text = f"{100 * value:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(classes)), classes, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), classes)
    _labels(axes, "Predicted", "True")
    return figure


def plot_reliability(
    confidence: ArrayLike, accuracy: ArrayLike, counts: ArrayLike, title: str = "Reliability"
) -> Figure:
    """Reliability diagram: how often it is so against how sure the model was.

    Parameters
    ----------
    confidence, accuracy : float (bin,)
        Means of each bin, as :func:`seisproc.scoring.calibration.reliability` has them; bins
        without
        voxels are skipped.
    counts : integer (bin,)
        Voxels in each bin.
    """
    conf, acc, n = (np.asarray(a, dtype=float) for a in (confidence, accuracy, counts))
    used = (n > 0) & np.isfinite(conf) & np.isfinite(acc)
    error = float((n[used] * np.abs(conf[used] - acc[used])).sum() / max(n[used].sum(), 1))
    note = f"Expected calibration error {error:.3f}; grey: share of the voxels"
    figure, axes = _chart(title, note, SCORE_SIZE)
    axes.bar(conf[used], n[used] / max(n.sum(), 1), width=0.8 / max(len(n), 1), color="#d5dbe1")
    axes.plot([0, 1], [0, 1], color="#9aa5b1", linestyle="--", linewidth=1)
    axes.plot(conf[used], acc[used], color=LINES[0], linewidth=1.4, marker="o", markersize=4)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    _labels(axes, "Confidence", "Accuracy")
    return figure


def _chart(
    title: str, note: str = "", size: tuple[float, float] = CHART_SIZE
) -> tuple[Figure, Axes]:
    figure = blank(title, note, size, _PLOT[0])
    return figure, figure.add_axes(_PLOT)


def _labels(axes: Axes, horizontal: str, vertical: str) -> None:
    axes.set_xlabel(horizontal)
    axes.set_ylabel(vertical)
    dress(axes)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _is_curve(history: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(
        isinstance(entry.get(name), int | float) and not isinstance(entry.get(name), bool)
        for entry in history
    )


def _is_score(history: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether all values lie in [0, 1], as scores do and seconds or learning rates do not."""
    values = np.array([_number(entry.get(name)) for entry in history])
    values = values[np.isfinite(values)]
    rate = "rate" in name or name in ("lr", "seconds")
    return bool(len(values) and not rate and values.min() >= 0 and values.max() <= 1)
