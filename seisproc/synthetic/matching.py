"""From a survey's profile to settings of the generator, and how far two profiles are apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seisproc.synthetic.config import LIMITS, SyntheticConfig
from seisproc.synthetic.measure import measure
from seisproc.synthetic.profile import (
    AMPLITUDE_PROBABILITIES,
    DIP_PROBABILITIES,
    FREQUENCIES,
    Profile,
)
from seisproc.synthetic.ranges import Range, ends
from seisproc.synthetic.volume import synthesize

_LOOK = (96, 96, 192)
"""Largest volume that is made to see what settings do."""

_LOOKS = 3
_ROUNDS = 3
_SEED = 1_000_003
"""Far from the seeds that people choose, so that nothing is tuned on a volume in use."""

_FLOOR_DB = 30.0
"""Depth below its peak at which a spectrum counts as empty."""

_MEDIAN = 1


def matched(config: SyntheticConfig, profile: Profile) -> SyntheticConfig:
    """Find settings of which the generator makes volumes that look like a survey.

    The peak frequency and its drop, folds and shear, noise, decay and lateral blur are set: three
    times a few small volumes are made and measured, and each setting moves by what is amiss, so
    that what the layers and bodies of the column do by themselves is taken into account. The
    profile goes into the settings too, for the spectrum and the amplitudes of each volume.

    Parameters
    ----------
    config : SyntheticConfig
        Everything that a profile does not say, such as faults and facies.
    profile : Profile
        The survey to imitate.

    Returns
    -------
    SyntheticConfig
        The same for the same arguments, whatever the seed.
    """
    result = dataclasses.replace(config, profile=None)
    for turn in range(_ROUNDS):
        made = measure(list(looks(result)), windows=len(profile.windows))
        if turn == 0:
            result = _with_frequencies(result, profile, made)
        result = dataclasses.replace(_with_levels(result, profile, made), profile=profile)
    return result


def looks(
    config: SyntheticConfig, count: int = _LOOKS, first_seed: int = _SEED
) -> Iterator[NDArray[np.float32]]:
    """Make small volumes of these settings, with as steep folds, to see what they are like.

    Parameters
    ----------
    config : SyntheticConfig
        Its seed does not matter.
    count, first_seed : int
        How many, and the seed of the first.

    Yields
    ------
    ndarray
        float32 (inline, crossline, sample).
    """
    (inlines, crosslines, samples), most = config.shape, _LOOK
    shape = (min(inlines, most[0]), min(crosslines, most[1]), min(samples, most[2]))
    # Folds are as wide as the extent says: on a smaller one they are lower, to be as steep.
    shrink = max(shape[:2]) / max(config.shape[:2])
    low, high = ends(config.fold_amplitude)
    for seed in range(first_seed, first_seed + count):
        yield synthesize(
            dataclasses.replace(
                config, shape=shape, seed=seed, fold_amplitude=(low * shrink, high * shrink)
            )
        ).amplitude


def distances(a: Profile, b: Profile) -> dict[str, float]:
    """How far two profiles are apart; 0 is alike, and each is the same both ways.

    Parameters
    ----------
    a, b : Profile
        Windows are compared with the window at nearest relative depth.

    Returns
    -------
    dict
        ``spectrum_1`` and so on, from the top: root mean square difference of the median spectra
        in dB, each scaled to unit power and cut at 30 dB below its peak. ``kurtosis``: difference.
        ``dip``: 1-Wasserstein distance of the dip's size, samples per trace. ``histogram``:
        1-Wasserstein distance of standardised amplitude. ``noise``: absolute natural logarithm of
        the ratio.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=(24, 24, 48))
    >>> profile = measure([values])
    >>> set(distances(profile, profile).values())
    {0.0}
    """
    first, second = (a, b) if len(a.windows) >= len(b.windows) else (b, a)
    found = {}
    for number, window in enumerate(first.windows):
        gaps = [abs(sum(window) - sum(other)) for other in second.windows]
        there = second.spectrum[int(np.argmin(gaps))][_MEDIAN]
        found[f"spectrum_{number + 1}"] = _decibels(first.spectrum[number][_MEDIAN], there)
    found["kurtosis"] = abs(a.kurtosis - b.kurtosis)
    found["dip"] = _wasserstein(a.dip, b.dip, DIP_PROBABILITIES)
    found["histogram"] = _wasserstein(a.amplitude, b.amplitude, AMPLITUDE_PROBABILITIES)
    levels = [max(profile.noise[_MEDIAN], 1e-3) for profile in (a, b)]
    found["noise"] = abs(float(np.log(levels[0] / levels[1])))
    return {name: round(value, 4) for name, value in found.items()}


def _with_frequencies(
    config: SyntheticConfig, profile: Profile, made: Profile
) -> SyntheticConfig:
    """Scale the peak frequency, and set its drop, to the survey's."""
    windows = len(profile.windows)
    peaks = [window[_MEDIAN] for window in profile.peak_frequency]
    scale = float(np.mean(ends(config.peak_frequency))) / made.peak_frequency[0][_MEDIAN]
    low, _, high = profile.peak_frequency[0]
    drop = 0.0
    if windows > 1:
        # The middles of the outer windows are nearer to each other than the ends of the traces.
        drop = (1.0 - peaks[-1] / peaks[0]) * windows / (windows - 1)
    widest = profile.correlation / (2.0 * np.sqrt(np.log(2.0)))
    blur = tuple(min(end, widest) for end in ends(config.lateral_blur))
    return dataclasses.replace(
        config,
        peak_frequency=_within("peak_frequency", (low * scale, high * scale)),
        frequency_drop=_within("frequency_drop", (drop - 0.1, drop + 0.1)),
        # White layers blurred with this sigma have the survey's correlation: the blur is no wider.
        lateral_blur=_within("lateral_blur", blur),
    )


def _with_levels(config: SyntheticConfig, profile: Profile, made: Profile) -> SyntheticConfig:
    """Move folds, noise and decay by what is amiss between the survey and what was made."""
    wanted, seen = float(np.mean(profile.dip)), float(np.mean(made.dip))
    steeper = min(max(wanted / max(seen, 1e-3), 0.5), 2.0)
    power = profile.noise[_MEDIAN] ** 2 - made.noise[_MEDIAN] ** 2
    low, high = ends(config.noise)
    noise = tuple(np.sqrt(max(end**2 + power, 0.0)) for end in (low, high))
    fade = profile.decay[_MEDIAN] - made.decay[_MEDIAN]
    return dataclasses.replace(
        config,
        fold_amplitude=_scaled("fold_amplitude", config.fold_amplitude, steeper),
        shear=_scaled("shear", config.shear, steeper),
        noise=_within("noise", noise),
        white_noise=_scaled("white_noise", config.white_noise, 0.5 if power < 0 else 1.0),
        decay=_within("decay", tuple(end + fade for end in ends(config.decay))),
    )


def _scaled(name: str, value: Range, factor: float) -> tuple[float, float]:
    low, high = ends(value)
    return _within(name, (low * factor, high * factor))


def _within(name: str, bounds: tuple[float, ...]) -> tuple[float, float]:
    """Cut a range to what the generator can do, in numbers short enough to read."""
    low, high = (round(float(np.clip(end, *LIMITS[name])), 4) for end in bounds)
    return low, high


def _decibels(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    logs = []
    for spectrum in (np.asarray(a), np.asarray(b)):
        decibels = 20.0 * np.log10(np.maximum(spectrum / np.sqrt(np.sum(spectrum**2)), 1e-9))
        logs.append(np.maximum(decibels, decibels.max() - _FLOOR_DB))
    assert len(logs[0]) == FREQUENCIES
    return float(np.sqrt(np.mean((logs[0] - logs[1]) ** 2)))


def _wasserstein(
    a: tuple[float, ...], b: tuple[float, ...], probabilities: tuple[float, ...]
) -> float:
    """Area between two quantile functions."""
    return float(np.trapezoid(np.abs(np.subtract(a, b)), probabilities))
