"""Pictures of seismic sections and maps: amplitude, facies, faults, uncertainty.

Every function returns a :class:`matplotlib.figure.Figure` of one fixed size with the axes in one
fixed place, so that pictures of the same plane line up, and touches no pyplot state, so that any
thread may call it. Amplitude is grey with the polarity and the clip said in the picture; classes
have their own colours and a legend; uncertainty is cividis, and fault probability, laid over
amplitude, a part of inferno. Cells without a trace or a value are pale blue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from seisproc.report.canvas import CHART_SIZE, MISSING, SIZE, WIDE, colour_bar, draw, legend, panel
from seisproc.report.sections import Cut
from seisproc.report.tables import number
from seisproc.schema import CODES, NONE, ClassSet

_TOPS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)

_TRACE = "#8a97a6"

FACIES_OPACITY = 0.62
"""Share of the class colour in a facies picture; the rest is the amplitude beneath."""


@dataclass(frozen=True)
class AmplitudeScale:
    """Grey scale of amplitude: symmetric about ``centre``, which is zero for seismic data.

    ``basis`` says what the 1st and 99th percentiles are of.
    """

    centre: float
    reach: float
    basis: str = "the survey"

    @classmethod
    def of(
        cls, percentiles: Mapping[str, float | None], basis: str = "the survey"
    ) -> AmplitudeScale:
        """Scale that reaches the percentiles ``"1"`` and ``"99"``, whichever is farther.

        Data of one sign, such as velocities or unsigned integers, are centred on their median,
        the percentile ``"50"``. Where a percentile is missing the scale reaches 1.
        """
        found = [percentiles.get(key) for key in ("1", "50", "99")]
        low, middle, high = (math.nan if value is None else float(value) for value in found)
        if not all(map(math.isfinite, (low, middle, high))):
            return cls(0.0, 1.0, basis)
        centre = 0.0 if low < 0 < high or low == high == 0 else middle
        return cls(centre, max(abs(low - centre), abs(high - centre)) or 1.0, basis)

    @classmethod
    def measured(cls, planes: Sequence[NDArray[Any]]) -> AmplitudeScale:
        """Scale from the planes that are to be drawn, for a store without statistics."""
        values = np.concatenate([np.empty(0), *(np.ravel(plane) for plane in planes)])
        values = values[np.isfinite(values)]
        measured = np.percentile(values, (1, 50, 99)) if len(values) else [math.nan] * 3
        named = dict(zip(("1", "50", "99"), map(float, measured), strict=True))
        return cls.of(named, "what is shown")

    def grey(self, amplitude: NDArray[Any]) -> NDArray[np.float64]:
        """Brightness in [0, 1]: 1 (white) for the lowest amplitude, 0 (black) for the highest."""
        scaled = (np.asarray(amplitude, dtype=np.float64) - self.centre) / self.reach
        return 0.5 - 0.5 * np.clip(np.nan_to_num(scaled), -1, 1)

    @property
    def note(self) -> str:
        """Polarity and clip, for the figure."""
        about = "" if self.centre == 0 else f" about {number(self.centre)}"
        return (
            f"High amplitude black, low white; clipped at ±{number(self.reach)}{about}"
            f" (percentiles 1 and 99 of {self.basis})"
        )


def plot_amplitude(
    cut: Cut, amplitude: NDArray[Any], live: NDArray[np.bool_], scale: AmplitudeScale
) -> Figure:
    """Picture of amplitude in grey, sections across the page.

    Parameters
    ----------
    cut : Cut
        The plane.
    amplitude : number (vertical, horizontal)
        ``cut.read`` of the seismic volume; non-finite values count as missing.
    live : bool (vertical, horizontal)
        ``cut.read_map`` of the live traces.
    scale : AmplitudeScale
        Clip, shared by all pictures of a survey.
    """
    size = SIZE if cut.kind == "slice" else WIDE
    figure, axes = panel(f"{cut.title}: amplitude", scale.note, size)
    _image(axes, cut, _grey_rgb(amplitude, live, scale))
    norm = Normalize(scale.centre - scale.reach, scale.centre + scale.reach)
    colour_bar(figure, ScalarMappable(norm, "gray_r"), "Amplitude")
    return figure


def plot_facies(
    cut: Cut,
    amplitude: NDArray[Any],
    live: NDArray[np.bool_],
    facies: NDArray[np.uint8],
    classes: ClassSet,
    scale: AmplitudeScale,
    what: str = "facies",
) -> Figure:
    """Picture of classes laid over grey amplitude, with a legend of their names.

    Parameters
    ----------
    facies : uint8 (vertical, horizontal)
        Class codes; 255 and codes that ``classes`` lacks stay grey.
    classes : ClassSet
        Codes, names, colours.
    what : str
        What the picture calls them, e.g. ``facies, labels truth``.
    cut, amplitude, live, scale
        As in :func:`plot_amplitude`.
    """
    figure, axes = panel(f"{cut.title}: {what}", "Class colours over amplitude; grey: no class")
    rgb = _grey_rgb(amplitude, live, scale)
    for item in classes:
        chosen = (facies == item.code) & live
        rgb[chosen] = _blend(rgb[chosen], item.colour)
    _image(axes, cut, rgb)
    # A legend shows the colour as it looks in the picture: over the mean grey.
    handles = [
        Patch(facecolor=_hex(_blend(np.full(3, 0.5), item.colour)), label=item.name)
        for item in classes
    ]
    legend(figure, handles)
    return figure


def plot_fault(
    cut: Cut,
    amplitude: NDArray[Any],
    live: NDArray[np.bool_],
    fault: NDArray[np.uint8],
    scale: AmplitudeScale,
    what: str = "fault probability",
) -> Figure:
    """Picture of fault probability over grey amplitude: the surer, the more opaque.

    Parameters
    ----------
    fault : uint8 (vertical, horizontal)
        Probability as ``round(p * 254)``; 255 is none.
    cut, amplitude, live, scale, what
        As in :func:`plot_facies`.
    """
    figure, axes = panel(f"{cut.title}: {what}", "Over amplitude; transparent below 0.1")
    # Half the contrast, and light: the faults are to stand out.
    rgb = 0.45 + 0.55 * _grey_rgb(amplitude, live, scale)
    rgb[~live] = to_rgb(MISSING)
    probability = unpack(fault)
    colours = mpl.colormaps["inferno"](_fault_tone(np.nan_to_num(probability)))[..., :3]
    opacity = np.where(live, np.clip((np.nan_to_num(probability) - 0.1) / 0.4, 0, 1), 0)[..., None]
    _image(axes, cut, (1 - opacity) * rgb + opacity * colours)
    levels = np.linspace(0, 1, 256)
    tone = mpl.colormaps["inferno"](_fault_tone(levels))
    fade = np.clip((levels - 0.1) / 0.4, 0, 1)[:, None]
    ramp = mpl.colors.ListedColormap((1 - fade) * np.array([0.725] * 3 + [1]) + fade * tone)
    colour_bar(figure, ScalarMappable(Normalize(0, 1), ramp), "Fault probability")
    return figure


def plot_uncertainty(
    cut: Cut, uncertainty: NDArray[np.uint8], live: NDArray[np.bool_], top: float, what: str
) -> Figure:
    """Picture of normalised uncertainty in cividis, from 0 to ``top``.

    Parameters
    ----------
    uncertainty : uint8 (vertical, horizontal)
        Packed as ``round(u * 254)``; 255 is none.
    top : float
        Upper end of the colours; shared by a report's pictures, see :func:`colour_top`.
    what : str
        E.g. ``facies uncertainty``.
    cut, live
        As in :func:`plot_amplitude`.
    """
    figure, axes = panel(
        f"{cut.title}: {what}", f"Normalised predictive entropy; colours end at {top:g}"
    )
    mappable = ScalarMappable(Normalize(0, top), "cividis")
    values = unpack(uncertainty)
    rgb = np.asarray(mappable.to_rgba(np.nan_to_num(values)))[..., :3]
    rgb[~live | np.isnan(values)] = to_rgb(MISSING)
    _image(axes, cut, rgb)
    colour_bar(figure, mappable, "Uncertainty", extend="max" if top < 1 else "neither")
    return figure


def plot_live(above: Cut, live: NDArray[np.bool_], cuts: Sequence[Cut] = ()) -> Figure:
    """Map of the live traces and of the lines that are pictured.

    Parameters
    ----------
    above : Cut
        Any slice: how to lay the map out.
    live : bool (vertical, horizontal)
        ``above.read_map`` of the live traces.
    cuts : sequence of Cut
        Sections to mark.
    """
    rgb = np.where(live[..., None], to_rgb(_TRACE), to_rgb(MISSING))
    figure, axes = panel("Live traces", "Lines: the sections in this report", CHART_SIZE)
    handles: list[Artist] = [
        Patch(facecolor=_TRACE, label="trace"), Patch(facecolor=MISSING, label="no trace")
    ]
    _image(axes, above, rgb)
    sections = [cut for cut in cuts if cut.kind != "slice"]
    for cut, colour in zip(sections, ("#D55E00", "#0072B2"), strict=False):
        level = (cut.kind == "inline") != above.turned
        line = axes.axhline if level else axes.axvline
        axis = above.vertical if level else above.horizontal
        place = cut.position if axis.even else int(np.argmin(np.abs(axis.values - cut.position)))
        handles.append(line(place, color=colour, linewidth=1.6, label=cut.title))
    legend(figure, handles)
    return figure


def plot_map(
    above: Cut,
    values: NDArray[np.floating[Any]],
    title: str,
    label: str,
    top: float,
    note: str = "Mean along each trace",
) -> Figure:
    """Map of one number a trace in cividis.

    Parameters
    ----------
    above : Cut
        Any slice: how to lay the map out.
    values : float (vertical, horizontal)
        ``above.read_map`` of the numbers; NaN for none.
    title, label, note : str
        Of the map, of its colour bar, and below the title.
    top : float
        Upper end of the colours.
    """
    figure, axes = panel(title, note)
    mappable = ScalarMappable(Normalize(0, top), "cividis")
    rgb = np.asarray(mappable.to_rgba(np.nan_to_num(values)))[..., :3]
    rgb[np.isnan(values)] = to_rgb(MISSING)
    _image(axes, above, rgb)
    colour_bar(figure, mappable, label)
    return figure


def unpack(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Packed uint8 to float32 in [0, 1], NaN where there is no value."""
    return np.where(codes == NONE, np.nan, codes / np.float32(CODES)).astype(np.float32)


def colour_top(value: float) -> float:
    """Upper end of a colour scale that shows ``value``: a round number, at most 1.

    >>> colour_top(0.34), colour_top(0.01), colour_top(1.0)
    (0.4, 0.05, 1.0)
    """
    return next((top for top in _TOPS if value <= top), 1.0)


def _grey_rgb(
    amplitude: NDArray[Any], live: NDArray[np.bool_], scale: AmplitudeScale
) -> NDArray[np.float64]:
    rgb = np.repeat(scale.grey(amplitude)[..., None], 3, axis=-1)
    rgb[~live | ~np.isfinite(amplitude)] = to_rgb(MISSING)
    return rgb


def _blend(rgb: NDArray[np.float64], colour: str) -> NDArray[np.float64]:
    return (1 - FACIES_OPACITY) * rgb + FACIES_OPACITY * np.array(to_rgb(colour))


def _hex(rgb: NDArray[np.float64]) -> str:
    red, green, blue = rgb.tolist()
    return to_hex((red, green, blue))


def _fault_tone(probability: NDArray[Any]) -> NDArray[Any]:
    # The ends of the map, black and pale yellow, would drown in the grey beneath.
    return 0.75 - 0.45 * probability


def _image(axes: Axes, cut: Cut, rgb: NDArray[np.float64]) -> None:
    upward = cut.kind == "slice"
    draw(axes, cut.horizontal, cut.vertical, rgb, upward, cut.cell_aspect)
