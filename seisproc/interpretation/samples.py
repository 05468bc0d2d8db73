"""Windows for networks, cut from a column of amplitude."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor

import numba
import numpy as np
from numpy.typing import NDArray

from seisproc.interpretation.column import Column
from seisproc.interpretation.memory import samples_held
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.regions import Area
from seisproc.interpretation.tiling import Lattice
from seisproc.sections.of_survey import SurveyContext
from seisproc.survey import Survey


class Samples:
    """Normalised amplitude around the slab under way.

    Parameters
    ----------
    plan : InterpretationPlan
    survey : Survey
        The plan's survey.
    live : mapping of Area to bool (inline, crossline)
        The areas that are read, which share no trace, and which of their traces exist.
    threads : Executor
        Of which one reads ahead.
    """

    def __init__(
        self,
        plan: InterpretationPlan,
        survey: Survey,
        live: Mapping[Area, NDArray[np.bool_]],
        threads: Executor,
    ) -> None:
        self._window = max(
            lattice.window[2] for network in plan.networks for lattice in network.lattices
        )
        self._depth = plan.shape[2]
        amplitude = survey.amplitude
        statistics = {"mean": plan.mean, "std": plan.std}
        held = samples_held(plan, int(amplitude.chunks[2]))
        self._column = Column(amplitude, live, statistics, held, threads)

    def windows(
        self,
        lattice: Lattice,
        counts: list[tuple[int, int, int]],
        context: SurveyContext | None = None,
    ) -> NDArray[np.float32]:
        """Cut out windows from the slab under way downwards, mirrored outside the survey.

        Returns float32 (window, inline, crossline, sample), or with a context (window, channel,
        inline, crossline, sample), the seismic first.
        """
        column = self._column
        column.read_to(max(k for _, _, k in counts) * lattice.stride[2] + lattice.window[2])
        channels = () if context is None else (1 + context.channels,)
        out = np.empty((len(counts), *channels, *lattice.window), np.float32)
        for n, count in enumerate(counts):
            i, j, k = (
                lattice.source(axis, count[axis] * lattice.stride[axis]) for axis in range(3)
            )
            seismic = out[n]
            if context is not None:
                seismic, out[n, 1:] = out[n, 0], context.of_window(i, j, k)
            for area, values in column.values.items():
                _cut_out(values, i - area.i_start, j - area.j_start, k - column.start, seismic)
        return out

    def move_to(self, start: int) -> None:
        """Begin the slab from this sample on: let go of what no window will see again."""
        # Windows at the end see what lies before it once more, mirrored.
        self._column.drop(min(start, self._depth - self._window))


@numba.njit(nogil=True, cache=True)
def _cut_out(values, i_source, j_source, k_source, out):  # type: ignore[no-untyped-def]
    """Copy what of a window lies within the values."""
    extent, first = len(k_source), k_source[0]
    whole = k_source[-1] - first == extent - 1  # steps of one at most: nothing is mirrored
    for i in range(len(i_source)):
        if not 0 <= i_source[i] < values.shape[0]:
            continue
        for j in range(len(j_source)):
            if not 0 <= j_source[j] < values.shape[1]:
                continue
            line, target = values[i_source[i], j_source[j]], out[i, j]
            if whole:
                part = line[first : first + extent]
                for k in range(extent):
                    target[k] = part[k]
            else:
                for k in range(extent):
                    target[k] = line[k_source[k]]
