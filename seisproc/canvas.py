"""The sheet that every picture is drawn on: one size, one place for the axes, one look.

Figures are made without pyplot and its global state, so that any thread may draw.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from seisproc.sections import Axis

SIZE = (7.6, 4.4)
"""Width and height of a picture in inches."""

DPI = 130
INK = "#1f2933"
MISSING = "#d8e6f0"
"""Colour of cells without a trace or a value; no grey, so that nobody takes it for amplitude."""

_PANEL = (0.095, 0.125, 0.665, 0.775)
_BAR = (0.785, 0.125, 0.02, 0.775)


def blank(title: str, note: str = "", size: tuple[float, float] = SIZE) -> Figure:
    """Figure of the house size with its title and a small note, and no axes yet."""
    figure = Figure(figsize=size)
    figure.text(_PANEL[0], 0.945, title, fontsize=11, fontweight="bold", color=INK)
    figure.text(_PANEL[0], 0.018, note, fontsize=7.5, color="#52606d")
    return figure


def dress(axes: Axes) -> None:
    """Quiet ticks and frame, the same on every figure."""
    axes.tick_params(labelsize=8, colors=INK, length=3, width=0.6)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)
        spine.set_color("#9aa5b1")
    axes.xaxis.label.set(fontsize=9, color=INK)
    axes.yaxis.label.set(fontsize=9, color=INK)


def panel(title: str, note: str) -> tuple[Figure, Axes]:
    """Sheet with one set of axes, and room to its right for a colour bar or a legend."""
    figure = blank(title, note)
    axes = figure.add_axes(_PANEL)
    return figure, axes


def draw(
    axes: Axes, horizontal: Axis, vertical: Axis, rgb: NDArray[np.float64], upward: bool
) -> None:
    """Draw an image, float (vertical, horizontal, 3) in [0, 1], and label its axes.

    Axes of uneven values are drawn cell by cell, their ticks labelled with the cells' values.
    """
    left, right = _ends(horizontal)
    first, last = _ends(vertical)
    bottom, top = (first, last) if upward else (last, first)
    axes.imshow(
        np.clip(rgb, 0, 1), aspect="auto", origin="lower" if upward else "upper",
        extent=(left, right, bottom, top), interpolation="auto",
    )
    for axis, described in ((axes.xaxis, horizontal), (axes.yaxis, vertical)):
        axis.set_label_text(described.label)
        axis.set_major_locator(MaxNLocator(7, integer=described.label[0] in "IC"))
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
    bar = figure.colorbar(mappable, cax=figure.add_axes(_BAR), extend=extend)
    bar.set_label(label, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK, length=3, width=0.6)
    bar.outline.set_linewidth(0.4)


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """List names and colours to the right of the axes."""
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(_BAR[0] - 0.015, 0.912), fontsize=8,
        frameon=False, labelcolor=INK, handlelength=1.4, handleheight=1.1, labelspacing=0.7,
    )


def png(figure: Figure) -> bytes:
    """Encode a figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    return buffer.getvalue()
