"""Fault sticks of surfaces: polylines on every n-th line, in sheets that can be joined again.

A surface is cut by the lines that it strikes across, inlines or crosslines, so that the cuts show
its dip. Where it branches, or has a hole from side to side, a line has several curves: each goes on
as the one on the next line that lies along it most, and becomes a sheet with a name of its own. So
every sheet has one stick a line, which is what whoever joins sticks expects. Lines are read a few
at a time; only curves are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.fault_surfaces.build import GROUP, VOLUME
from seisproc.fault_surfaces.curves import Curve, Trace, simplified, traces
from seisproc.fault_surfaces.linking import REACH
from seisproc.fault_surfaces.metric import Surface
from seisproc.survey import Survey

SLAB_BYTES = 64 << 20
"""Of numbers that are read at a time."""

LEAST_VOXELS = 40
"""Smaller sheets, splinters of a surface, are left out."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Sticks of one sheet of a surface.

    Attributes
    ----------
    surface, part : int
        Number of the surface; of its sheets, the largest is 0.
    sticks : tuple of float64 (n, 3)
        Nodes (inline, crossline, sample) in voxels, from line to line.
    size : int
        Steps of all its curves: some measure of its area in voxels.
    """

    surface: int
    part: int
    sticks: tuple[Curve, ...]
    size: int

    @property
    def name(self) -> str:
        """As it is called in files."""
        return f"fault {self.surface}" + (f" part {self.part + 1}" if self.part else "")


@dataclass
class _Open:
    """A sheet that may still go on."""

    kept: list[Trace]
    last: Trace
    size: int

    def grow(self, trace: Trace, spacing: int) -> None:
        self.last = trace
        self.size += len(trace.places)
        if trace.line % spacing == 0:
            self.kept.append(trace)

    def close(self) -> list[Trace]:
        return self.kept if self.kept[-1] is self.last else [*self.kept, self.last]


@dataclass
class _Sheets:
    """Sheets of all surfaces that are cut by lines of one direction."""

    spacing: int
    open: dict[int, list[_Open]] = field(default_factory=lambda: defaultdict(list))
    closed: dict[int, list[_Open]] = field(default_factory=lambda: defaultdict(list))

    def add(self, number: int, line: int, found: Sequence[Trace]) -> None:
        """Continue a surface's sheets by its curves on the next line, or begin new ones."""
        going: list[_Open] = []
        for each in self.open[number]:
            near = line - each.last.line <= REACH
            (going if near else self.closed[number]).append(each)
        matches = sorted(
            ((each.last.overlap(trace), -a, -b) for a, each in enumerate(going)
             for b, trace in enumerate(found)), reverse=True,
        )
        taken_sheets, taken_traces = set(), set()
        for overlap, a, b in matches:
            if overlap and -a not in taken_sheets and -b not in taken_traces:
                taken_sheets.add(-a)
                taken_traces.add(-b)
                going[-a].grow(found[-b], self.spacing)
        going += [_Open([trace], trace, len(trace.places))
                  for b, trace in enumerate(found) if b not in taken_traces]
        self.open[number] = going

    def finished(self, number: int) -> list[_Open]:
        return [*self.closed[number], *self.open[number]]


def draw_sticks(
    survey: Survey, run: str, surfaces: Sequence[Surface], spacing: int = 5
) -> list[Sheet]:
    """Draw sticks of a run's fault surfaces.

    Parameters
    ----------
    survey : Survey
        Its store, with ``fault_surfaces/<run>``.
    run : str
        The interpretation.
    surfaces : sequence of Surface
        Those to draw.
    spacing : int
        Lines from stick to stick; a sheet's first and last line have one in any case.

    Returns
    -------
    list of Sheet
        By surface, the largest sheet of each first. Splinters of fewer than LEAST_VOXELS voxels,
        or on a single line, are left out.
    """
    if spacing < 1:
        raise ConfigError("Lines from stick to stick", found=str(spacing), expected="1 or more")
    ways: tuple[dict[int, bool], dict[int, bool]] = ({}, {})
    for each in surfaces:
        i, j, k = np.abs(each.normal)
        ways[0 if j >= i else 1][each.number] = bool(k <= max(i, j))
    found = []
    for axis, chosen in enumerate(ways):
        sheets = _Sheets(spacing)
        for line, places in _lines(survey, run, axis) if chosen else ():
            for number, mine in places:
                if number in chosen:
                    sheets.add(number, line, traces(line, mine, chosen[number]))
        for number in chosen:
            whole = [each for each in sheets.finished(number)
                     if each.size >= LEAST_VOXELS and each.last.line > each.kept[0].line]
            whole.sort(key=lambda each: (-each.size, each.kept[0].line, each.kept[0].first))
            found += [
                Sheet(number, part, tuple(_stick(trace, axis) for trace in each.close()),
                      each.size)
                for part, each in enumerate(whole)
            ]
    return sorted(found, key=lambda sheet: (sheet.surface, sheet.part))


def _stick(trace: Trace, axis: int) -> Curve:
    """Nodes of a curve in the volume."""
    points = simplified(trace.points())
    return np.insert(points, axis, trace.line, axis=1)


def _lines(
    survey: Survey, run: str, axis: int
) -> Iterator[tuple[int, list[tuple[int, NDArray[np.int64]]]]]:
    """Yield each inline or crossline with the surfaces on it and their places (trace, sample)."""
    array = survey.array(f"{GROUP}/{run}/{VOLUME}")
    shape = array.shape
    line_bytes = 4 * array.size // max(1, shape[axis])
    edge = (array.shards or array.chunks)[axis]
    thick = int(min(edge, max(1, SLAB_BYTES // max(1, line_bytes))))
    for first in range(0, shape[axis], thick):
        index = [slice(None)] * 3
        index[axis] = slice(first, first + thick)
        slab = np.moveaxis(np.asarray(array[tuple(index)]), axis, 0)
        for offset, section in enumerate(slab):
            places = np.argwhere(section > 0)
            numbers = section[tuple(places.T)]
            order = np.argsort(numbers, kind="stable")
            cuts = np.flatnonzero(np.diff(numbers[order])) + 1
            yield first + offset, [
                (int(numbers[part[0]]), places[part])
                for part in np.split(order, cuts) if len(part)
            ]
