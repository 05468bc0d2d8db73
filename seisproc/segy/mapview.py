"""A picture of where the traces of a survey lie: on its line numbers, and on the map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, GeometryError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from seisproc.segy.scan import SegyScan

MOST_PIXELS = 1000
"""Cells of the raster along each axis; larger surveys are drawn as the share that is live."""

MOST_POINTS = 20_000
LABEL = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8}
INK, LIVE, MISSING, LINE = "#1f2933", "#0072B2", "#eef2f5", "#D55E00"


def draw_map(scan: SegyScan, path: str | Path) -> None:
    """Draw which cells hold a trace, and the outline of the survey with north up.

    Parameters
    ----------
    scan : SegyScan
        What :func:`seisproc.segy.scan.scan` found.
    path : path
        The picture, of a type that matplotlib writes: ``.png``, ``.pdf``, ``.svg``.

    Raises
    ------
    GeometryError
        If the traces have neither line numbers nor coordinates.
    ConfigError
        If nothing draws pictures of that type.
    """
    from matplotlib.figure import Figure

    gridded = scan.live.ndim > 1
    known = bool(np.isfinite(scan.cdp_x).any() and np.isfinite(scan.cdp_y).any())
    if not gridded and not known:
        raise GeometryError(
            f"{scan.name}: nothing to draw on a map",
            found="neither line numbers nor coordinates",
            do="Give --inline-byte and --crossline-byte, or --cdp-x-byte and --cdp-y-byte",
        )
    figure = Figure(figsize=(5.6 * (gridded + known), 5.2), layout="constrained", dpi=120)
    allowed = set(figure.canvas.get_supported_filetypes())
    kind = Path(path).suffix.lstrip(".").lower()
    if kind not in allowed:
        raise ConfigError(f"{path}: no picture of this type can be drawn", found=kind or "none",
                          expected=", ".join(sorted(allowed)), do="Write FILE.png")
    missing = f", {scan.missing_traces:,} cells without" if scan.missing_traces else ""
    figure.suptitle(f"{scan.name}: {scan.trace_count:,} traces{missing}", fontsize=11, color=INK)
    panels = list(figure.subplots(1, gridded + known, squeeze=False)[0])
    if gridded:
        _draw_cells(panels.pop(0), scan)
    if known:
        _draw_outline(panels.pop(0), scan)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw_cells(axes: Axes, scan: SegyScan) -> None:
    """Draw the share of live cells on line numbers: inlines upwards, crosslines to the right."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    fold = scan.live.reshape(*scan.live.shape[:2], -1)
    share, steps = shrunk(fold.mean(axis=2, dtype="float32"))
    rows, columns = fold.shape[:2]
    extent = (-0.5, columns - 0.5, -0.5, rows - 0.5)
    colours = LinearSegmentedColormap.from_list("live", [MISSING, LIVE])
    # "nearest", so that a single missing trace is not blurred away
    picture = axes.imshow(share, origin="lower", extent=extent, aspect="auto", cmap=colours,
                          vmin=0, vmax=1, interpolation="nearest")
    for axis, name in ((axes.xaxis, "crossline"), (axes.yaxis, "inline")):
        labels = scan.lattice.axes[name]
        axis.set_major_locator(MaxNLocator(6, integer=True))
        axis.set_major_formatter(FuncFormatter(lambda at, _, labels=labels: _label(labels, at)))
        axis.set_label_text(f"{name} number")
    if max(steps) > 1 or fold.shape[2] > 1:
        of = "traces of a gather" if fold.shape[2] > 1 else "cells"
        axes.figure.colorbar(picture, ax=axes, label=f"share of {of} with a trace", shrink=0.7)
    axes.set_title("cells with a trace", fontsize=9, color=INK)


def _label(labels: NDArray[np.integer], at: float) -> str:
    index = round(at)
    return str(labels[index]) if 0 <= index < len(labels) else ""


def shrunk(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Mean over blocks, so that neither axis has more than MOST_PIXELS; and the blocks' extents.

    >>> shrunk(np.ones((2500, 3), "float32"))[0].shape
    (834, 3)
    """
    steps = (-(-values.shape[0] // MOST_PIXELS), -(-values.shape[1] // MOST_PIXELS))
    for axis, step in enumerate(steps):
        starts = np.arange(0, values.shape[axis], step)
        sums = np.add.reduceat(values, starts, axis=axis)
        counts = np.diff([*starts, values.shape[axis]])
        values = sums / np.expand_dims(counts, 1 - axis)
    return values.astype("float32"), steps


def _draw_outline(axes: Axes, scan: SegyScan) -> None:
    """Draw the traces and the outline of the survey in eastings and northings, north up."""
    x, y = scan.cdp_x, scan.cdp_y
    units = "" if scan.coordinates.units == "unknown" else f" ({scan.coordinates.units})"
    if x.ndim == 1:
        axes.plot(x, y, color=LIVE, linewidth=1)
        at = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        axes.plot(x[at[0]], y[at[0]], "o", color=LINE, markersize=5, label="first trace")
        axes.legend(fontsize=8, loc="best")
    else:
        _draw_area(axes, x, y, scan)
    axes.set_aspect("equal", adjustable="datalim")
    axes.ticklabel_format(style="plain", useOffset=False)
    axes.tick_params(labelsize=8)
    for label in axes.get_xticklabels():
        label.set_rotation(30)
    axes.set_xlabel(f"easting{units}")
    axes.set_ylabel(f"northing{units}")
    axes.margins(0.12)
    axes.annotate("N", (0.96, 0.98), (0.96, 0.86), xycoords="axes fraction", ha="center",
                  arrowprops={"arrowstyle": "-|>", "color": INK}, color=INK, fontsize=10)
    axes.set_title(scan.crs or "no reference system named", fontsize=9, color=INK)


def _draw_area(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], scan: SegyScan
) -> None:
    known = np.isfinite(x) & np.isfinite(y)
    step = max(1, int(np.sqrt(known.sum() / MOST_POINTS)))
    some = known[::step, ::step]
    size = float(np.clip(60 / np.sqrt(known.sum()), 0.3, 3))
    axes.plot(x[::step, ::step][some], y[::step, ::step][some], "o", markersize=size,
              markeredgewidth=0, color=LIVE)
    around = outline(known)
    axes.plot(x[around], y[around], color=LIVE, linewidth=1.2)
    for name, across in (("inline", 1), ("crossline", 0)):
        labels = scan.lattice.axes[name]
        lines = np.flatnonzero(known.any(axis=across))
        for line in dict.fromkeys((int(lines[0]), int(lines[-1]))):
            along = np.flatnonzero(known.take(line, axis=1 - across))
            middle = int(along[len(along) // 2])
            cell = (line, middle) if across else (middle, line)
            axes.annotate(f"{name} {labels[line]}", (x[cell], y[cell]), fontsize=7.5, color=INK,
                          ha="center", va="center", bbox=LABEL)


def outline(known: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cells around an area: up along each inline's first, back along its last, closed.

    >>> [index.tolist() for index in outline(np.ones((2, 3), bool))]
    [[0, 1, 1, 0, 0], [0, 0, 2, 2, 0]]
    """
    rows = np.flatnonzero(known.any(axis=1))
    first = known.argmax(axis=1)[rows]
    last = known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)[rows]
    return (
        np.concatenate([rows, rows[::-1], rows[:1]]),
        np.concatenate([first, last[::-1], first[:1]]),
    )
