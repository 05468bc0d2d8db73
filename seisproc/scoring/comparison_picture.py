"""A comparison as one picture: models in colour, floors in grey."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seisproc.report.canvas import INK, blank, dress
from seisproc.report.charts import LINES
from seisproc.scoring.comparison import ONE, Comparison, Row
from seisproc.scoring.tolerance import TOLERANCES

GREYS = ("#6b7785", "#a3adb8")
MARKS = ("o", "s", "D", "^", "v", "P", "X")
ABREAST = 3
"""Panels beside each other at most."""

PANEL, LEFT, RIGHT = 4.7, 1.8, 0.2
"""Width of a panel in inches, and its margins; the left one holds the names of its rows."""

HEAD, ABOVE, BELOW, FOOT = 0.6, 0.35, 0.55, 0.3
"""Inches: title and legend of a target, title and axis of a panel, the note."""

ROW, CURVES = 0.27, 2.3
"""Inches of a row, and of a panel of curves."""

NOTE = ("Filled: models; grey, hollow: floors, which cost nothing. A model right of its floors has "
        "learned something.")

SHARES = ("mean IoU", "pixel accuracy", "mean class accuracy", "frequency-weighted IoU",
          "boundary F1 within 2", "average precision", "IoU", "F1", "F1 within 2", "F1 within 5",
          "F1 within 5, best threshold", "F1 within 5, thinned", "AUROC of uncertainty")
"""Figures of the first panel."""

NOISE = (("mean_iou", "mean IoU"), ("lateral_change_ratio", "lateral changes / labels'"),
         ("f1_within_5", "F1 within 5"))
"""Figures that are drawn against the level of noise."""


def draw_comparison(
    comparisons: Sequence[Comparison], scores: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """Draw comparisons, a line of panels for each target.

    Parameters
    ----------
    comparisons : sequence of Comparison
        From :func:`seisproc.scoring.comparison.compare`.
    scores : mapping
        What was compared, for curves: F1 against the tolerance, scores against noise.

    Returns
    -------
    matplotlib.figure.Figure
        Drawn without pyplot.
    """
    plans = [_plan(table, scores) for table in comparisons]
    width = PANEL * max(len(line) for plan in plans for line in plan)
    high = FOOT + sum(HEAD + sum(_height(line) + ABOVE + BELOW for line in plan) for plan in plans)
    figure = blank("", NOTE, (width, high), 0.16 / width)
    top = high
    for table, plan in zip(comparisons, plans, strict=True):
        figure.text(0.16 / width, (top - 0.27) / high,
                    f"{table.target.capitalize()}: {table.ground}",
                    fontsize=11, fontweight="bold", color=INK)
        _legend(figure, table, scores, (0.1 / width, (top - 0.3) / high))
        top -= HEAD
        for line in plan:
            for number, panel in enumerate(line):
                box = (number * PANEL + LEFT, top - ABOVE - panel.height,
                       PANEL - LEFT - RIGHT, panel.height)
                axes = figure.add_axes(
                    (box[0] / width, box[1] / high, box[2] / width, box[3] / high)
                )
                axes.set_title(panel.title, fontsize=9.5, loc="left", color=INK)
                panel.draw(axes)
                dress(axes)
            top -= _height(line) + ABOVE + BELOW
    return figure


@dataclass(frozen=True)
class _Panel:
    """One set of axes: its title, its height in inches, and what draws on it."""

    title: str
    height: float
    draw: Callable[[Axes], None]


def _height(line: Sequence[_Panel]) -> float:
    return max(panel.height for panel in line)


def _legend(
    figure: Figure,
    table: Comparison,
    scores: Mapping[str, Mapping[str, Any]],
    place: tuple[float, float],
) -> None:
    columns = _columns(table, scores)
    handles = [Line2D([], [], linestyle="none", markersize=6, label=name, **style)
               for _, name, style in columns]
    figure.legend(handles=handles, loc="upper left", fontsize=8, frameon=False,
                  ncols=len(handles), bbox_to_anchor=place, labelcolor=INK, handletextpad=0.3,
                  columnspacing=1.4)


def _columns(
    table: Comparison, scores: Mapping[str, Mapping[str, Any]]
) -> list[tuple[int, str, dict[str, Any]]]:
    """Columns that are drawn, with their names and styles.

    Of a model at several levels of noise the quietest is drawn; the others are in its curve.
    """
    own = [str(scores[name].get("name", name)) for name in table.models]
    repeated = {name for name in own if own.count(name) > 1}
    quietest: dict[str, int] = {}
    for place, name in enumerate(own):
        level = scores[table.models[place]].get("noise") or 0
        other = quietest.get(name)
        if other is None or level < (scores[table.models[other]].get("noise") or 0):
            quietest[name] = place
    places = [place for place, name in enumerate(own)
              if name not in repeated or quietest[name] == place]
    columns = [
        (place, table.models[place],
         {"color": LINES[n % len(LINES)], "marker": MARKS[n % len(MARKS)]})
        for n, place in enumerate(places)
    ]
    for n, floor in enumerate(table.floors):
        style = {"color": GREYS[n % len(GREYS)], "markerfacecolor": "white",
                 "marker": MARKS[n % len(MARKS)]}
        columns.append((len(table.models) + n, f"{floor} (floor)", style))
    return columns


def _plan(
    table: Comparison, scores: Mapping[str, Mapping[str, Any]]
) -> list[list[_Panel]]:
    """Panels of a target, line by line."""
    by_name = {row.name: row for row in table.rows}
    columns = _columns(table, scores)

    def of_rows(title: str, rows: Sequence[Row]) -> _Panel:
        return _Panel(title, max(0.8, ROW * len(rows)),
                      lambda axes: _draw_rows(axes, rows, columns))

    panels = [of_rows("Scores, more is better", [by_name[n] for n in SHARES if n in by_name])]
    classes = [row for row in table.rows if row.name.startswith("IoU ")]
    if classes:
        panels.append(of_rows("IoU by class", [_renamed(row) for row in classes]))
    ratios = [row for row in table.rows if row.better == ONE]
    if ratios:
        panels.append(of_rows("Shape over that of the labels, 1 is best", ratios))
    if table.target == "fault":
        panels.append(_Panel("F1 within a distance (dashed: best)", CURVES,
                             lambda axes: _tolerance_curves(axes, table, scores, columns)))
    for key, words in NOISE:
        series = _noise_series(key, table, scores)
        if series:
            panels.append(_noise_panel(f"{words} against noise", key, series, table, scores))
    return [panels[n : n + ABREAST] for n in range(0, len(panels), ABREAST)]


def _renamed(row: Row) -> Row:
    return Row(row.name.removeprefix("IoU "), row.better, row.values)


def _draw_rows(
    axes: Axes, rows: Sequence[Row], columns: Sequence[tuple[int, str, dict[str, Any]]]
) -> None:
    """Points of all columns, one line for each figure, the first on top."""
    for column, _, style in reversed(columns):
        places = [n for n, row in enumerate(rows) if row.values[column] is not None]
        axes.plot([rows[n].values[column] for n in places], places, linestyle="none",
                  markersize=6, **style)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="y", color="#e4e8ec", linewidth=0.8)
    axes.set_axisbelow(True)
    if not all(row.better == ONE for row in rows):
        axes.set_xlim(-0.02, 1.02)
        return
    most = 1.6 * max(1.0, *(row.values[column] or 0 for row in rows for column, _, _ in columns))
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(-0.01, most)
    axes.axvline(1, color=INK, linewidth=0.8, zorder=0)
    ticks = [t for t in (0, 0.1, 0.3, 1, 3, 10, 100, 1000) if t <= most]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()


def _tolerance_curves(
    axes: Axes,
    table: Comparison,
    scores: Mapping[str, Mapping[str, Any]],
    columns: Sequence[tuple[int, str, dict[str, Any]]],
) -> None:
    """F1 against the tolerance in pixels, of models and floors."""
    results = [scores[name]["fault"] for name in table.models]
    floors = {name: figures for result in results
              for name, figures in result.get("floors", {}).items()}
    figures = [*results, *(floors[name] for name in table.floors)]
    for column, _, style in columns:
        for prefix, dash in (("", "-"), ("best_", "--")):
            keys = [f"{prefix}f1_within_{t}" if t else f"{prefix}f1" for t in TOLERANCES]
            values = [np.nan if figures[column].get(key) is None else figures[column][key]
                      for key in keys]
            marker = style["marker"] if dash == "-" else None
            axes.plot(TOLERANCES, values, dash, linewidth=1.4, markersize=4,
                      **{**style, "marker": marker})
    axes.set_ylim(0, None)
    axes.set_xlabel("Distance (pixels)")


Series = dict[str, list[tuple[float, float]]]


def _noise_series(
    key: str, table: Comparison, scores: Mapping[str, Mapping[str, Any]]
) -> Series:
    """Models at several levels of noise: level and value, by level."""
    series: Series = {}
    for name in table.models:
        level, value = scores[name].get("noise"), scores[name][table.target].get(key)
        if level is not None and value is not None:
            series.setdefault(str(scores[name].get("name", name)), []).append((level, value))
    return {name: sorted(points) for name, points in series.items() if len(points) > 1}


def _noise_panel(
    title: str,
    key: str,
    series: Series,
    table: Comparison,
    scores: Mapping[str, Mapping[str, Any]],
) -> _Panel:
    styles = {str(scores[table.models[place]].get("name")): style
              for place, _, style in _columns(table, scores) if place < len(table.models)}
    floors = scores[table.models[0]][table.target].get("floors", {})

    def draw(axes: Axes) -> None:
        for name, points in series.items():
            axes.plot(*zip(*points, strict=True), markersize=5, linewidth=1.4, label=name,
                      **styles[name])
        for number, name in enumerate(table.floors):
            value = floors.get(name, {}).get(key)
            if value is not None and "ratio" not in key:
                axes.axhline(value, color=GREYS[number % len(GREYS)], linewidth=1, linestyle=":")
        if "ratio" in key:
            axes.axhline(1, color=INK, linewidth=0.8)
        axes.legend(fontsize=8, frameon=False)
        axes.set_xlabel("Noise over signal (rms)")
        axes.set_ylim(0, None)

    return _Panel(title, CURVES, draw)
