"""How far two profiles are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seisproc.synthetic.profile import (
    AMPLITUDE_PROBABILITIES,
    DIP_PROBABILITIES,
    FREQUENCIES,
    Profile,
)

_FLOOR_DB = 30.0
"""Depth below its peak at which a spectrum counts as empty."""

_MEDIAN = 1


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
    >>> from seisproc.synthetic.measure import measure
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
        found[f"spectrum_{number + 1}"] = spectra_apart(first.spectrum[number][_MEDIAN], there)
    found["kurtosis"] = abs(a.kurtosis - b.kurtosis)
    found["dip"] = _wasserstein(a.dip, b.dip, DIP_PROBABILITIES)
    found["histogram"] = _wasserstein(a.amplitude, b.amplitude, AMPLITUDE_PROBABILITIES)
    levels = [max(profile.noise[_MEDIAN], 1e-3) for profile in (a, b)]
    found["noise"] = abs(float(np.log(levels[0] / levels[1])))
    return {name: round(value, 4) for name, value in found.items()}


def spectra_apart(a: Sequence[float], b: Sequence[float]) -> float:
    """Root mean square difference in dB of two amplitude spectra at :data:`FREQUENCIES`.

    Each is scaled to unit power and cut at 30 dB below its peak.
    """
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
