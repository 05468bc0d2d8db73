"""Fault surfaces on a map, and which way they strike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray

from seisproc.fault_surfaces.metric import Surface
from seisproc.fault_surfaces.sticks import Sheet
from seisproc.grid import Grid
from seisproc.report.canvas import INK, blank, dress
from seisproc.schema import DOMAINS

SIZE = (10.4, 5.2)
SECTORS = 18
"""Of a half circle: a surface strikes both ways."""


def draw_faults(
    title: str, surfaces: Sequence[Surface], sheets: Sequence[Sheet], grid: Grid
) -> Figure:
    """Draw sticks in map view, coloured by depth, lines through their middles, a rose of strikes.

    Parameters
    ----------
    title : str
        Of the picture.
    surfaces : sequence of Surface
        For the rose, weighted by their voxels.
    sheets : sequence of Sheet
        For the map.
    grid : Grid
        The survey's axes.
    """
    voxels = sum(each.voxels for each in surfaces)
    note = f"{len(surfaces)} surfaces, {voxels:,} voxels; sticks, and lines through their middles"
    figure = blank(title, note, SIZE, 0.07)
    axes = figure.add_axes((0.07, 0.15, 0.45, 0.74))
    shade = ScalarMappable(Normalize(float(grid.sample[0]), float(grid.sample[-1])), "cividis_r")
    lines = [np.asarray(axis, float) for axis in (grid.inline, grid.crossline, grid.sample)]
    for sheet in sheets:
        for stick in sheet.sticks:
            i, j, z = (np.interp(stick[:, n], np.arange(len(axis)), axis)
                       for n, axis in enumerate(lines))
            for a in range(len(stick) - 1):
                axes.plot(j[a : a + 2], i[a : a + 2], linewidth=0.8,
                          color=shade.to_rgba(0.5 * (z[a] + z[a + 1])))
        middles = np.array([_middle(stick) for stick in sheet.sticks])
        axes.plot(np.interp(middles[:, 1], np.arange(len(lines[1])), lines[1]),
                  np.interp(middles[:, 0], np.arange(len(lines[0])), lines[0]),
                  linewidth=1.8, color=INK, solid_capstyle="round")
    axes.set_xlim(lines[1].min() - 0.5, lines[1].max() + 0.5)
    axes.set_ylim(lines[0].min() - 0.5, lines[0].max() + 0.5)
    axes.set_xlabel("Crossline")
    axes.set_ylabel("Inline")
    dress(axes)
    bar = figure.colorbar(shade, cax=figure.add_axes((0.535, 0.15, 0.014, 0.74)))
    bar.ax.invert_yaxis()
    name = {"twt": "Two-way time", "depth": "Depth"}[grid.domain]
    bar.set_label(f"{name} ({DOMAINS[grid.domain]})", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK, length=3, width=0.6)
    _rose(figure, surfaces)
    return figure


def _middle(stick: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place halfway down a stick."""
    steps = np.linalg.norm(np.diff(stick, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    return np.array([np.interp(at[-1] / 2, at, stick[:, axis]) for axis in range(3)])


def _rose(figure: Figure, surfaces: Sequence[Surface]) -> None:
    known = [(each.strike_degrees % 180, each.voxels) for each in surfaces
             if each.strike_degrees is not None]
    if not known:
        figure.text(0.72, 0.5, "no coordinates:\nno strikes", fontsize=9, color=INK)
        return
    axes = figure.add_axes((0.67, 0.2, 0.3, 0.6), projection="polar")
    assert isinstance(axes, PolarAxes)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    strikes, voxels = np.array(known).T
    width = 180 / SECTORS
    weights, edges = np.histogram(strikes, SECTORS, (0, 180), weights=voxels)
    shares = weights / weights.sum()
    for turn in (0, 180):
        axes.bar(np.radians(edges[:-1] + width / 2 + turn), shares, np.radians(width),
                 color="#0072B2", edgecolor="white", linewidth=0.4)
    axes.set_xticks(np.radians([0, 90, 180, 270]), ["N", "E", "S", "W"])
    axes.set_yticks([])
    axes.tick_params(labelsize=9, colors=INK)
    axes.set_title("Strike, share of voxels", fontsize=9, color=INK)
