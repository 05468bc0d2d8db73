"""Measure a survey, or a synthetic volume, in bounded memory: a seeded sample of its blocks.

Whole traces of a few small blocks are looked at, one block at a time, whatever the volume's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.signal import welch
from scipy.stats import kurtosis

from seisproc.errors import ConfigError
from seisproc.synthetic.lateral import shares, wavenumber_power
from seisproc.synthetic.profile import (
    AMPLITUDE_PROBABILITIES,
    DIP_PROBABILITIES,
    FORMS,
    FREQUENCIES,
    LEVELS,
    PERCENTILES,
    WAVENUMBERS,
    Profile,
)
from seisproc.synthetic.steering import local_dips, noise_level, steered_residual
from seisproc.synthetic.survey_noise import residual_power

BLOCK = 24
"""Traces along both edges of a block; a section gives runs of its square."""

BLOCKS = 12
"""Blocks that are looked at."""

SEGMENT = 48
"""Samples of one segment of Welch's spectrum; a depth window has at least as many."""

MOST_WINDOWS = 3
_LEAST_SAMPLES = 16
_TRACES = 96
_VALUES = 20_000
"""Traces, and voxels, of a block that enter the statistics."""

_PLANE = 0.6
"""Least planarity of the structure tensor at which a dip counts: chaos and noise have none."""

_CENTROID = 2.0 / (np.sqrt(2.0) * 1.3293403881791370)
"""Mean frequency of a Ricker wavelet's power over its peak frequency, Gamma(3)/sqrt(2)/Gamma(5/2),
since that power goes as f^4 exp(-2 (f/peak)^2)."""

_LONGEST = 12
"""Lags in traces over which correlation is followed."""


def measure(
    sources: Sequence[Any],
    *,
    live: Sequence[NDArray[np.bool_]] | None = None,
    part: tuple[float, float] = (0.0, 1.0),
    windows: int | None = None,
    blocks: int = BLOCKS,
    seed: int = 0,
    name: str = "",
) -> Profile:
    """Measure arrays that are one survey: its volume, some sections, or several synthetics.

    Parameters
    ----------
    sources : sequence of array-like
        (inline, crossline, sample), any scale, NumPy or Zarr; a section has an extent of 1.
    live : sequence of ndarray, optional
        Bool (inline, crossline) per source: where a trace exists.
    part : tuple of float
        Fractions of the longer lateral axis between which to look: (0, 0.5) and (0.5, 1) are
        halves that share no trace.
    windows : int, optional
        Depth windows; as many as make sense, up to three, unless given.
    blocks : int
        Blocks to look at, over all sources.
    seed : int
        Decides which, where there are more.
    name : str
        Goes into the profile.

    Returns
    -------
    Profile
        The same for the same arguments.

    Raises
    ------
    ConfigError
        If there is no block with live traces, or the traces are shorter than 16 samples.
    """
    samples = min(int(source.shape[2]) for source in sources)
    if samples < _LEAST_SAMPLES:
        raise ConfigError(f"{name or 'array'}: traces too short to measure", found=str(samples),
                          expected=f"{_LEAST_SAMPLES} samples or more")
    count = windows or int(np.clip(samples // SEGMENT, 1, MOST_WINDOWS))
    cuts = [(n / count, (n + 1) / count) for n in range(count)]
    looked, dead, seen = [], 0, 0
    for values, exists in _blocks(sources, live, part, blocks, seed):
        there = np.any(np.diff(values, axis=2) != 0, axis=2)
        dead += int((exists & ~there).sum())
        seen += int(exists.sum())
        if there.mean() > 0.5:
            looked.append(_look(np.where(there[..., None], values, 0), there, cuts))
    if not looked:
        raise ConfigError(f"{name or 'array'}: nothing to measure",
                          found="no block with traces that hold anything")
    amplitude = np.concatenate([block.amplitude for block in looked]).astype(np.float64)
    amplitude = (amplitude - amplitude.mean()) / amplitude.std()
    spectra = [np.concatenate([block.spectra[w] for block in looked]) for w in range(count)]
    dip = np.concatenate([block.dip for block in looked])
    return Profile(
        source=name,
        traces=seen - dead,
        windows=tuple(cuts),
        spectrum=tuple(tuple(map(_row, np.percentile(s, PERCENTILES, axis=0))) for s in spectra),
        peak_frequency=tuple(_row(np.percentile(_peaks(s), PERCENTILES)) for s in spectra),
        dip=_row(np.quantile(dip, DIP_PROBABILITIES)),
        noise=_row(np.percentile([block.noise for block in looked], PERCENTILES)),
        correlation=_half_way(np.mean([block.correlation for block in looked], axis=0)),
        amplitude=_row(np.quantile(amplitude, AMPLITUDE_PROBABILITIES)),
        kurtosis=round(float(kurtosis(amplitude)), 6),
        level=_row(np.median([block.level for block in looked], axis=0)),
        noise_level=_row(np.median([block.noise_level for block in looked], axis=0)),
        noise_power=tuple(map(_row, _mean_power([block.power for block in looked]))),
        lateral=tuple(
            tuple(map(_row, shares(sum(block.lateral[w] for block in looked))))
            for w in range(count)
        ),
        decay=_row(np.percentile([block.decay for block in looked], PERCENTILES)),
        dead=round(dead / max(seen, 1), 6),
        form=form_of(sources),
    )


def form_of(sources: Sequence[Any]) -> str:
    """Say whether sources are volumes or sections; one of each counts as a volume."""
    return FORMS[int(all(min(source.shape[:2]) == 1 for source in sources))]


def trace_spectra(traces: NDArray[Any]) -> NDArray[np.float64]:
    """Amplitude spectra by Welch's method: (trace, frequency), each of unit power.

    Parameters
    ----------
    traces : ndarray
        (trace, sample).

    Returns
    -------
    ndarray
        float64 (trace, :data:`FREQUENCIES`), from 0 to 0.5 cycles per sample; traces without any
        power are left out.
    """
    length = min(SEGMENT, traces.shape[1])
    _, power = welch(traces, nperseg=length, nfft=2 * (FREQUENCIES - 1), axis=1)
    total = power.sum(axis=1, keepdims=True)
    kept = total[:, 0] > 0
    return np.asarray(np.sqrt(power[kept] / total[kept]), np.float64)


@dataclass(frozen=True)
class _Look:
    """Statistics of one block."""

    spectra: list[NDArray[np.float64]]
    dip: NDArray[np.float32]
    noise: float
    noise_level: NDArray[np.float64]
    power: NDArray[np.float64] | None
    correlation: NDArray[np.float64]
    amplitude: NDArray[np.float32]
    level: NDArray[np.float64]
    lateral: NDArray[np.float64]
    decay: float


def _blocks(
    sources: Sequence[Any],
    live: Sequence[NDArray[np.bool_]] | None,
    part: tuple[float, float],
    blocks: int,
    seed: int,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Read a seeded choice of blocks: their values, and which of their cells have a trace."""
    plan: list[tuple[int, slice, slice]] = []
    for number, source in enumerate(sources):
        shape = source.shape[:2]
        long = int(shape[1] > shape[0])
        edges = [BLOCK if min(shape) > 1 else min(BLOCK**2, 128)] * 2
        limits = [(0, extent) for extent in shape]
        limits[long] = tuple(round(p * shape[long]) for p in part)
        pieces = [
            [slice(int(c[0]), int(c[-1]) + 1)
             for c in np.array_split(np.arange(*limit), max(1, (limit[1] - limit[0]) // edge))
             if c.size]
            for limit, edge in zip(limits, edges, strict=True)
        ]
        plan += [(number, i, j) for i in pieces[0] for j in pieces[1]]
    if live is not None:
        plan = [step for step in plan if live[step[0]][step[1:]].mean() > 0.5]
    order = np.random.default_rng(seed).permutation(len(plan))[:blocks]
    for number, i, j in (plan[index] for index in sorted(order)):
        values = np.asarray(sources[number][i, j, :], np.float32)
        exists = np.ones(values.shape[:2], bool) if live is None else live[number][i, j]
        yield np.nan_to_num(values, posinf=0.0, neginf=0.0), exists


def _look(
    values: NDArray[np.float32], there: NDArray[np.bool_], cuts: list[tuple[float, float]]
) -> _Look:
    traces = values[there]
    few = traces[:: max(1, len(traces) // _TRACES)]
    samples = values.shape[2]
    spectra = [
        trace_spectra(few[:, round(first * samples) : round(last * samples)])
        for first, last in cuts
    ]
    # A mute is no amplitude: from a trace's first to its last sample that is not 0.
    known = np.logical_and(
        np.maximum.accumulate(traces != 0, axis=1),
        np.maximum.accumulate(traces[:, ::-1] != 0, axis=1)[:, ::-1],
    )
    amplitude = traces[known]
    dips, strength, plane = local_dips(values)
    residual, kept = steered_residual(values, dips, there)
    inner = binary_erosion(there, iterations=2, border_value=1) if not there.all() else there
    size = np.sqrt(sum(dip**2 for dip in dips.values()))[inner]
    plain = strength[inner] > 0.25 * float(np.median(strength[inner]))
    plain &= plane[inner] > _PLANE
    return _Look(
        spectra=spectra,
        dip=_some(size[plain] if plain.any() else size.ravel()),
        noise=noise_level(values, residual, kept, 2 * len(dips)),
        noise_level=_level(residual[kept] if kept.any() else traces),
        power=residual_power(residual, 2 * len(dips)),
        correlation=_correlation(values),
        amplitude=_some(amplitude),
        level=_level(traces),
        lateral=np.array([
            _lateral(values[:, :, round(first * samples) : round(last * samples)])
            for first, last in cuts
        ]),
        decay=_decay(traces),
    )


def _correlation(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Correlation with the trace 0, 1, ... ``_LONGEST`` further on, at equal depth."""
    found = []
    for axis in (0, 1):
        if values.shape[axis] <= 2:
            continue
        moved = np.moveaxis(values, axis, 0).astype(np.float64)
        curve = []
        for lag in range(_LONGEST + 1):
            a, b = moved[: max(len(moved) - lag, 1)], moved[min(lag, len(moved) - 1) :]
            size = np.sqrt(np.sum(a * a) * np.sum(b * b))
            curve.append(float(np.sum(a * b) / size) if size > 0 else 1.0)
        found.append(curve)
    return np.mean(found, axis=0) if found else np.ones(_LONGEST + 1)


def _half_way(curve: NDArray[np.float64]) -> float:
    """Where a curve first falls to a half, between its points; ``_LONGEST`` if it never does."""
    low = np.flatnonzero(curve <= 0.5)
    if not low.size:
        return float(_LONGEST)
    at = int(low[0])
    return round(float(at - (0.5 - curve[at]) / (curve[at - 1] - curve[at])), 6)


def _decay(traces: NDArray[np.float32]) -> float:
    """Fall of the logarithm of rms over the vertical extent, by a line through eight windows."""
    parts = np.array_split(traces.astype(np.float64), 8, axis=1)
    rms = np.array([np.sqrt(np.mean(part**2)) for part in parts])
    kept = rms > 1e-3 * rms.max()
    if kept.sum() < 2:
        return 0.0
    depth = (np.arange(8) + 0.5) / 8
    return -float(np.polyfit(depth[kept], np.log(rms[kept]), 1)[0])


def _level(traces: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rms of slices from top to bottom over that of the whole."""
    parts = np.array_split(traces.astype(np.float64), LEVELS, axis=1)
    rms = np.array([np.sqrt(np.mean(part**2)) for part in parts])
    return np.asarray(rms / max(float(np.sqrt(np.mean(rms**2))), 1e-12), np.float64)


def _lateral(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Power by wavenumber and frequency along both axes, of about unit sum."""
    power = wavenumber_power(values, 0) + wavenumber_power(values, 1)
    return np.asarray(power / max(float(power.sum()), 1e-30), np.float64)


def _mean_power(powers: list[NDArray[np.float64] | None]) -> NDArray[np.float64]:
    """Mean over blocks; white where no block told."""
    told = [power for power in powers if power is not None]
    if not told:
        return np.full((WAVENUMBERS, FREQUENCIES), 1.0 / (WAVENUMBERS * FREQUENCIES))
    return np.asarray(np.mean(told, axis=0), np.float64)


def _peaks(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    """Peak frequency per trace of the Ricker wavelet with the trace's mean frequency."""
    frequency = np.linspace(0.0, 0.5, FREQUENCIES)
    power = spectra**2
    return np.asarray((power @ frequency) / power.sum(axis=1) / _CENTROID, np.float64)


def _some(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most ``_VALUES`` values, evenly spread."""
    return values[:: max(1, -(-values.size // _VALUES))].copy()


def _row(values: NDArray[Any]) -> tuple[float, ...]:
    """Round, so that the JSON stays readable."""
    return tuple(round(float(value), 6) for value in values)
