"""The sheet that every picture is drawn on: one size, one place for the axes, one look.

Figures are made without pyplot and its global state, so that any thread may draw.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from seisproc.report.sections import Axis

SIZE = (7.6, 4.4)
"""Width and height of a picture in inches."""

DPI = 130
LONGEST = 3.0
ROUND = (1, 2, 5, 10)
"""Steps between ticks, times a power of ten."""

INK = "#1f2933"
MISSING = "#d8e6f0"
"""Colour of cells without a trace or a value; no grey, so that nobody takes it for amplitude."""

WIDE = (11.6, 4.9)
"""Size of a picture that stands alone across the page."""

CHART_SIZE = (5.6, 3.244)
"""Of the same shape as a picture, with larger text: charts stand three in a row."""

_LEFT, _BELOW, _ABOVE = 0.72, 0.66, 0.4
_RIGHT = 1.82
"""Margins of a picture in inches; the right one holds the colour bar or the legend."""


def blank(
    title: str, note: str, size: tuple[float, float] = SIZE, left: float = _LEFT / SIZE[0]
) -> Figure:
    """Figure with its title and a small note at ``left``, and no axes yet."""
    figure = Figure(figsize=size)
    figure.text(left, 1 - 0.22 / size[1], title, fontsize=11, fontweight="bold", color=INK)
    figure.text(left, 0.08 / size[1], note, fontsize=7.5, color="#52606d")
    return figure


def dress(axes: Axes) -> None:
    """Quiet ticks and frame, the same on every figure."""
    axes.tick_params(labelsize=8, colors=INK, length=3, width=0.6)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)
        spine.set_color("#9aa5b1")
    axes.xaxis.label.set(fontsize=9, color=INK)
    axes.yaxis.label.set(fontsize=9, color=INK)


def panel(title: str, note: str, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """Sheet with one set of axes, and room to its right for a colour bar or a legend."""
    width, height = size
    figure = blank(title, note, size, _LEFT / width)
    return figure, figure.add_axes((
        _LEFT / width, _BELOW / height,
        1 - (_LEFT + _RIGHT) / width, 1 - (_BELOW + _ABOVE) / height,
    ))


def draw(
    axes: Axes,
    horizontal: Axis,
    vertical: Axis,
    rgb: NDArray[np.float64],
    upward: bool,
    cell_aspect: float | None = None,
) -> None:
    """Draw an image, float (vertical, horizontal, 3) in [0, 1], and label its axes.

    Axes of uneven values are drawn cell by cell, their ticks labelled with the cells' values.
    ``cell_aspect``, the height of a cell over its width on the ground, draws a map to scale;
    maps more than :data:`LONGEST` times as long as wide fill the axes all the same.
    """
    left, right = _ends(horizontal)
    first, last = _ends(vertical)
    bottom, top = (first, last) if upward else (last, first)
    rows, columns = rgb.shape[:2]
    aspect: Literal["auto"] | float = "auto"
    if cell_aspect and 1 / LONGEST <= cell_aspect * rows / columns <= LONGEST:
        aspect = cell_aspect * rows / columns * abs((right - left) / (top - bottom))
    axes.imshow(
        np.clip(rgb, 0, 1), aspect=aspect, origin="lower" if upward else "upper",
        extent=(left, right, bottom, top), interpolation="auto",
    )
    axes.set_anchor("W")
    axes.apply_aspect()
    inches = axes.get_window_extent().width / axes.figure.dpi
    for axis, described, bins in (
        (axes.xaxis, horizontal, max(1, min(7, int(inches / 0.6)))), (axes.yaxis, vertical, 7)
    ):
        axis.set_label_text(described.label)
        if len(described.values) == 1:
            axis.set_major_locator(FixedLocator([float(described.values[0])]))
        else:
            whole = described.values.dtype.kind in "iu"
            axis.set_major_locator(MaxNLocator(bins, integer=whole, min_n_ticks=1, steps=ROUND))
        if not described.even:
            axis.set_major_formatter(FuncFormatter(_LineNumbers(described.values)))
    dress(axes)


class _LineNumbers:
    """Tick labels of an axis whose values are not evenly spaced: it is drawn cell by cell."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values

    def __call__(self, cell: float, _: int | None) -> str:
        inside = 0 <= round(cell) < len(self.values)
        return f"{self.values[round(cell)]:g}" if inside else ""


def _ends(axis: Axis) -> tuple[float, float]:
    """Outer edges of the first and last cell."""
    if not axis.even:
        return -0.5, len(axis.values) - 0.5
    half = float(axis.values[1] - axis.values[0]) / 2 if len(axis.values) > 1 else 0.5
    return float(axis.values[0]) - half, float(axis.values[-1]) + half


def colour_bar(
    figure: Figure, mappable: ScalarMappable, label: str, extend: str = "neither"
) -> None:
    """Draw a colour bar to the right of the axes."""
    axes = figure.axes[0]
    axes.apply_aspect()
    place = axes.get_position()
    width = figure.get_figwidth()
    box = (place.x1 + 0.19 / width, place.y0, 0.15 / width, place.height)
    bar = figure.colorbar(mappable, cax=figure.add_axes(box), extend=extend)
    bar.locator = MaxNLocator(5, steps=ROUND)
    bar.set_label(label, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK, length=3, width=0.6)
    bar.outline.set_linewidth(0.4)


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """List names and colours to the right of the axes."""
    axes = figure.axes[0]
    axes.apply_aspect()
    place = axes.get_position()
    beside = place.x1 + 0.08 / figure.get_figwidth()
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(beside, place.y1 + 0.01), fontsize=8,
        frameon=False, labelcolor=INK, handlelength=1.4, handleheight=1.1, labelspacing=0.7,
    )


def png(figure: Figure) -> bytes:
    """Encode a figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    return buffer.getvalue()
