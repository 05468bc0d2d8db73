"""The amplitude of some traces as one column, read once from top to bottom, a step ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.interpretation.memory import READ_BYTES, read_step
from seisproc.interpretation.pages import paged_zeros
from seisproc.interpretation.regions import Area
from seisproc.normalise import unit_rms


class Column:
    """Normalised amplitude of some areas, from one sample down to another.

    While networks compute on what is there, a thread reads the next step into the room below it, so
    that they hardly ever wait for a disk or an object store.

    Parameters
    ----------
    amplitude : zarr.Array
        (inline, crossline, sample).
    live : mapping of Area to bool (inline, crossline)
        The areas, which share no trace, and which of their traces exist.
    statistics : mapping
        The survey's ``mean`` and ``std``.
    held : int
        Samples for which there is room.
    threads : Executor
        Of which one reads ahead.

    Attributes
    ----------
    values : dict of Area to float32 (inline, crossline, sample)
        The first sample is the survey's ``start``.
    start, stop : int
        What of the survey is there.
    """

    def __init__(
        self,
        amplitude: zarr.Array[Any],
        live: Mapping[Area, NDArray[np.bool_]],
        statistics: Mapping[str, float],
        held: int,
        threads: Executor,
    ) -> None:
        self._amplitude, self._live, self._statistics = amplitude, live, statistics
        self._depth, self._held = int(amplitude.shape[2]), held
        self._step = read_step(int(amplitude.chunks[2]))
        self.start, self.stop, self._wanted = 0, 0, 0
        self.values = {area: paged_zeros((*area.shape, held), np.float32) for area in live}
        self._threads = threads
        self._ahead: Future[int] | None = None

    def drop(self, above: int) -> None:
        """Let go of samples above this one; they are gone once there is to be room for others."""
        self._wanted = max(self._wanted, above)

    def read_to(self, end: int) -> None:
        """Have all samples above this one."""
        last = min(-(-end // self._step) * self._step, self._depth)  # whole steps, each once
        if last <= self.stop:
            return
        if self._ahead is not None:
            under_way = [self._ahead]
            self._ahead = None
            self.stop = under_way.pop().result()  # no name holds it, should it raise
        self._make_room(last - max(self.start, min(self._wanted, self.stop)))
        self._move_up()
        while self.stop < last:
            self.stop = self._read(self.stop)
        if self.stop < min(self.stop + self._step, self._depth) <= self.start + self._held:
            self._ahead = self._threads.submit(self._read, self.stop)

    def _read(self, first: int) -> int:
        """Read the step from a sample on; return where it ends."""
        stop = min(first + self._step, self._depth)
        for a, values in self.values.items():
            target, live = values[..., first - self.start : stop - self.start], self._live[a]
            for rows in self._bands(a):
                band = slice(a.i_start + rows.start, a.i_start + rows.stop)
                amplitude = np.asarray(self._amplitude[band, a.j_start : a.j_stop, first:stop])
                for inline, plane in zip(range(rows.start, rows.stop), amplitude, strict=True):
                    target[inline] = unit_rms(plane, live[inline], self._statistics)
        return stop

    def _bands(self, area: Area) -> Iterator[slice]:
        """Cut an area's inlines into bands, between chunks, that are read at a time."""
        row = 4 * area.shape[1] * self._step
        chunk = int(self._amplitude.chunks[0])
        edge = chunk * max(1, READ_BYTES // (row * chunk))
        start = area.i_start
        while start < area.i_stop:
            stop = min((start // edge + 1) * edge, area.i_stop)
            yield slice(start - area.i_start, stop - area.i_start)
            start = stop

    def _move_up(self) -> None:
        """Drop what is not wanted any more."""
        if (by := min(self._wanted, self.stop) - self.start) > 0:
            for values in self.values.values():
                shift_left(values, by)
            self.start += by

    def _make_room(self, depth: int) -> None:
        """Hold more where a loaded network runs further ahead than its plan knows."""
        if depth > self._held:
            for area, held in self.values.items():
                self.values[area] = paged_zeros((*area.shape, depth), np.float32)
                self.values[area][..., : self._held] = held
            self._held = depth


def shift_left(values: NDArray[Any], by: int) -> None:
    """Move values of any shape along their last axis, in place, without a second array of them."""
    for plane in values.reshape(-1, *values.shape[-2:]):
        plane[:, : max(0, plane.shape[1] - by)] = plane[:, by:]
