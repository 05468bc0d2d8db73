"""A contact sheet: many small sections on one picture, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seisproc.report.canvas import INK, png

_REACH = 2.5
"""Clip of unit-rms amplitude; high amplitude black."""

_EDGE = 1.9
"""Inches of a section's longer side."""


def contact_sheet(rows: Mapping[str, Sequence[NDArray[np.floating]]]) -> bytes:
    """Draw rows of sections under their titles, as PNG.

    Parameters
    ----------
    rows : mapping of str to sequence of ndarray
        Sections (trace, sample) of one shape, in unit rms.
    """
    columns = max(len(sections) for sections in rows.values())
    traces, samples = next(iter(rows.values()))[0].shape
    scale = _EDGE / max(traces, samples)
    wide, high = traces * scale + 0.08, samples * scale + 0.08
    figure = Figure(figsize=(columns * wide + 0.2, len(rows) * (high + 0.3)))
    width, height = figure.get_size_inches()
    for row, (title, sections) in enumerate(rows.items()):
        top = height - row * (high + 0.3) - 0.24
        figure.text(0.1 / width, (top + 0.07) / height, title, fontsize=9, color=INK)
        for column, section in enumerate(sections):
            axes = figure.add_axes((
                (0.1 + column * wide) / width, (top - samples * scale) / height,
                traces * scale / width, samples * scale / height,
            ))
            axes.imshow(section.T, cmap="gray_r", vmin=-_REACH, vmax=_REACH, aspect="auto")
            axes.set_axis_off()
    return png(figure)
