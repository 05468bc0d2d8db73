"""A map of a basin: outlines of surveys, coloured by whatever is told of them, north up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import FuncFormatter, MaxNLocator
from shapely.geometry.base import BaseGeometry

from seisproc.catalog.geography import Overlap, Place, by_crs
from seisproc.report.canvas import INK, dress

STATE_COLOURS = {
    "done": "#009E73",
    "new": "#56B4E9",
    "changed": "#0072B2",
    "released": "#0072B2",
    "failed": "#D55E00",
    "interrupted": "#E69F00",
    "review": "#F0E442",
    "quarantined": "#CC79A7",
    "unreadable": "#CC79A7",
}
"""Okabe and Ito's colours; whatever else there is to say is grey."""

OTHER = "#9aa5b1"

MOST_PANELS = 4
MOST_LABELS = 60
MOST_OVERLAPS = 500
"""Larger ones are hatched; the others could not be told apart."""

SMALL = 0.012
"""A survey that spans less of the map is marked by a dot as well."""

_LABEL_POINTS = 7.5
_KM = 1000.0


@dataclass(frozen=True)
class Colouring:
    """What surveys are coloured by: a colour and a word for each.

    Attributes
    ----------
    title : str
        What it is.
    words : mapping
        Name of a survey -> word in the legend.
    colours : mapping
        Word -> colour; grey where there is none.
    opacity : str
        Of areas, as the last two digits of a colour.
    """

    title: str
    words: Mapping[str, str]
    colours: Mapping[str, str]
    opacity: str = "66"

    def of(self, name: str) -> str:
        """Colour of a survey."""
        return self.colours.get(self.words.get(name, ""), OTHER)


def by_state(places: Sequence[Place]) -> Colouring:
    """Colour surveys by the state that is told of them."""
    words = {place.name: str(place.facts.get("state") or "not known") for place in places}
    return Colouring("state", words, STATE_COLOURS)


def draw_basin(
    title: str,
    places: Sequence[Place],
    shared: Sequence[Overlap] = (),
    colouring: Colouring | None = None,
    note: str = "",
) -> Figure:
    """Draw the surveys of a basin, a panel for each reference system.

    Parameters
    ----------
    title : str
        Name of the basin.
    places : sequence of Place
        At least one.
    shared : sequence of Overlap
        Drawn hatched.
    colouring : Colouring, optional
        What to colour by; the surveys' states unless given.
    note : str
        What the picture does not show, in words.
    """
    colouring = colouring or by_state(places)
    groups = list(by_crs(places).items())
    left_out = sum(len(group) for _, group in groups[MOST_PANELS:])
    groups = groups[:MOST_PANELS]
    columns = min(2, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(1.8 + 5.4 * columns, 0.6 + 4.9 * rows), layout="constrained")
    figure.suptitle(f"{title}: {len(places)} surveys", fontsize=11, fontweight="bold", color=INK)
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axes in panels[len(groups):]:
        axes.set_axis_off()
    for axes, (system, group) in zip(panels, groups, strict=False):
        names = {place.name for place in group}
        _draw_group(axes, group, [each for each in shared if each.first in names], colouring)
        axes.set_title(system or "no reference system named", fontsize=9, color=INK)
    figure.legend(handles=_legend(places, shared, colouring), loc="outside right upper", fontsize=8,
                  frameon=False, labelcolor=INK, title=colouring.title, title_fontsize=9)
    if left_out:
        note = f"{note}; {left_out} surveys of further reference systems".lstrip("; ")
    if note:
        figure.supxlabel(note, fontsize=7.5, color="#52606d")
    return figure


def _draw_group(
    axes: Axes, places: Sequence[Place], shared: Sequence[Overlap], colouring: Colouring
) -> None:
    for place in sorted(places, key=lambda place: -place.shape.area):  # small ones on top
        colour = colouring.of(place.name)
        _draw_shape(axes, place.shape, facecolor=f"{colour}{colouring.opacity}", edgecolor=colour,
                    linewidth=1.4)
    for each in shared[:MOST_OVERLAPS]:
        if each.shape.area:
            _draw_shape(axes, each.shape, facecolor="none", edgecolor=f"{INK}88", linewidth=0.0,
                        hatch="////")
    west, south, east, north = shapely.total_bounds(np.array([place.shape for place in places]))
    size = max(east - west, north - south) or 1.0
    dots = {place.name for place in places if _span(place.shape) < SMALL * size}
    for place in places:
        if place.name in dots:
            middle = _middle(place.shape)
            axes.plot(middle.x, middle.y, "o", color=colouring.of(place.name), markersize=5)
    axes.update_datalim([(west, south), (east, north)])
    axes.margins(0.08)
    axes.set_aspect("equal", adjustable="datalim")
    metric = all(place.metric for place in places)
    units = "km" if metric else places[0].units
    for axis, name in ((axes.xaxis, "easting"), (axes.yaxis, "northing")):
        axis.set_major_locator(MaxNLocator(5))
        if metric:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / _KM:,g}"))
        axis.set_label_text(f"{name} ({units})")
    dress(axes)
    axes.grid(color="#e4e7eb", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.annotate("N", (0.965, 0.985), (0.965, 0.9), xycoords="axes fraction", ha="center",
                  arrowprops={"arrowstyle": "-|>", "color": INK}, color=INK, fontsize=9)
    _draw_names(axes, places, dots)


def _middle(shape: BaseGeometry) -> shapely.Point:
    """Return a place within an area, or half-way along a line."""
    along = shape.geom_type == "LineString"
    point: shapely.Point = (
        shape.interpolate(0.5, normalized=True) if along else shape.representative_point()
    )
    return point


def _span(shape: BaseGeometry) -> float:
    """Longer side of the box around a shape."""
    west, south, east, north = shape.bounds
    return float(max(east - west, north - south))


def _draw_shape(axes: Axes, shape: BaseGeometry, **style: object) -> None:
    """Draw areas with their holes, lines as they run, points as dots."""
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            rings = [part.exterior, *part.interiors]
            path = Outline.make_compound_path(*(Outline(np.asarray(ring.coords)) for ring in rings))
            axes.add_patch(PathPatch(path, **style))
        elif part.geom_type == "LineString":
            x, y = np.asarray(part.coords).T
            axes.plot(x, y, color=style["edgecolor"], linewidth=1.6)
        elif part.geom_type == "Point":
            axes.plot(part.x, part.y, "o", color=style["edgecolor"], markersize=4)


def _draw_names(axes: Axes, places: Sequence[Place], dots: Collection[str]) -> None:
    """Write names where there is room, those of large surveys first, those of dots above them."""
    figure = axes.figure.get_figure(root=True)
    if figure is None:
        return
    figure.draw_without_rendering()
    taken: list[tuple[float, float, float, float]] = []
    height = _LABEL_POINTS * figure.dpi / 72 * 1.3
    for place in sorted(places, key=lambda place: (-place.shape.length, place.name))[:MOST_LABELS]:
        middle = _middle(place.shape)
        x, y = axes.transData.transform((middle.x, middle.y))
        half = 0.3 * height * len(place.name)
        first = () if place.name in dots else (0.0,)
        for step in (*first, 1.0, -1.0, 2.0, -2.0, 3.0):
            box = (x - half, y + (step - 0.5) * height, x + half, y + (step + 0.5) * height)
            if not any(_meet(box, other) for other in taken):
                taken.append(box)
                at = (0, step * height * 72 / figure.dpi)
                axes.annotate(
                    place.name, (middle.x, middle.y), at, textcoords="offset points", ha="center",
                    va="center", fontsize=_LABEL_POINTS, color=INK,
                    bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.7},
                )
                break


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _legend(
    places: Sequence[Place], shared: Sequence[Overlap], colouring: Colouring
) -> list[Patch | Line2D]:
    """One sign for each word that some survey has, in the order of the colours."""
    words = [colouring.words.get(place.name, "") for place in places]
    order = [*colouring.colours, *sorted(set(words) - set(colouring.colours))]
    handles: list[Patch | Line2D] = [
        Patch(facecolor=f"{colouring.colours.get(word, OTHER)}{colouring.opacity}",
              edgecolor=colouring.colours.get(word, OTHER), label=f"{word} ({words.count(word)})")
        for word in order
        if word in words
    ]
    areas = sum(1 for each in shared if each.shape.area)
    if areas:
        handles.append(Patch(facecolor="none", edgecolor=f"{INK}88", linewidth=0, hatch="////",
                             label=f"overlap ({areas})"))
    return handles
