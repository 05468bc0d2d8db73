"""Patches of real and synthetic sections, some to learn from, and some far from these to be tested.

Sections are the inlines of a volume, or the sections that a survey is. Those that are tested are
never neighbours of those that are learnt from: between the two halves of a volume lies a gap of a
tenth of its inlines, and traces of a section near one that was learnt from, such as where inlines
and crosslines cross, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.synthetic.profile import FORMS
from seisproc.synthetic.sources import Sources

PATCH = (48, 64)
"""Most traces and samples of a patch."""

_LEAST = 16
_GUARD = 16
"""Bins between a trace that is learnt from and one that is tested."""

_GAP = 8
"""Traces between the two halves of a section in the control."""

Patches = NDArray[np.float32]


class Halves(NamedTuple):
    """Patches of two kinds, float32 (patch, trace, sample), to learn from and held out."""

    first_train: Patches
    second_train: Patches
    first_test: Patches
    second_test: Patches


@dataclass(frozen=True)
class _Section:
    """One plane of a survey: float32 (trace, sample), of unit deviation, and its usable runs."""

    values: NDArray[np.float32]
    runs: tuple[tuple[int, int], ...]

    def cut(self, low: float, high: float, gap: int) -> _Section:
        """Keep the runs within two fractions of the section, half a gap from the middle."""
        extent = len(self.values)
        first = round(low * extent) + (gap // 2 if low > 0 else 0)
        last = round(high * extent) - (gap // 2 if high < 1 else 0)
        runs = ((max(start, first), min(stop, last)) for start, stop in self.runs)
        return _Section(self.values, tuple(run for run in runs if run[1] > run[0]))


def patch_shape(sources: Sources) -> tuple[int, int]:
    """Traces and samples of the patches: as many as half a section holds, up to :data:`PATCH`.

    Raises
    ------
    ConfigError
        If that is fewer than 16 of either.
    """
    traces = min(
        max(array.shape[:2]) if sources.form == FORMS[1] else array.shape[1]
        for array in sources.arrays
    )
    samples = int(sources.arrays[0].shape[2])
    shape = (min(PATCH[0], (traces - _GAP) // 2), min(PATCH[1], samples))
    if min(shape) < _LEAST:
        raise ConfigError(
            "the survey is too small for a two-sample test",
            found=f"sections of {traces} traces and {samples} samples",
            expected=f"{2 * _LEAST + _GAP} traces and {_LEAST} samples or more",
            do="Match it with --no-test",
        )
    return shape


def against_synthetic(
    sources: Sources, volumes: Sequence[NDArray[np.float32]], count: int, run: int
) -> Halves:
    """Cut patches of the survey and of synthetic volumes.

    Parameters
    ----------
    sources : Sources
        The survey.
    volumes : sequence of ndarray
        float32 (inline, crossline, sample), four or more; every other one is held out.
    count : int
        Patches of each kind to learn from; half as many are held out.
    run : int
        Decides the patches; odd ones learn from what even ones are tested on.

    Returns
    -------
    Halves
        Real ones first.
    """
    rng = np.random.default_rng([run, 1])
    shape = patch_shape(sources)
    train, test = _real(sources, run)
    made = [
        [section for volume in volumes[part::2] for section in _made(volume, sources.form)]
        for part in ((0, 1) if run % 2 == 0 else (1, 0))
    ]
    return Halves(
        _patches(train, shape, count, rng),
        _patches(made[0], shape, count, rng),
        _patches(test, shape, count // 2, rng),
        _patches(made[1], shape, count // 2, rng),
    )


def against_itself(sources: Sources, count: int, run: int) -> Halves:
    """Cut patches of the survey's one half and its other, for the control.

    The first halves of the traces of every section are one kind, the second halves the other;
    arguments and result are those of :func:`against_synthetic`.
    """
    rng = np.random.default_rng([run, 2])
    shape = patch_shape(sources)
    train, test = _real(sources, run)
    parts = [
        [section.cut(low, high, _GAP) for section in sections]
        for sections in (train, test)
        for low, high in ((0.0, 0.5), (0.5, 1.0))
    ]
    numbers = (count, count, count // 2, count // 2)
    return Halves(*(_patches(part, shape, n, rng) for part, n in zip(parts, numbers, strict=True)))


def against_others(
    volumes: Sequence[NDArray[np.float32]], shape: tuple[int, int], count: int, run: int
) -> Halves:
    """Cut patches of one synthetic volume and of the others: what the test says of no difference.

    A survey is one place. Where its two halves are much alike, a network knows it by its layers,
    and tells even a volume of the generator's own from the generator's others; a better generator
    would not lower that.

    Parameters
    ----------
    volumes : sequence of ndarray
        float32 (inline, crossline, sample), five or more of one kind; the run's number says which
        stands for the survey, and its inlines are halved as a survey's are.
    shape : tuple of int
        Traces and samples of a patch.
    count, run : int
        As for :func:`against_synthetic`.

    Returns
    -------
    Halves
        Those of the one volume first.
    """
    rng = np.random.default_rng([run, 3])
    number = run % len(volumes)
    one = Sources("", (volumes[number],), (None,), (None,))
    train, test = _real(one, run)
    others = [volume for other, volume in enumerate(volumes) if other != number]
    made = [
        [section for volume in others[part::2] for section in _made(volume, FORMS[0])]
        for part in (0, 1)
    ]
    return Halves(
        _patches(train, shape, count, rng),
        _patches(made[0], shape, count, rng),
        _patches(test, shape, count // 2, rng),
        _patches(made[1], shape, count // 2, rng),
    )


def _real(sources: Sources, run: int) -> tuple[list[_Section], list[_Section]]:
    """Sections of the survey to learn from, and those to be tested."""
    if sources.form == FORMS[1] and len(sources.arrays) > 1:
        groups = _groups(sources, run)
    else:
        groups = _halves(sources)
    return groups if run % 2 == 0 else (groups[1], groups[0])


def _halves(sources: Sources) -> tuple[list[_Section], list[_Section]]:
    """Split by inlines, or a single section by its traces."""
    first: list[_Section] = []
    second: list[_Section] = []
    for array, live in zip(sources.arrays, sources.live, strict=True):
        scale = _scale(array)
        if sources.form == FORMS[1]:
            section = _section(_plane(array), scale, None)
            first.append(section.cut(0.0, 0.5, 4 * _GUARD))
            second.append(section.cut(0.5, 1.0, 4 * _GUARD))
            continue
        lines = array.shape[0]
        gap = max(_GUARD // 2, lines // 10)
        every = max(1, lines // 128)
        for line in range(0, lines, every):
            if abs(line - (lines - 1) / 2) < gap / 2:
                continue
            mask = None if live is None else live[line]
            section = _section(np.asarray(array[line], np.float32), scale, mask)
            (first if line < lines / 2 else second).append(section)
    return first, second


def _groups(sources: Sources, run: int) -> tuple[list[_Section], list[_Section]]:
    """Split by sections, every other one, less the traces near those that are learnt from."""
    numbers = [range(part, len(sources.arrays), 2) for part in (0, 1)]
    learnt = numbers[run % 2]
    near = [sources.places[number] for number in learnt]
    groups = []
    for members in numbers:
        group = []
        for number in members:
            array, places = sources.arrays[number], sources.places[number]
            mask = np.ones(max(array.shape[:2]), np.bool_)
            if members is not learnt and places is not None:
                for other in near:
                    if other is not None:
                        mask &= _far(places, other)
            group.append(_section(_plane(array), _scale(array), mask))
        groups.append(group)
    return groups[0], groups[1]


def _far(places: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which traces are more than the guard away from all others, along either axis."""
    nearest = np.full(len(places), np.iinfo(np.int64).max)
    for block in np.array_split(others, max(1, len(others) // 256)):
        gaps = np.abs(places[:, None] - block[None]).max(axis=2)
        nearest = np.minimum(nearest, gaps.min(axis=1))
    return np.asarray(nearest > _GUARD)


def _plane(array: Any) -> NDArray[np.float32]:
    values = np.asarray(array[...], np.float32)
    return values.reshape(-1, values.shape[2])


def _scale(array: Any) -> float:
    few = np.asarray(array[:: max(1, array.shape[0] // 16)], np.float64)
    return max(float(np.nanstd(few)), 1e-12)


def _section(
    plane: NDArray[np.float32], scale: float, mask: NDArray[np.bool_] | None
) -> _Section:
    """Scale a plane, and find the runs of its live traces."""
    plane = np.nan_to_num(plane, posinf=0.0, neginf=0.0)
    usable = np.any(np.diff(plane, axis=1) != 0, axis=1)
    if mask is not None:
        usable &= mask
    edges = np.flatnonzero(np.diff(np.concatenate([[0], usable.astype(np.int8), [0]])))
    runs = tuple(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    return _Section(plane / np.float32(scale), runs)


def _made(volume: NDArray[np.float32], form: str) -> list[_Section]:
    """Inlines of a synthetic volume, and its crosslines where the survey has both."""
    scale = _scale(volume)
    planes = list(volume)
    if form == FORMS[1]:
        planes = planes[::2] + list(volume.swapaxes(0, 1)[::2])
    return [_section(plane, scale, None) for plane in planes]


def _patches(
    sections: Sequence[_Section], shape: tuple[int, int], count: int, rng: np.random.Generator
) -> Patches:
    """Cut patches at random, everywhere as often."""
    traces, samples = shape
    places = [
        (section.values, start, stop - traces + 1)
        for section in sections
        for start, stop in section.runs
        if stop - start >= traces
    ]
    if not places:
        raise ConfigError("the survey is too small for a two-sample test",
                          found=f"no {traces} live traces side by side",
                          do="Match it with --no-test")
    weights = np.array([last - first for _, first, last in places], np.float64)
    found = np.empty((count, traces, samples), np.float32)
    for number, choice in enumerate(rng.choice(len(places), count, p=weights / weights.sum())):
        values, first, last = places[choice]
        at, top = rng.integers(first, last), rng.integers(0, values.shape[1] - samples + 1)
        found[number] = values[at : at + traces, top : top + samples]
    return found
