"""How well the generator imitates a survey: its profile, and distances before and after."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.distance import distances
from seisproc.synthetic.matching import SEARCHES, fit, fitted, look_shape, looks, measure_like
from seisproc.synthetic.profile import FORMS, Profile
from seisproc.synthetic.rejection import limits_of, synthesize_like
from seisproc.synthetic.sources import Sources, pieces

VOLUMES = 6
"""Volumes that are made before and after, for the distances and the two-sample test."""

_PIECES = 4
_LARGEST = (96, 96, 128)
_LEAST = 32
_SEED = 2_000_003
"""Other volumes than those that the settings were tuned on."""


@dataclass(frozen=True, eq=False)
class Match:
    """A survey's profile, and how far from it the generator is.

    Parameters
    ----------
    profile : Profile
        The survey's, with fitted settings and limits.
    before, after : dict
        Name -> distance between the survey and synthetic volumes of the settings as they were,
        and as the profile makes them; see :func:`seisproc.synthetic.distance.distances`.
    control : dict
        The same between two halves of the survey that share no trace: nearer than this the
        generator need not come.
    made_before, made_after : Profile
        What was measured on these volumes.
    volumes_before, volumes_after : tuple of ndarray
        They themselves, float32 (inline, crossline, sample).
    attempts : tuple of int
        Volumes that were drawn for each of those after, the one that was kept included.
    excess : tuple of float
        Their largest distance over its limit; above 1 where no attempt was near enough.
    """

    profile: Profile
    before: dict[str, float]
    after: dict[str, float]
    control: dict[str, float]
    made_before: Profile
    made_after: Profile
    volumes_before: tuple[NDArray[np.float32], ...]
    volumes_after: tuple[NDArray[np.float32], ...]
    attempts: tuple[int, ...]
    excess: tuple[float, ...]


def volume_shape(sources: Sources) -> tuple[int, int, int]:
    """Shape of the volumes that stand for a survey: its own, where it is not large."""
    shapes = [array.shape for array in sources.arrays]
    across = min(max(shape[:2]) for shape in shapes)
    along = across if sources.form == FORMS[1] else min(min(shape[:2]) for shape in shapes)
    wanted = (along, across, min(shape[2] for shape in shapes))
    inlines, crosslines, samples = np.clip(wanted, _LEAST, _LARGEST)
    return int(inlines), int(crosslines), int(samples)


def match_survey(
    sources: Sources,
    config: SyntheticConfig,
    *,
    searches: int = SEARCHES,
    on_step: Callable[[int, int], None] | None = None,
) -> Match:
    """Measure a survey, fit the generator to it, and measure how near that comes.

    Parameters
    ----------
    sources : Sources
        The survey; a dozen blocks of it are read.
    config : SyntheticConfig
        The generator's settings without the survey.
    searches : int
        Settings that the fit tries.
    on_step : callable, optional
        Called with the steps done and the steps in all.

    Returns
    -------
    Match
        The same for the same survey and settings.

    Raises
    ------
    ConfigError
        If the survey holds no traces to measure, or too few for two halves.
    """
    total = searches + 4
    tell = on_step or (lambda done, total: None)
    profile = sources.measure()
    windows = len(profile.windows)
    left, right = (sources.measure(part, windows) for part in ((0.0, 0.5), (0.5, 1.0)))
    profile = limits_of(profile, pieces(sources, _PIECES))
    tell(1, total)
    before = tuple(looks(config, VOLUMES, _SEED))
    made_before = measure_like(profile, before)
    tell(2, total)
    profile = fit(config, profile, searches, lambda done, _: tell(2 + done, total))
    like = fitted(dataclasses.replace(config, shape=look_shape(config)), profile)
    drawn = [
        synthesize_like(dataclasses.replace(like, seed=seed))
        for seed in range(_SEED, _SEED + VOLUMES)
    ]
    after = tuple(one.volume.amplitude for one in drawn)
    made_after = measure_like(profile, after)
    tell(total, total)
    return Match(
        profile=profile,
        before=distances(profile, made_before),
        after=distances(profile, made_after),
        control=distances(left, right),
        made_before=made_before,
        made_after=made_after,
        volumes_before=before,
        volumes_after=after,
        attempts=tuple(one.attempts for one in drawn),
        excess=tuple(one.excess for one in drawn),
    )
