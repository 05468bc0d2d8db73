"""A region's windows in parts, one after the other, where all at a time would take much memory.

Each section lies within one inline or one crossline. So a region may run those of some inlines
down to the bottom, then those of the next, and then the crosslines: it holds sums and amplitude of
a narrow strip. The sums of each part are handed over by themselves, those for the region itself
too, and are added up when it is finished::

                      |  |                part "along1-32-48" sees 16 of the region's
      +----------+----+--+----+---+       crosslines, as far as its windows reach
    --+----------+----+--+----+---+--
    --+----------+----+--+----+---+--     part "along0-16-32": 16 of its inlines
      +----------+----+--+----+---+
                      |  |

Nothing is run or read twice but chunks of amplitude that are thicker than a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seisproc.interpretation.tiling import Lattice

if TYPE_CHECKING:
    from seisproc.interpretation.plan import InterpretationPlan

THINNEST = 8
"""Sections of a part at the least."""


@dataclass(frozen=True)
class Part:
    """Some of a region's windows.

    Attributes
    ----------
    axis : int or None
        Sections that are one trace thick along this axis; None: windows of volumes.
    start, stop : int
        Which of the region's sections, counted from its first.
    """

    axis: int | None
    start: int = 0
    stop: int = 0

    def __str__(self) -> str:
        return "volumes" if self.axis is None else f"along{self.axis}-{self.start}-{self.stop}"

    def of(self, lattice: Lattice, run: slice, axis: int) -> slice:
        """Which windows are its own of those that a region runs along an axis."""
        if thin_along(lattice) != self.axis:
            return slice(run.start, run.start)
        if axis != self.axis:
            return run
        stop = min(run.start + self.stop, run.stop)
        return slice(min(run.start + self.start, stop), stop)


def thin_along(lattice: Lattice) -> int | None:
    """Along which axis windows are sections, one trace thick; None if they are volumes."""
    return next((axis for axis in (0, 1) if lattice.window[axis] == 1), None)


def in_parts(plan: InterpretationPlan, thickness: int) -> tuple[Part, ...]:
    """Cut a region's windows into parts of so many sections; those of volumes are one."""
    axes = {thin_along(lattice) for network in plan.networks for lattice in network.lattices}
    found = [Part(None)] if None in axes else []
    for axis in (0, 1):
        edge = plan.regions.edge[axis] if axis in axes else 0
        found += [
            Part(axis, start, min(start + thickness, edge)) for start in range(0, edge, thickness)
        ]
    return tuple(found)
