"""Whether the events that labels were picked on still lie where they lay, in newer samples.

A survey that is delivered again may have been processed anew: with other statics or velocities its
events lie at other times, and labels at the old times would teach a network what is not there.
Line numbers and coordinates do not tell; the samples do. Labelled traces of both stores are
correlated: what is the same but for gain, noise or filters has its maximum at no shift.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate, correlation_lags

from seisproc.errors import GeometryError
from seisproc.survey import Survey

TRACES = 64
"""Labelled traces that are compared at least, where there are as many, spread over all."""

LEAST_ALIKE = 0.3
"""Correlation below which samples are those of another volume. Of F3, filtered below 30 Hz, or to
15 to 60 Hz, or with automatic gain, it is 0.79 to 0.99, without a shift."""

MOST_SHIFT = 0.5
"""Samples by which events may be shifted: labels are no finer."""


@dataclass(frozen=True)
class Likeness:
    """How like newer samples are to older ones: correlation in [-1, 1] at a shift in samples."""

    correlation: float
    shift: float


def likeness(old: NDArray[np.floating], new: NDArray[np.floating]) -> Likeness | None:
    """Correlate traces of two volumes, all together.

    Parameters
    ----------
    old, new : float (trace, sample)
        The same traces at the same samples. Means are taken off, NaN counts as that.

    Returns
    -------
    The strongest correlation of either sign and the shift of the new ones, positive where they come
    later, between samples by a parabola. None where one of them is constant.
    """
    ours, theirs = (_centred(each) for each in (new, old))
    energy = float(np.sqrt((ours**2).sum() * (theirs**2).sum()))
    if not energy > 0:
        return None
    found = sum(correlate(a, b, mode="full") for a, b in zip(ours, theirs, strict=True)) / energy
    lags = correlation_lags(ours.shape[1], theirs.shape[1], mode="full")
    at = int(np.abs(found).argmax())
    return Likeness(float(found[at]), float(lags[at]) + _between(np.abs(found), at))


def require_same_events(
    old: Survey, new: Survey, labelled: NDArray[np.bool_], places: tuple[NDArray[np.int64], ...],
    what: str,
) -> None:
    """Refuse labels under which a newer store has other samples.

    Parameters
    ----------
    old, new : Survey
        The labels' store and the finished one that replaces it.
    labelled : bool, of the old store's lateral shape
        Traces with labels.
    places : tuple of int64
        For each axis of the old store, indices into the new one's; -1 where there is none.
    what : str
        Name of the labels.

    Raises
    ------
    GeometryError
        If the new samples are shifted along the traces, or are those of another volume.
    """
    traces = np.argwhere(labelled)
    traces = traces[:: max(1, len(traces) // TRACES)]
    here = np.flatnonzero(places[-1] >= 0)
    theirs, ours = [], []
    for trace in traces:
        cell = [axis[index] for axis, index in zip(places, trace, strict=False)]
        theirs.append(_samples(old, trace, here))
        ours.append(_samples(new, cell, places[-1][here]))
    found = likeness(np.stack(theirs), np.stack(ours)) if len(traces) else None
    if found is None:
        return
    shift, unit = found.shift * old.lattice.step, "m" if old.lattice.domain == "depth" else "ms"
    if abs(found.correlation) < LEAST_ALIKE:
        raise GeometryError(
            f"{what} was picked on other samples than the new ones",
            found=f"a correlation of {found.correlation:.2f} at {len(traces)} labelled traces",
            expected=f"{LEAST_ALIKE} or more",
        )
    if abs(found.shift) > MOST_SHIFT:
        raise GeometryError(
            f"{what} would lie beside the events that it was picked on",
            found=f"new samples are shifted by {shift:+.1f} {unit} (correlation "
            f"{found.correlation:.2f} at {len(traces)} labelled traces)",
            expected=f"at most {MOST_SHIFT * old.lattice.step:g} {unit}",
        )


def _samples(
    survey: Survey, cell: Iterable[int], samples: NDArray[np.int64]
) -> NDArray[np.float64]:
    part = slice(int(samples[0]), int(samples[-1]) + 1)
    at: tuple[Any, ...] = (*map(int, cell), part)
    read = np.asarray(survey.amplitude[at], "float64")
    return np.asarray(read[samples - samples[0]])


def _centred(traces: NDArray[np.floating]) -> NDArray[np.float64]:
    known = np.nan_to_num(traces.astype("float64"), nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(known - known.mean(axis=1, keepdims=True))


def _between(values: NDArray[np.float64], at: int) -> float:
    """Where the parabola through a maximum and its neighbours has its own, in steps from it."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, peak, after = values[at - 1 : at + 2]
    bend = before - 2 * peak + after
    return 0.0 if bend == 0 else float((before - after) / (2 * bend))
