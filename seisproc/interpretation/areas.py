"""Which windows a region runs, over which traces they are summed, and which fill them.

Sections along both inlines and crosslines reach over a cross, and of the rectangle around it the
corners are most: 84 % where windows are five times as long as a region. So areas come apart, as
few that share no trace, and nothing is held or read of the corners::

            +------+
            |      |
     +------+------+------+
     |      the region    |      along inlines the first area, along crosslines two more
     +------+------+------+
            |      |
            +------+
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from seisproc.interpretation.parts import Part
from seisproc.interpretation.regions import Area, Number
from seisproc.interpretation.tiling import Lattice

if TYPE_CHECKING:
    from seisproc.interpretation.plan import InterpretationPlan, NetworkPlan

Ends = tuple[int, int]
"""The first trace along an axis, and the one after the last; equal where there is none."""


def windows_to_run(
    plan: InterpretationPlan, lattice: Lattice, number: Number, axis: int, part: Part | None = None
) -> slice:
    """Which windows a region, or a part of it, runs along an axis, as a range of their counts."""
    choose = plan.regions.owned if plan.hands_over else plan.regions.touching
    run = choose(lattice, number, axis)
    return part.of(lattice, run, axis) if part else run


def summed_areas(
    plan: InterpretationPlan, network: NetworkPlan, number: Number, part: Part | None = None
) -> list[Area]:
    """Find the traces over which sums of a network are kept.

    Those of a part: where its windows reach. Of a region that is not done in parts: its own, all of
    them within the first area, and where its windows reach unless its neighbours run these too.
    """
    return joined(*(summed_along(plan, network, number, axis, part) for axis in (0, 1)))


def summed_along(
    plan: InterpretationPlan, network: NetworkPlan, number: Number, axis: int, part: Part | None
) -> tuple[Ends, ...]:
    """Find for each lattice where its part of :func:`summed_areas` lies along an axis."""
    edge, extent = plan.regions.edge[axis], plan.shape[axis]
    own = number[axis] * edge, min((number[axis] + 1) * edge, extent)
    found = []
    for lattice in network.lattices:
        ends = [] if part else [own]
        if plan.hands_over and (origins := _first_and_last(plan, lattice, number, axis, part)):
            first, last = origins
            ends.append((first, min(last + lattice.window[axis], extent)))
        found.append(_hull(ends))
    return tuple(found)


def read_areas(plan: InterpretationPlan, number: Number, part: Part | None = None) -> list[Area]:
    """Find the traces that fill the windows of a region, or a part, mirrored ones included."""
    return joined(*(read_along(plan, number, axis, part) for axis in (0, 1)))


def read_along(
    plan: InterpretationPlan, number: Number, axis: int, part: Part | None
) -> tuple[Ends, ...]:
    """Find for each lattice where its part of :func:`read_areas` lies along an axis."""
    found = []
    for lattice in (each for network in plan.networks for each in network.lattices):
        origins = _first_and_last(plan, lattice, number, axis, part)
        sources = [lattice.source(axis, origin) for origin in origins]
        found.append(_hull([(int(each.min()), int(each.max()) + 1) for each in sources]))
    return tuple(found)


def _hull(ends: list[Ends]) -> Ends:
    return min((start for start, _ in ends), default=0), max((stop for _, stop in ends), default=0)


def joined(along_inline: Iterable[Ends], along_crossline: Iterable[Ends]) -> list[Area]:
    """Join rectangles, given by their ends along both axes, to areas that share no trace.

    The largest stays whole, and comes first; of the others stays what is not yet there.

    >>> cross = joined([(4, 6), (0, 9)], [(0, 9), (4, 6)])
    >>> [(area.i_start, area.i_stop, area.j_start, area.j_stop) for area in cross]
    [(4, 6, 0, 9), (0, 4, 4, 6), (6, 9, 4, 6)]
    """
    rectangles = [Area(*i, *j) for i, j in zip(along_inline, along_crossline, strict=True)]
    apart: list[Area] = []
    for rectangle in sorted(rectangles, key=lambda area: -area.size):
        left = [rectangle] if rectangle.size else []
        for area in apart:
            left = [rest for each in left for rest in each.without(each.intersection(area))]
        apart += left
    return apart


def _first_and_last(
    plan: InterpretationPlan, lattice: Lattice, number: Number, axis: int, part: Part | None
) -> tuple[int, ...]:
    """Where the first and the last window that is run begin along an axis; nothing if none is."""
    run = windows_to_run(plan, lattice, number, axis, part)
    step = lattice.stride[axis]
    return (run.start * step, (run.stop - 1) * step) if run.start < run.stop else ()
