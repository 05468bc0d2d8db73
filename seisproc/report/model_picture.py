"""What a model says of patches that it did not learn from, beside what is true: a card's picture.

Each row is a section: the seismic, its truth, what the model says, how sure it is. Cubes show the
lateral section in which the truth varies most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from seisproc.report.canvas import INK, png
from seisproc.report.overlays import OPACITY, REACH, Image, painted
from seisproc.report.plots import colour_top
from seisproc.schema import NONE, ClassSet

MOST = 4
"""Patches of a picture."""

_EDGE, _GAP, _LEFT, _TOP, _BELOW = 1.75, 0.08, 0.12, 0.62, 0.95
"""Longer side of a section, and margins, in inches."""

_FROM = 0.1
"""Fault probability below which nothing is painted."""


@dataclass(frozen=True, eq=False)
class Told:
    """A patch, its truth and what a model says of it.

    Attributes
    ----------
    seismic : float32 ([inline,] trace, sample), unit-rms amplitude
    truth : uint8, of the same shape
        Class codes, or 0 and 1 for faults; 255 is not labelled.
    probability : float32 (class, [inline,] trace, sample)
        One channel for faults.
    """

    seismic: NDArray[np.float32]
    truth: NDArray[np.uint8]
    probability: NDArray[np.float32]

    def section(self) -> Told:
        """Take of a cube the lateral section whose truth varies most; a section is itself.

        >>> cube = np.zeros((3, 4, 5), np.uint8); cube[1, 2] = 1; cube[1, 0] = 1
        >>> Told(cube.astype("f4"), cube, cube[None].astype("f4")).section().truth.sum()
        np.uint64(10)
        """
        if self.seismic.ndim == 2:
            return self
        spread = [_mixture(np.moveaxis(self.truth, axis, 0)) for axis in (0, 1)]
        axis = int(spread[1].max() > spread[0].max())
        place = int(spread[axis].argmax())
        seismic, truth = (np.take(each, place, axis) for each in (self.seismic, self.truth))
        return Told(seismic, truth, np.take(self.probability, place, axis + 1))

    def uncertainty(self) -> NDArray[np.float32]:
        """Predictive entropy over that of knowing nothing, float32 in [0, 1] of the patch's shape.

        >>> even = np.full((1, 2, 2), 0.5, np.float32)
        >>> float(Told(even[0], even[0].astype("u1"), even).uncertainty().min())
        1.0
        """
        p = self.probability
        if len(p) == 1:
            p = np.concatenate([p, 1 - p])
        p = np.clip(p, 1e-12, 1)
        entropy = -(p * np.log(p)).sum(axis=0) / math.log(len(p))
        return np.clip(entropy, 0, 1).astype(np.float32)


def _mixture(planes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How mixed the classes of each plane are: chance that two labelled voxels differ."""
    codes = [code for code in np.unique(planes) if code != NONE]
    counts = np.array([(planes == code).sum(axis=(1, 2)) for code in codes], np.float64)
    shares = counts / np.maximum(1, counts.sum(axis=0))
    mixture: NDArray[np.float64] = shares.sum(axis=0) - np.square(shares).sum(axis=0)
    return mixture


def most_telling(truths: Sequence[NDArray[np.uint8]], count: int = MOST) -> list[int]:
    """Pick patches evenly from those with more than one class, or from all where none has."""
    varied = [n for n, truth in enumerate(truths) if len(set(np.unique(truth)) - {NONE}) > 1]
    pool = varied or list(range(len(truths)))
    places = np.linspace(0, len(pool) - 1, min(count, len(pool))).round().astype(int)
    return [pool[place] for place in dict.fromkeys(places.tolist())]


def draw_model(title: str, told: Sequence[Told], classes: ClassSet) -> bytes:
    """Draw what a model says of patches, as PNG.

    Parameters
    ----------
    title : str
        Of the picture.
    told : sequence of Told
        At most :data:`MOST` are drawn; all of one shape.
    classes : ClassSet
        Codes, names and colours; two of a fault model.
    """
    sections = [each.section() for each in told[:MOST]]
    fault = len(sections[0].probability) == 1
    shown = classes[1:] if fault else classes
    top = colour_top(float(max(np.quantile(each.uncertainty(), 0.99) for each in sections)))
    traces, samples = sections[0].seismic.shape
    wide, high = (extent * _EDGE / max(traces, samples) for extent in (traces, samples))
    width = max(4 * (wide + _GAP) + 2 * _LEFT, 5.6)
    height = _TOP + len(sections) * (high + _GAP) + _BELOW
    figure = Figure(figsize=(width, height))
    figure.text(_LEFT / width, 1 - 0.26 / height, title, fontsize=11, fontweight="bold", color=INK)
    headings = ("Seismic", "Truth", "Fault probability" if fault else "Most probable",
                "Uncertainty")
    step = (width - 2 * _LEFT) / 4
    for column, heading in enumerate(headings):
        x = (_LEFT + column * step) / width
        figure.text(x, 1 - (_TOP - 0.08) / height, heading, fontsize=8.5, color=INK)
    for row, each in enumerate(sections):
        y = (height - _TOP - (row + 1) * high - row * _GAP) / height
        for column, image in enumerate(_images(each, shown, fault, top)):
            x = (_LEFT + column * step) / width
            axes = figure.add_axes((x, y, wide / width, high / height))
            axes.imshow(np.clip(image, 0, 1), aspect="auto", interpolation="auto")
            axes.set_axis_off()
    _explain(figure, shown, fault, top, step, wide)
    return png(figure)


def _images(told: Told, shown: ClassSet, fault: bool, top: float) -> list[Image]:
    """Four images (sample, trace, 3): seismic, truth, what the model says, how sure it is."""
    said = (
        _probability(told.seismic, told.probability[0])
        if fault
        else painted(told.seismic, told.probability.argmax(axis=0).astype(np.uint8), shown)
    )
    doubt: Image = np.asarray(
        mpl.colormaps["cividis"](Normalize(0, top)(told.uncertainty().T)), np.float64
    )[..., :3]
    return [painted(told.seismic), painted(told.seismic, told.truth, shown), said, doubt]


def _probability(seismic: NDArray[np.float32], probability: NDArray[np.float32]) -> Image:
    """Fault probability over pale amplitude: the surer, the more opaque."""
    pale = 0.45 + 0.55 * painted(seismic)
    opacity = np.clip((probability.T - _FROM) / 0.4, 0, 1)[..., None]
    image: Image = (1 - opacity) * pale + opacity * _tone(probability.T)
    return image


def _tone(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    # The ends of the map, black and pale yellow, would drown in the grey beneath.
    tones = mpl.colormaps["inferno"](0.75 - 0.45 * np.asarray(probability, np.float64))
    return np.asarray(tones, np.float64)[..., :3]


def _explain(
    figure: Figure, shown: ClassSet, fault: bool, top: float, step: float, wide: float
) -> None:
    """Say below the sections what the colours mean, and how they lie."""
    width, height = figure.get_size_inches()
    levels = np.linspace(0, 1, 256)
    fade = np.clip((levels - _FROM) / 0.4, 0, 1)[:, None]
    ramp = ListedColormap((1 - fade) * np.array([0.725] * 3) + fade * _tone(levels))
    bars = [(2, Normalize(0, 1), ramp)] if fault else []
    for column, norm, colours in (*bars, (3, Normalize(0, top), mpl.colormaps["cividis"])):
        place = ((_LEFT + column * step) / width, 0.72 / height, wide / width, 0.09 / height)
        bar = figure.colorbar(
            ScalarMappable(norm, colours), cax=figure.add_axes(place), orientation="horizontal",
            extend="max" if column == 3 and top < 1 else "neither",
        )
        bar.ax.tick_params(labelsize=7, colors=INK, length=2, width=0.5)
        bar.outline.set_linewidth(0.4)
    handles = [
        Patch(facecolor=_over_grey(entry.colour), label=entry.name) for entry in shown
    ]
    figure.legend(
        handles=handles, loc="upper left", fontsize=7, frameon=False, labelcolor=INK,
        bbox_to_anchor=((_LEFT + (step if fault else 0)) / width, 0.88 / height),
        ncol=1 if fault else min(len(shown), 3), handlelength=1.1, borderpad=0, columnspacing=1.0,
    )
    note = (
        "Validation patches, evenly picked from those with more than one class. Traces run across,"
        f" time or depth down.\nHigh amplitude black, clipped at ±{REACH:g} rms."
        " Uncertainty: predictive entropy, 1 is knowing nothing."
    )
    figure.text(_LEFT / width, 0.08 / height, note, fontsize=6.5, color="#52606d", wrap=True)


def _over_grey(colour: str) -> str:
    """Mix a colour the way it looks over the mean grey."""
    red, green, blue = ((1 - OPACITY) * 0.5 + OPACITY * part for part in to_rgb(colour))
    return to_hex((red, green, blue))
