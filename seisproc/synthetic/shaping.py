"""Give a volume the spectrum and the amplitudes of a survey; its geometry stays where it is.

The filters are zero-phase and the amplitudes are mapped by one rising curve, so that reflectors,
and with them the labels, do not move.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from seisproc.synthetic.lateral import shape_wavenumbers
from seisproc.synthetic.measure import trace_spectra
from seisproc.synthetic.profile import AMPLITUDE_PROBABILITIES, FREQUENCIES, LEVELS, Profile

_ROUNDS = 2
"""Each of the two steps disturbs a little what the other has set."""

_MOST_GAIN = 12.0
"""Largest amplification of a frequency: the wavelet has the spectrum already, and more would
show the ends of the traces as bars."""

_MOST_LEVEL = 2.0
"""Largest gain of a depth over the middle one: where the earth is dim there is noise to amplify."""

_SPREAD = 0.5
"""Of volumes about the median trace, as a share of the way to percentiles 10 and 90 of traces:
single traces differ by more than volumes do."""

_EVERY = 3
"""Every so many traces, both ways, tell the spectrum and the quantiles of a volume."""


def imitate(
    amplitude: NDArray[np.float32], profile: Profile, spectra: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Shape spectrum and level by depth, and map the amplitudes, to a survey's.

    Parameters
    ----------
    amplitude : ndarray
        float32 (inline, crossline, sample), finite.
    profile : Profile
        The survey to imitate.
    spectra : ndarray
        float64 (window, frequency), as :func:`draw_spectra` gives.

    Returns
    -------
    ndarray
        float32 of the same shape, unit rms.
    """
    for _ in range(_ROUNDS):
        amplitude = _filtered(amplitude, profile, spectra)
        amplitude = amplitude * level_gain(amplitude, profile.level)
        amplitude = map_amplitudes(amplitude, profile)
    # A curve adds overtones where the survey has next to nothing, and a filter moves the quantiles
    # by a hundredth: the filter has the last word.
    amplitude = _filtered(amplitude, profile, spectra)
    rms = float(np.sqrt(np.mean(amplitude.astype(np.float64) ** 2)))
    return amplitude * np.float32(1.0 / max(rms, 1e-12))


def _filtered(
    amplitude: NDArray[np.float32], profile: Profile, spectra: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Shape wavenumbers and frequencies."""
    amplitude = shape_wavenumbers(amplitude, profile.lateral, profile.windows)
    return shape_spectrum(amplitude, spectra, profile.windows)


def level_gain(
    amplitude: NDArray[np.float32], level: tuple[float, ...]
) -> NDArray[np.float32]:
    """Gain by depth, one for all traces, that brings a volume's level to a survey's.

    Parameters
    ----------
    amplitude : ndarray
        float32 (inline, crossline, sample).
    level : tuple of float
        Rms wanted in even slices from top to bottom.

    Returns
    -------
    ndarray
        float32 (sample,), smooth, within a factor of 2 of its middle. Slices that hold nothing, or
        are to, are left alone.
    """
    own, wanted = slice_levels(amplitude, len(level)), np.asarray(level)
    told = (own > 1e-3 * own.max()) & (wanted > 1e-3 * wanted.max())
    if not told.any():
        return np.ones(amplitude.shape[2], np.float32)
    logs = np.log(wanted[told] / own[told])
    logs = np.clip(logs - np.median(logs), -np.log(_MOST_LEVEL), np.log(_MOST_LEVEL))
    return np.exp(_between(logs, told, amplitude.shape[2])).astype(np.float32)


def own_level(
    amplitude: NDArray[np.float32], profile: Profile | None = None
) -> NDArray[np.float32]:
    """Level of a volume by depth, over that of the whole: noise that follows it keeps its share.

    With a profile it is that of the noise, whose share differs with depth as the survey's does.

    Returns
    -------
    ndarray
        float32 (sample,), smooth, 0.25 or more.
    """
    own = slice_levels(amplitude, LEVELS)
    own = np.maximum(own / max(float(np.sqrt(np.mean(own**2))), 1e-12), 0.25)
    if profile is not None:
        own *= noise_by_depth(profile)
        own /= np.sqrt(np.mean(own**2))
    return _between(own, np.ones(LEVELS, np.bool_), amplitude.shape[2]).astype(np.float32)


def noise_by_depth(profile: Profile) -> NDArray[np.float64]:
    """Noise over signal by depth, as a multiple of that of the whole.

    Parameters
    ----------
    profile : Profile
        Uses ``level``, ``noise_level`` and the median of ``noise``.

    Returns
    -------
    ndarray
        float64 (LEVELS,), from a quarter to 4; 1 where the profile's noise goes with its level.
    """
    share = max(profile.noise[1], 1e-3)
    whole = np.asarray(profile.level) ** 2
    noise = np.asarray(profile.noise_level) ** 2 * share**2 / (1.0 + share**2)
    signal = np.maximum(whole - noise, 0.05 * np.maximum(whole, 1e-6))
    return np.asarray(np.clip(np.sqrt(noise / signal) / share, 0.25, 4.0), np.float64)


def slice_levels(amplitude: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Rms of even slices from top to bottom, float64 (count,)."""
    slices = np.array_split(amplitude[::_EVERY, ::_EVERY].astype(np.float64), count, axis=2)
    return np.array([np.sqrt(np.mean(part**2)) if part.size else 0.0 for part in slices])


def _between(
    values: NDArray[np.float64], told: NDArray[np.bool_], samples: int
) -> NDArray[np.float64]:
    """Interpolate between the middles of slices."""
    middles = (np.arange(len(told)) + 0.5) / len(told) * samples - 0.5
    return np.interp(np.arange(samples), middles[told], values)


def draw_spectra(profile: Profile, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a spectrum per depth window between the percentiles of a survey's traces.

    The percentile goes in a straight line from one value at frequency 0 to another at 0.5, so
    that low and high frequencies vary on their own.

    Returns
    -------
    ndarray
        float64 (window, frequency), unit power.
    """
    low, high = rng.uniform(1.0 - _SPREAD, 1.0 + _SPREAD, size=2)
    position = np.linspace(low, high, FREQUENCIES)
    spectra = np.asarray(profile.spectrum)
    # Percentiles 10, 50 and 90 stand at 0, 1 and 2; between them along the logarithm.
    logs = np.log(np.maximum(spectra, 1e-6))
    below = np.minimum(position.astype(np.int64), 1)
    share = position - below
    at = np.arange(FREQUENCIES)
    drawn = np.exp((1 - share) * logs[:, below, at] + share * logs[:, below + 1, at])
    return np.asarray(drawn / np.sqrt(np.sum(drawn**2, axis=1, keepdims=True)), np.float64)


def shape_spectrum(
    amplitude: NDArray[np.float32],
    target: NDArray[np.float64],
    windows: tuple[tuple[float, float], ...],
) -> NDArray[np.float32]:
    """Filter a volume, with zero phase, to the amplitude spectra wanted in its depth windows.

    Parameters
    ----------
    amplitude : ndarray
        float32 (inline, crossline, sample).
    target : ndarray
        float64 (window, frequency), as :func:`seisproc.synthetic.measure.trace_spectra` gives.
    windows : tuple of (float, float)
        Their depths as fractions of the vertical extent; one filter passes into the next between
        the middles of their windows.

    Returns
    -------
    ndarray
        float32 of the same shape. What holds nothing stays as it is.
    """
    samples = amplitude.shape[2]
    few = amplitude[::_EVERY, ::_EVERY].reshape(-1, samples)
    middles = np.array([(first + last) / 2 * samples - 0.5 for first, last in windows])
    depth = np.arange(samples)
    half = min(FREQUENCIES - 1, samples - 1)
    padded = np.pad(amplitude, ((0, 0), (0, 0), (half, half)), mode="reflect")
    total = np.zeros_like(amplitude)
    for number, (first, last) in enumerate(windows):
        start, stop = round(first * samples), round(last * samples)
        spectra = trace_spectra(few[:, start : max(stop, start + 2)])
        share = np.interp(depth, middles, np.eye(len(windows))[number])
        weight = (share * share * (3.0 - 2.0 * share)).astype(np.float32)
        if not len(spectra):
            total += weight * amplitude
            continue
        kernel = _kernel(target[number], np.sqrt(np.mean(spectra**2, axis=0)), half)
        total += weight * oaconvolve(padded, kernel[None, None, :], mode="valid", axes=2)
    return total


def map_amplitudes(amplitude: NDArray[np.float32], profile: Profile) -> NDArray[np.float32]:
    """Map amplitudes by a rising curve, so that their quantiles are the profile's.

    Parameters
    ----------
    amplitude : ndarray
        float32 (inline, crossline, sample).
    profile : Profile
        Whose amplitude quantiles are wanted.

    Returns
    -------
    ndarray
        float32 of the same shape, about mean 0 and deviation 1; an amplitude that was larger than
        another is not smaller afterwards. What holds one value only stays as it is.
    """
    few = amplitude[::_EVERY, ::_EVERY]
    own = np.quantile(few.astype(np.float64), AMPLITUDE_PROBABILITIES)
    rising = np.concatenate([[True], np.diff(own) > 0])
    if rising.sum() < 2:
        return amplitude
    own, wanted = own[rising], np.asarray(profile.amplitude)[rising]
    # Beyond the outermost quantiles the curve goes on with its mean slope.
    reach = 10.0 * (own[-1] - own[0])
    slope = (wanted[-1] - wanted[0]) / (own[-1] - own[0])
    own = np.concatenate([[own[0] - reach], own, [own[-1] + reach]])
    wanted = np.concatenate(
        [[wanted[0] - slope * reach], wanted, [wanted[-1] + slope * reach]]
    )
    return np.interp(amplitude, own, wanted).astype(np.float32)


def _kernel(
    target: NDArray[np.float64], present: NDArray[np.float64], half: int
) -> NDArray[np.float32]:
    """Symmetric filter of ``2 half + 1`` taps that turns one amplitude spectrum into another."""
    gain = target / np.maximum(present, present.max() / 1e4)
    gain = np.minimum(gain, _MOST_GAIN)
    taps = np.fft.irfft(gain)
    reach = taps.size // 2
    centred = np.concatenate([taps[-reach:], taps[: reach + 1]]) * np.hanning(2 * reach + 1)
    return centred[reach - half : reach + half + 1].astype(np.float32)
