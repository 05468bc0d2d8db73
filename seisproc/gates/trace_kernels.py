"""Compiled loops that look at every sample of whole traces: dead, constant and clipped ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

CONSTANT = 16
"""Equal samples in a row that no reflection explains: half a period at 0.03 cycles per sample."""

FLAT = 3
"""Equal samples in a row at a trace's own extreme that say it was cut off there."""

COARSE = 20
"""Whole-number traces with a smaller range than this have flat tops by nature: a wave of 10 codes
and 0.06 cycles per sample stays within half a code for three samples around its top."""

FINITE, NONFINITE, INNER, CONSTANTS, CLIPPED, EXTREME, NEXT = range(7)
COLUMNS = 7
"""Of what is counted for a trace."""


@njit(cache=True, nogil=True)
def look_at_traces(
    traces: NDArray[Any], live: NDArray[np.bool_], rest: float, coarse: float,
    lowest: float, highest: float,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Count samples of each live trace by what is odd about them.

    Parameters
    ----------
    traces : float (trace, sample)
        Amplitude.
    live : bool (trace,)
        Where a trace exists; others are left out.
    rest : float
        Amplitude of silence: what mutes above and below a trace hold.
    coarse : float
        A trace with a smaller range has no flat tops that count; 0 says that these are no whole
        numbers.
    lowest, highest : float
        Extremes of the whole survey; NaN where they are not known, or are rest.

    Returns
    -------
    counts : int32 (trace, 7)
        Finite samples; others; samples from the first to the last that is not at rest; of these,
        those in a row of :data:`CONSTANT` or more equal ones; those in a shorter row of
        :data:`FLAT` or more at the trace's own lowest or highest amplitude, unless that is rest;
        those elsewhere that are at an extreme of the survey; and, of whole numbers, those that are
        one away from it.
    dead : bool (trace,)
        Live traces whose finite samples are all the same, or that have none; of these only the
        first two columns are counted.
    """
    count, samples = traces.shape
    counts = np.zeros((count, COLUMNS), np.int32)
    dead = np.zeros(count, np.bool_)
    for t in range(count):
        if not live[t]:
            continue
        low, high = np.inf, -np.inf
        first, last = samples, -1
        for s in range(samples):
            value = traces[t, s]
            if not np.isfinite(value):
                continue
            counts[t, FINITE] += 1
            low, high = min(low, value), max(high, value)
            if value != rest:
                first, last = min(first, s), s
        counts[t, NONFINITE] = samples - counts[t, FINITE]
        if not low < high:
            dead[t] = True
            continue
        counts[t, INNER] = last - first + 1
        inner = traces[t, first : last + 1]
        _count_runs(inner, low, high, rest, coarse, lowest, highest, counts[t])
    return counts, dead


@njit(cache=True, nogil=True)
def _count_runs(
    trace: NDArray[Any], low: float, high: float, rest: float, coarse: float,
    lowest: float, highest: float, counts: NDArray[np.int32],
) -> None:
    """Count a trace's samples in rows of equal ones, from ``low`` to ``high``."""
    start = 0
    for s in range(1, len(trace) + 1):
        if s < len(trace) and trace[s] == trace[start]:
            continue
        length, value = s - start, trace[start]
        if length >= CONSTANT:
            counts[CONSTANTS] += length
        elif value != rest and high - low >= coarse:
            if length >= FLAT and value in (low, high):
                counts[CLIPPED] += length
            elif value in (lowest, highest):
                counts[EXTREME] += length
            elif coarse > 0 and value in (lowest + 1, highest - 1):
                counts[NEXT] += length
        start = s
