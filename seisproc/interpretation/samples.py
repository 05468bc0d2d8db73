"""Windows for networks, cut from a column of amplitude that is read once from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from seisproc.interpretation.memory import READ_AT_ONCE, samples_held
from seisproc.interpretation.pages import paged_zeros
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
    live : mapping of Area to bool (inline, crossline)
        The areas that are read, which share no trace, and which of their traces exist.
    """

    def __init__(
        self, plan: InterpretationPlan, survey: Survey, live: Mapping[Area, NDArray[np.bool_]]
    ) -> None:
        self._amplitude, self._live = survey.amplitude, live
        self._statistics = {"mean": plan.mean, "std": plan.std}
        self._window = max(
            lattice.window[2] for network in plan.networks for lattice in network.lattices
        )
        self._chunk = int(survey.amplitude.chunks[2])
        self._step = self._chunk * max(1, READ_AT_ONCE // self._chunk)
        self._depth = plan.shape[2]
        self._start, self._stop, self._wanted = 0, 0, 0
        self._held = samples_held(plan, self._chunk)
        self._values = {
            area: paged_zeros((*area.shape, self._held), np.float32) for area in live
        }

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
            for area, values in self._values.items():
                _cut_out(values, i - area.i_start, j - area.j_start, k - self._start, seismic)
        return out

    def move_to(self, start: int, stop: int) -> None:
        """Read on as far as the windows of the next slab reach; drop what none will see again."""
        # Windows at the end see what lies before it once more, mirrored.
        self._wanted = max(self._wanted, min(start, self._depth - self._window))
        self._read_to(stop + self._window)

    def _read_to(self, end: int) -> None:
        last = min(-(-end // self._chunk) * self._chunk, self._depth)  # whole chunks, each once
        if last <= self._stop:
            return
        self._make_room(last - max(self._start, self._wanted))
        if self._wanted > self._start:
            for values in self._values.values():
                shift_left(values, self._wanted - self._start)
            self._start = self._wanted
        for first in range(max(self._stop, self._start), last, self._step):
            stop = min(first + self._step, last)
            for a, values in self._values.items():
                amplitude = self._amplitude[a.i_start : a.i_stop, a.j_start : a.j_stop, first:stop]
                values[..., first - self._start : stop - self._start] = unit_rms(
                    np.asarray(amplitude), self._live[a], self._statistics
                )
        self._stop = last

    def _make_room(self, depth: int) -> None:
        """Hold more where a loaded network runs further ahead than its plan knows."""
        if depth > self._held:
            for area, held in self._values.items():
                self._values[area] = paged_zeros((*area.shape, depth), np.float32)
                self._values[area][..., : self._held] = held
            self._held = depth


def shift_left(values: NDArray[Any], by: int) -> None:
    """Move values of any shape along their last axis, in place, without a second array of them."""
    for plane in values.reshape(-1, *values.shape[-2:]):
        plane[:, : max(0, plane.shape[1] - by)] = plane[:, by:]


@numba.njit(nogil=True, cache=True)
def _cut_out(values, i_source, j_source, k_source, out):  # type: ignore[no-untyped-def]
    """Copy what of a window lies within the values."""
    for i in range(len(i_source)):
        if not 0 <= i_source[i] < values.shape[0]:
            continue
        for j in range(len(j_source)):
            if not 0 <= j_source[j] < values.shape[1]:
                continue
            line = values[i_source[i], j_source[j]]
            for k in range(len(k_source)):
                out[i, j, k] = line[k_source[k]]
