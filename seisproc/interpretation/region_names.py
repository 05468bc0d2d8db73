"""What regions are called when something is said of them: by their lines, as interpreters do."""

from __future__ import annotations

import contextlib

from seisproc.errors import SeisprocError
from seisproc.grid import Grid
from seisproc.interpretation.handover import region_key
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.regions import Number
from seisproc.places import reaching
from seisproc.survey import Survey


class RegionNames:
    """Names the regions of a plan: their number, and their lines where these can be read.

    The lines are read before anything has failed: a store that is away would be in the way of a
    name too, and hold the run up for each.
    """

    def __init__(self, plan: InterpretationPlan) -> None:
        self._area = plan.regions.area
        self._grid: Grid | None = None
        with contextlib.suppress(SeisprocError, OSError), reaching(plan.store_url):
            self._grid = Survey(plan.store_url).grid

    def __call__(self, number: Number) -> str:
        """Name a region, e.g. ``2-0 (inlines 116 to 121, crosslines 500 to 507)``."""
        key, grid = region_key(number), self._grid
        if grid is None:
            return key
        area, inline, crossline = self._area(number), grid.inline, grid.crossline
        return (f"{key} (inlines {inline[area.i_start]} to {inline[area.i_stop - 1]}, "
                f"crosslines {crossline[area.j_start]} to {crossline[area.j_stop - 1]})")
