"""Sheets of many small labelled sections: what a store of training data looks like at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from seisproc.report.canvas import INK, png
from seisproc.report.plots import AmplitudeScale
from seisproc.schema import ClassSet

REACH = 2.5
"""Clip of unit-rms amplitude."""

OPACITY = 0.55
"""Share of a class colour; the rest is the amplitude beneath."""

EDGE = 1.9
"""Inches of a section's longer side."""

Image = NDArray[np.float64]
"""RGB in [0, 1], (sample, trace, 3)."""


def painted(
    seismic: NDArray[np.floating], label: NDArray[np.uint8] | None = None, classes: ClassSet = ()
) -> Image:
    """Draw a section in grey, high amplitude black, with its classes over it.

    Parameters
    ----------
    seismic : float (trace, sample)
        In unit rms.
    label : uint8 (trace, sample), optional
        Codes; those that ``classes`` lacks, 255 among them, stay grey.
    classes : ClassSet
        Codes and colours to paint.
    """
    grey = AmplitudeScale(0.0, REACH).grey(seismic.T)
    image: Image = np.repeat(grey[..., None], 3, axis=-1)
    for entry in classes if label is not None else ():
        chosen = np.asarray(label).T == entry.code
        image[chosen] = (1 - OPACITY) * image[chosen] + OPACITY * np.array(to_rgb(entry.colour))
    return image


def sheet(
    title: str,
    captions: Sequence[str],
    rows: Mapping[str, Sequence[Image]],
    classes: ClassSet,
) -> bytes:
    """Lay sections out in rows under their captions, with a legend below, as PNG.

    Parameters
    ----------
    title : str
        Of the sheet.
    captions : sequence of str
        Of each column.
    rows : mapping of str to sequence of images
        Images of one shape, as many in each row as there are captions.
    classes : ClassSet
        What the colours mean.
    """
    samples, traces = next(iter(rows.values()))[0].shape[:2]
    scale = EDGE / max(samples, traces)
    wide, high = traces * scale, samples * scale
    gap, left, top, bottom = 0.08, 0.3, 0.62, 0.62 if classes else 0.1
    width = max(5.6, left + len(captions) * (wide + gap) + 0.1)
    height = top + len(rows) * (high + gap) + bottom
    figure = Figure(figsize=(width, height))
    figure.text(left / width, 1 - 0.24 / height, title, fontsize=11, fontweight="bold", color=INK)
    for column, caption in enumerate(captions):
        x = left + column * (wide + gap)
        y = height - top + 0.06
        figure.text(x / width, y / height, caption, fontsize=7, color=INK)
    for row, (name, images) in enumerate(rows.items()):
        y = height - top - (row + 1) * high - row * gap
        middle = (y + high / 2) / height
        figure.text(0.08 / width, middle, name, fontsize=8, color=INK, rotation=90, va="center")
        for column, image in enumerate(images):
            x = left + column * (wide + gap)
            axes = figure.add_axes((x / width, y / height, wide / width, high / height))
            axes.imshow(np.clip(image, 0, 1), aspect="auto", interpolation="auto")
            axes.set_axis_off()
    handles = [Patch(facecolor=entry.colour, label=entry.name) for entry in classes]
    if handles:
        figure.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(left / width, 0.02), fontsize=8,
            ncol=min(len(handles), max(1, int(width / 1.7))), frameon=False, labelcolor=INK,
            handlelength=1.2, borderpad=0, columnspacing=1.2,
        )
    return png(figure)
