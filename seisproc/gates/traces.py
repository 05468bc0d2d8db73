"""Every trace of a survey looked at once, in boxes of whole traces: dead, constant, clipped."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from seisproc.gates.measures import Measure
from seisproc.gates.trace_kernels import (
    CLIPPED,
    COARSE,
    COLUMNS,
    CONSTANTS,
    EXTREME,
    FINITE,
    INNER,
    NEXT,
    NONFINITE,
    look_at_traces,
)
from seisproc.grid import Lattice
from seisproc.passes import result_of
from seisproc.survey import STATISTICS, Survey
from seisproc.volume import map_bounded, tiles

if TYPE_CHECKING:
    from distributed import Client

BOX_BYTES = 64 << 20
"""Most bytes of amplitude, as float64, that one box holds."""

DEAD = 1 << 7

Cells = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class TraceCounts:
    """What :func:`seisproc.gates.trace_kernels.look_at_traces` counts, in all and by trace.

    Attributes
    ----------
    live : bool (inline, crossline)
        Where a trace exists.
    odd : uint8 (inline, crossline)
        What a trace has any of, as bits: :data:`DEAD` and ``1 << column`` of the counts.
    total : int64 (columns,)
        Samples of all traces.
    """

    live: NDArray[np.bool_]
    odd: NDArray[np.uint8]
    total: NDArray[np.int64]


def count_traces(
    survey: Survey,
    client: Client | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> TraceCounts:
    """Look at every trace of a survey of any kind, once.

    Two bytes a trace are held here, and a box of amplitude where the box is done.

    Raises
    ------
    IncompleteError
        If a box cannot be read.
    """
    live = np.asarray(survey.live, bool)
    odd, total = np.zeros(live.shape, np.uint8), np.zeros(COLUMNS, np.int64)
    array = survey.amplitude
    cut = cut_laterally(array.shape, array.chunks, BOX_BYTES // 8)
    count = partial(_count_box, survey.url, _extremes(survey))
    for done, outcome in enumerate(map_bounded(count, cut, client), 1):
        failed = f"{survey.url}: measuring failed at trace {_first(outcome.item)}"
        counted, odd[outcome.item] = result_of(outcome, failed)
        total += counted
        if on_progress:
            on_progress(done, len(cut))
    return TraceCounts(live, odd, total)


def cut_laterally(
    shape: tuple[int, ...], chunks: tuple[int, ...], most_samples: int
) -> list[Cells]:
    """Cut the lateral axes along chunks: boxes of whole traces with at most so many samples.

    >>> len(cut_laterally((5, 4, 100), (4, 4, 50), 800))
    4
    """
    edges = [int(edge) for edge in chunks[:-1]]
    while math.prod(edges) * shape[-1] > most_samples and max(edges) > 1:
        widest = len(edges) - 1 - edges[::-1].index(max(edges))
        edges[widest] = -(-edges[widest] // 2)
    return tiles(shape[:-1], tuple(edges))


def _extremes(survey: Survey) -> tuple[float, float]:
    """Lowest and highest amplitude as ingest found them; NaN where it did not."""
    told = survey.amplitude.attrs.get(STATISTICS)
    told = told if isinstance(told, dict) else {}
    return float(told.get("min", math.nan)), float(told.get("max", math.nan))


def _count_box(
    url: str, extremes: tuple[float, float], cells: Cells
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    survey = Survey(url)
    live = np.asarray(survey.array("live")[cells], bool)
    if not live.any():
        return np.zeros(COLUMNS, np.int64), np.zeros(live.shape, np.uint8)
    values = np.asarray(survey.amplitude[cells])
    counts, dead = look_at_traces(
        values.reshape(-1, values.shape[-1]).astype(_working(values.dtype), copy=False),
        live.ravel(), rest_of(values.dtype), COARSE if values.dtype.kind in "iu" else 0.0,
        *extremes,
    )
    odd = ((counts > 0) << np.arange(COLUMNS)).sum(axis=1) | dead.astype(int) * DEAD
    return counts.sum(axis=0, dtype=np.int64), odd.astype(np.uint8).reshape(live.shape)


def _working(dtype: np.dtype[Any]) -> str:
    """Float that holds every value of a dtype: float32 wherever that does."""
    return "float32" if np.can_cast(dtype, "float32") else "float64"


def rest_of(dtype: np.dtype[Any]) -> float:
    """Amplitude of silence: 0, or the middle of whole numbers without a sign.

    >>> rest_of(np.dtype("int16")), rest_of(np.dtype("uint8"))
    (0.0, 128.0)
    """
    return float(1 << (8 * dtype.itemsize - 1)) if dtype.kind == "u" else 0.0


def trace_measures(found: TraceCounts, lattice: Lattice) -> list[Measure]:
    """Turn the counts into shares, and say where most of it is."""
    traces = int(found.live.sum())
    if not traces:
        return [Measure(name, None, "no trace at all") for name in ("dead_traces", *_COLUMNS)]
    dead = found.odd & DEAD > 0
    told = f"{int(dead.sum()):,} of {traces:,} traces{_where(dead, lattice)}"
    measures = [Measure("dead_traces", int(dead.sum()) / traces, told)]
    inner = int(found.total[INNER])
    of = {"nonfinite_samples": int(found.total[[FINITE, NONFINITE]].sum())}
    for name, columns in _COLUMNS.items():
        count, whole = int(found.total[columns].sum()), of.get(name, inner)
        if name == "clipped_samples":
            count = _clipped(found.total)
        if not whole:
            measures.append(Measure(name, None, "every trace is dead"))
            continue
        told = f"{count:,} of {whole:,} samples"
        if count:
            some = found.odd & sum(1 << column for column in columns) > 0
            told += f", in {int(some.sum()):,} traces{_where(some, lattice)}"
        measures.append(Measure(name, count / whole, told))
    return measures


_COLUMNS = {
    "nonfinite_samples": [NONFINITE],
    "constant_samples": [CONSTANTS],
    "clipped_samples": [CLIPPED, EXTREME],
}
"""Measure -> what is added up."""


def _clipped(total: NDArray[np.int64]) -> int:
    """Flat tops, and extremes of the survey beyond one each, or as many as the next codes have."""
    return int(total[CLIPPED]) + max(0, int(total[EXTREME]) - max(2, int(total[NEXT])))


def _where(flagged: NDArray[np.bool_], lattice: Lattice) -> str:
    """Name the lines of the largest group of neighbouring traces."""
    if not flagged.any():
        return ""
    groups, number = label(flagged, np.ones((3,) * flagged.ndim))
    sizes = np.bincount(groups.ravel())[1:]
    place = find_objects(groups)[int(sizes.argmax())]
    told = [
        f"{name} {labels[cut][0]}" + (f"-{labels[cut][-1]}" if cut.stop - cut.start > 1 else "")
        for (name, labels), cut in zip(lattice.axes.items(), place, strict=True)
    ]
    many = f", the most in one place {int(sizes.max()):,}" if number > 1 else ""
    return f"{many}: {', '.join(told)}"


def _first(cells: Cells) -> str:
    return ", ".join(str(cut.start) for cut in cells)
