"""Windows for networks, cut from a column of amplitude that is read once from top to bottom."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.regions import Area
from seisproc.interpretation.tiling import Lattice
from seisproc.normalise import unit_rms
from seisproc.sections.of_survey import SurveyContext
from seisproc.survey import Survey


class Samples:
    """Normalised amplitude around the slab under way.

    Parameters
    ----------
    plan : InterpretationPlan
    survey : Survey
        The plan's survey.
    live : bool (inline, crossline)
        Which traces of ``area`` exist.
    area : Area
        The traces that are read.
    """

    def __init__(
        self, plan: InterpretationPlan, survey: Survey, live: NDArray[np.bool_], area: Area
    ) -> None:
        self._amplitude, self._area = survey.amplitude, area
        self._statistics = {"mean": plan.mean, "std": plan.std}
        self._live = live
        self._margin = max(
            lattice.window[2] for network in plan.networks for lattice in network.lattices
        )
        self._chunk = int(survey.amplitude.chunks[2])
        self._depth = plan.shape[2]
        self._start, self._wanted = 0, 0
        self._values = np.zeros((*area.shape, 0), np.float32)

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
        self._read_to(max(k for _, _, k in counts) * lattice.stride[2] + lattice.window[2])
        channels = () if context is None else (1 + context.channels,)
        out = np.empty((len(counts), *channels, *lattice.window), np.float32)
        for n, count in enumerate(counts):
            i, j, k = (
                lattice.source(axis, count[axis] * lattice.stride[axis]) for axis in range(3)
            )
            seismic = out[n]
            if context is not None:
                seismic, out[n, 1:] = out[n, 0], context.of_window(i, j, k)
            i, j, k = i - self._area.i_start, j - self._area.j_start, k - self._start
            _cut_out(self._values, i, j, k, seismic)
        return out

    def move_to(self, start: int, stop: int) -> None:
        """Read on as far as the windows of the next slab reach; drop what none will see again."""
        # The last window of a column mirrors up to its own length, so that much stays.
        self._wanted = max(self._wanted, start - self._margin)
        self._read_to(stop + self._margin)

    def _read_to(self, end: int) -> None:
        last = min(-(-end // self._chunk) * self._chunk, self._depth)  # whole chunks, each once
        held = self._start + self._values.shape[-1]
        if last <= held:
            return
        a, start = self._area, max(self._start, self._wanted)
        first = max(held, start)
        amplitude = self._amplitude[a.i_start : a.i_stop, a.j_start : a.j_stop, first:last]
        fresh = unit_rms(np.asarray(amplitude), self._live, self._statistics)
        kept = self._values[..., start - self._start :]
        self._start, self._values = start, np.concatenate([kept, fresh], axis=-1)


@numba.njit(nogil=True, cache=True)
def _cut_out(values, i_source, j_source, k_source, out):  # type: ignore[no-untyped-def]
    for i in range(len(i_source)):
        for j in range(len(j_source)):
            line = values[i_source[i], j_source[j]]
            for k in range(len(k_source)):
                out[i, j, k] = line[k_source[k]]
