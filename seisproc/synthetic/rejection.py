"""Volumes that lie too far from the survey that they imitate are drawn again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.distance import distances
from seisproc.synthetic.matching import measure_like
from seisproc.synthetic.profile import Profile
from seisproc.synthetic.volume import SyntheticVolume, synthesize

ATTEMPTS = 4
"""Draws of one volume, the last ones included that nothing better came after."""

_STRIDE = 1 << 32
"""From one attempt's seed to the next one's: beyond the seeds that number volumes, so that no
attempt makes the volume of another sample."""

_SLACK = 2.0
"""Limits are this much wider than the farthest part of the survey itself: parts are few."""

_LIMITED = ("spectrum", "kurtosis", "dip", "noise", "histogram")


@dataclass(frozen=True)
class Drawn:
    """A volume that was kept.

    Parameters
    ----------
    volume : SyntheticVolume
        The volume.
    seed : int
        Seed that it was made with; that of the configuration if the first one was kept.
    attempts : int
        Volumes that were made.
    excess : float
        Its largest distance from the survey over the limit of that distance; at most 1 where it
        lies within all of them, 0 without limits.
    """

    volume: SyntheticVolume
    seed: int
    attempts: int
    excess: float


def limits_of(profile: Profile, parts: Iterable[Profile]) -> Profile:
    """Set the limits of a profile: twice as far as its own parts are from the whole.

    Parameters
    ----------
    profile : Profile
        Of the whole survey.
    parts : iterable of Profile
        Of parts of it that share no trace, about as large as a volume that is drawn.

    Returns
    -------
    Profile
        The same with ``limits``; without any where there are no parts.
    """
    widest: dict[str, float] = {}
    for part in parts:
        for name, value in distances(profile, part).items():
            if name.split("_")[0] in _LIMITED:
                widest[name] = max(widest.get(name, 0.0), value)
    limits = tuple((name, round(_SLACK * value, 4)) for name, value in widest.items() if value > 0)
    return dataclasses.replace(profile, limits=limits)


def synthesize_like(config: SyntheticConfig, attempts: int = ATTEMPTS) -> Drawn:
    """Make a volume, and another from the next seed as long as it is too far from the survey.

    Parameters
    ----------
    config : SyntheticConfig
        Its profile's limits decide; without a profile or limits the first volume is kept.
    attempts : int
        Most volumes to make; if none is near enough, the nearest is kept.

    Returns
    -------
    Drawn
        The same for the same arguments.
    """
    profile = config.profile
    if profile is None or not profile.limits:
        return Drawn(synthesize(config), config.seed, 1, 0.0)
    best: Drawn | None = None
    for attempt in range(attempts):
        seed = config.seed + attempt * _STRIDE
        volume = synthesize(dataclasses.replace(config, seed=seed))
        found = distances(profile, measure_like(profile, [volume.amplitude]))
        excess = max(found[name] / limit for name, limit in profile.limits if name in found)
        if best is None or excess < best.excess:
            best = Drawn(volume, seed, attempt + 1, round(excess, 4))
        if excess <= 1:
            break
    assert best is not None
    return dataclasses.replace(best, attempts=attempt + 1)
