"""The report of a match: a survey and its imitations, in pictures and figures, in one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seisproc.records import write_atomic
from seisproc.report.canvas import INK, blank, dress, png
from seisproc.report.charts import LINES
from seisproc.synthetic.match import Match
from seisproc.synthetic.profile import (
    AMPLITUDE_PROBABILITIES,
    DIP_PROBABILITIES,
    FORMS,
    FREQUENCIES,
    Profile,
)
from seisproc.synthetic.sources import Sources

_SECTIONS = (11.6, 6.6)
_CHART = (5.6, 3.2)
_WIDE_CHART = (11.6, 3.2)

_KINDS = (("survey", LINES[6]), ("before", LINES[1]), ("after", LINES[0]))
_PERCENTILE = 98.0
_ACROSS = 96
"""Most traces of a survey's section that are shown: as many as of a synthetic one."""


@dataclass(frozen=True)
class MatchPicture:
    """A picture of the report: its name and PNG."""

    name: str
    caption: str
    png: bytes
    wide: bool = False


def match_pictures(sources: Sources, match: Match) -> tuple[MatchPicture, ...]:
    """Draw what shows how near the generator comes.

    Parameters
    ----------
    sources : Sources
        The survey.
    match : Match
        Its profile, and volumes before and after.

    Returns
    -------
    tuple of MatchPicture
        Sections side by side, spectra by depth, dips, amplitudes.
    """
    return (
        MatchPicture("sections", "Sections of the survey and of volumes before and after",
                     png(_sections(sources, match)), wide=True),
        MatchPicture("spectra", "Median amplitude spectra by depth",
                     png(_spectra(match)), wide=True),
        MatchPicture("dips", "Dips", png(_distribution(
            match, "Dips", "dip", DIP_PROBABILITIES, np.linspace(0.0, 1.2, 41),
            "Dip (samples per trace)"))),
        MatchPicture("amplitudes", "Amplitudes", png(_distribution(
            match, "Amplitudes", "amplitude", AMPLITUDE_PROBABILITIES, np.linspace(-5.0, 5.0, 51),
            "Amplitude (standard deviations)", logarithmic=True))),
    )


def write_match_page(
    output: str,
    match: Match,
    pictures: Sequence[MatchPicture],
    distances: Sequence[Mapping[str, Any]],
    accuracies: Sequence[Mapping[str, Any]],
    made_with: str,
) -> None:
    """Write the report; it appears whole or not at all.

    Parameters
    ----------
    output : str
        HTML file to write.
    match : Match
        What was found.
    pictures : sequence of MatchPicture
        As :func:`match_pictures` draws them.
    distances, accuracies : sequence of mapping
        Rows of the tables, each with the same keys; no accuracies, no table of them.
    made_with : str
        How the report was made, for the reader.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("seisproc.report"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )
    environment.filters["data_url"] = _data_url
    environment.filters["number"] = _number
    page = environment.get_template("match.html").render(
        title=match.profile.source, profile=match.profile, pictures=pictures,
        distances=distances, accuracies=accuracies, made_with=made_with,
        attempts=match.attempts, excess=match.excess,
    )
    write_atomic(output, page.encode())


def _sections(sources: Sources, match: Match) -> Figure:
    """Two sections of the survey, of volumes before and of volumes after, in three columns."""
    figure = blank("The survey, and synthetics before and after matching",
                   "High amplitude black; each section clipped at its own percentile"
                   f" {_PERCENTILE:g} of size", _SECTIONS, 0.05)
    real = _survey_planes(sources, 2, match.volumes_after[0].shape[2])
    # The first ones, not the best ones.
    columns = (
        ("Survey", real),
        ("Synthetic before", [volume[volume.shape[0] // 2] for volume in match.volumes_before[:2]]),
        ("Synthetic after", [volume[volume.shape[0] // 2] for volume in match.volumes_after[:2]]),
    )
    for column, (title, planes) in enumerate(columns):
        for row, plane in enumerate(planes):
            axes = figure.add_axes(
                (0.05 + 0.325 * column, 0.545 - 0.435 * row, 0.285, 0.365)
            )
            reach = float(np.percentile(np.abs(plane), _PERCENTILE)) or 1.0
            axes.imshow(plane.T, cmap="gray_r", vmin=-reach, vmax=reach, aspect="auto",
                        interpolation="bilinear")
            if row == 0:
                axes.set_title(title, fontsize=10, color=INK)
            dress(axes)
            if column == 0:
                axes.set_ylabel("Sample")
            if row == len(planes) - 1:
                axes.set_xlabel("Trace")
    return figure


def _survey_planes(sources: Sources, count: int, samples: int) -> list[NDArray[np.float32]]:
    """Sections of the survey, (trace, sample), no wider or deeper than a synthetic one."""
    planes = []
    if sources.form == FORMS[0]:
        array = sources.arrays[0]
        lines = [round((n + 1) / (count + 1) * array.shape[0]) for n in range(count)]
        planes = [np.asarray(array[line], np.float32) for line in lines]
    else:
        for number in range(count):
            array = sources.arrays[number * (len(sources.arrays) - 1) // max(count - 1, 1)]
            values = np.asarray(array[...], np.float32)
            planes.append(values.reshape(-1, values.shape[2]))
    shown = []
    for plane in planes:
        first, top = (max(0, (have - want) // 2)
                      for have, want in zip(plane.shape, (_ACROSS, samples), strict=True))
        part = plane[first : first + _ACROSS, top : top + samples]
        shown.append(np.nan_to_num(part - np.nanmean(plane)))
    return shown


def _spectra(match: Match) -> Figure:
    windows = len(match.profile.windows)
    figure = blank("Amplitude spectra", "Median over traces by depth window, unit power; band:"
                   " percentiles 10 to 90 of the survey", _WIDE_CHART, 0.06)
    frequency = np.linspace(0.0, 0.5, FREQUENCIES)
    for number, (first, last) in enumerate(match.profile.windows):
        width = 0.9 / windows
        axes = figure.add_axes((0.06 + number * width, 0.2, width - 0.05, 0.62))
        for (name, colour), profile in zip(_KINDS, _profiles(match), strict=True):
            low, middle, high = (_decibels(row) for row in profile.spectrum[number])
            if name == "survey":
                axes.fill_between(frequency, low, high, color=colour, alpha=0.12, linewidth=0)
            axes.plot(frequency, middle, color=colour, linewidth=1.4, label=name)
        axes.set(xlim=(0, 0.5), ylim=(-45, 0))
        axes.set_title(f"depth {first:.0%} to {last:.0%}", fontsize=9, color=INK)
        _labels(axes, "Frequency (cycles per sample)", "dB" if number == 0 else "")
        if number == 0:
            axes.legend(fontsize=8, frameon=False)
    return figure


def _distribution(
    match: Match,
    title: str,
    name: str,
    probabilities: tuple[float, ...],
    edges: NDArray[np.float64],
    label: str,
    logarithmic: bool = False,
) -> Figure:
    """Histogram of the survey and of synthetics, from their quantiles."""
    figure = blank(title, "From quantiles; the outermost are left out", _CHART, 0.13)
    axes = figure.add_axes((0.13, 0.2, 0.83, 0.68))
    for (kind, colour), profile in zip(_KINDS, _profiles(match), strict=True):
        quantiles = np.asarray(getattr(profile, name))
        below = np.interp(edges, quantiles, probabilities)
        density = np.diff(below) / np.diff(edges)
        axes.stairs(density, edges, color=colour, linewidth=1.4, label=kind)
    if logarithmic:
        axes.set_yscale("log")
    axes.legend(fontsize=8, frameon=False)
    _labels(axes, label, "Density")
    return figure


def _profiles(match: Match) -> tuple[Profile, Profile, Profile]:
    return match.profile, match.made_before, match.made_after


def _decibels(spectrum: tuple[float, ...]) -> NDArray[np.float64]:
    values = np.maximum(np.asarray(spectrum), 1e-6)
    return np.asarray(20.0 * np.log10(values), np.float64)


def _labels(axes: Axes, horizontal: str, vertical: str) -> None:
    axes.set_xlabel(horizontal)
    axes.set_ylabel(vertical)
    dress(axes)


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()
