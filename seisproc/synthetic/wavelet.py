"""Wavelets: Ricker, Ormsby, or estimated from a survey; one, or several that differ with depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import hilbert

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.profile import Profile
from seisproc.synthetic.ranges import draw

_LEAST_TAP = 1e-3
"""Taps below this share of the largest are not worth keeping."""

_MEDIAN = 1
"""Of a profile's percentiles."""


@dataclass(frozen=True)
class Wavelets:
    """Wavelets that turn one into the next with depth.

    ``taps``: float32 (wavelet, tap), odd length, centred. ``depths``: float64 (wavelet,), rising
    fractions of the vertical extent at which each of them holds alone; beyond the outermost ones
    they stay.
    """

    taps: NDArray[np.float32]
    depths: NDArray[np.float64]

    @property
    def half(self) -> int:
        """Samples on either side of the centre."""
        return int(self.taps.shape[1] // 2)


def draw_wavelets(
    config: SyntheticConfig,
    rng: np.random.Generator,
    survey: NDArray[np.float64] | None = None,
) -> Wavelets:
    """Draw the wavelets of one volume.

    Parameters
    ----------
    config : SyntheticConfig
        Uses ``wavelet``, ``wavelet_*``, ``peak_frequency``, ``frequency_drop``, ``phase_degrees``.
    rng : numpy.random.Generator
        The wavelet's own stream; three numbers are consumed, whatever the kind.
    survey : ndarray, optional
        float64 (window, frequency), amplitude spectra drawn for this volume from a survey's, which
        the kind "auto" takes where they are given.

    Returns
    -------
    Wavelets
        Of one length, peaks near 1.
    """
    peak, drop = draw(rng, config.peak_frequency), draw(rng, config.frequency_drop)
    phase = draw(rng, config.phase_degrees)
    spectra: Sequence[Sequence[float]] | NDArray[np.float64] | None = None
    if config.wavelet == "spectrum":
        spectra = config.wavelet_spectra
    elif config.wavelet == "auto":
        spectra = survey
    if config.wavelet == "taps":
        found = [_unit_peak(np.asarray(config.wavelet_taps, np.float64))]
    elif spectra is not None:
        found = [wavelet_of_spectrum(spectrum) for spectrum in spectra]
    else:
        peaks = (peak, peak * (1.0 - drop))
        if config.wavelet == "ormsby":
            corners = np.asarray(config.ormsby_corners)
            found = [ormsby(*np.minimum(corners * frequency, 0.5)) for frequency in peaks]
        else:
            found = [ricker(frequency) for frequency in peaks]
    longest = max(wavelet.size for wavelet in found)
    taps = [np.pad(wavelet, (longest - wavelet.size) // 2) for wavelet in found]
    # Curves drawn from formulas hold at the two ends, estimated ones in the middle of their window.
    count = len(found)
    depths = np.arange(count) if spectra is None else (np.arange(count) + 0.5) / count
    return Wavelets(
        np.stack([rotate_phase(wavelet, phase) for wavelet in taps]),
        np.asarray(depths, np.float64),
    )


def with_survey_wavelet(config: SyntheticConfig, profile: Profile) -> SyntheticConfig:
    """Take the wavelets from a survey: zero phase, with the median spectrum of each depth window.

    The earth's reflectivity is taken to be white, as usual where there is no well, so that the
    spectrum of the traces is that of the wavelet.

    Parameters
    ----------
    config : SyntheticConfig
        Everything else.
    profile : Profile
        Whose ``spectrum`` it is.

    Returns
    -------
    SyntheticConfig
        With ``wavelet`` "spectrum".
    """
    spectra = tuple(window[_MEDIAN] for window in profile.spectrum)
    return replace(config, wavelet="spectrum", wavelet_spectra=spectra)


def ricker(peak_frequency: float) -> NDArray[np.float32]:
    """Sample a zero-phase Ricker wavelet.

    Parameters
    ----------
    peak_frequency : float
        In cycles per sample.

    Returns
    -------
    ndarray
        float32, odd length, centred, peak value 1, below 1e-3 at its ends.

    Examples
    --------
    >>> wavelet = ricker(0.125)
    >>> wavelet.size, float(wavelet[wavelet.size // 2])
    (19, 1.0)
    """
    half = int(np.ceil(1.1 / peak_frequency))
    phase = (np.pi * peak_frequency * np.arange(-half, half + 1)) ** 2
    return ((1.0 - 2.0 * phase) * np.exp(-phase)).astype(np.float32)


def ormsby(f1: float, f2: float, f3: float, f4: float) -> NDArray[np.float32]:
    """Sample a zero-phase Ormsby wavelet, whose amplitude spectrum is a trapezium.

    The formula is Ryan's (1994, CSEG Recorder 19(7), 8-9), with a Hann taper over three periods of
    the narrower slope.

    Parameters
    ----------
    f1, f2, f3, f4 : float
        Corners in cycles per sample, rising: nothing below f1 and above f4, all from f2 to f3.

    Returns
    -------
    ndarray
        float32, odd length, centred, peak value 1, below 1e-3 at its ends.

    Examples
    --------
    >>> wavelet = ormsby(0.04, 0.08, 0.2, 0.3)
    >>> spectrum = abs(np.fft.rfft(wavelet, 1000))
    >>> bool(spectrum[[10, 400]].max() < 0.02 * spectrum[100:200].min())
    True
    """
    slope = max(min(f2 - f1, f4 - f3), 0.01)
    half = int(np.ceil(3.0 / slope))
    t = np.arange(-half, half + 1)

    def corner(f: float) -> NDArray[np.float64]:
        return np.pi * f * f * np.sinc(f * t) ** 2

    high, low = max(f4 - f3, 1e-6), max(f2 - f1, 1e-6)
    wavelet = (corner(f4) - corner(f3)) / high - (corner(f2) - corner(f1)) / low
    return _unit_peak(wavelet * np.hanning(t.size + 2)[1:-1])


def wavelet_of_spectrum(spectrum: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float32]:
    """Zero-phase wavelet of an amplitude spectrum.

    Parameters
    ----------
    spectrum : sequence of float
        Amplitudes at even frequencies from 0 to 0.5 cycles per sample, two or more.

    Returns
    -------
    ndarray
        float32, odd length of at most ``2 (len(spectrum) - 1) - 1`` taps, centred, peak value 1.
        A Hann taper smooths the spectrum by about one of its intervals.

    Examples
    --------
    >>> peaked = np.exp(-((np.linspace(0, 0.5, 49) - 0.15) / 0.05) ** 2)
    >>> wavelet = wavelet_of_spectrum(peaked)
    >>> found = abs(np.fft.rfft(wavelet, 1000))
    >>> bool(abs(found.argmax() / 1000 - 0.15) < 0.005)
    True
    """
    taps = np.fft.fftshift(np.fft.irfft(np.asarray(spectrum, np.float64)))[1:]
    return _unit_peak(taps * np.hanning(taps.size + 2)[1:-1])


def _unit_peak(wavelet: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scale to a largest tap of size 1 and leave out the ends where there is hardly anything."""
    scaled = wavelet / np.abs(wavelet).max()
    middle = scaled.size // 2
    worth = np.flatnonzero(np.abs(scaled) > _LEAST_TAP)
    half = max(int(np.abs(worth - middle).max()), 1)
    return scaled[middle - half : middle + half + 1].astype(np.float32)


def rotate_phase(wavelet: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Add a constant phase to a zero-phase wavelet, ``cos(phase) w - sin(phase) hilbert(w)``.

    Returns
    -------
    ndarray
        float32 of the same length; the amplitude spectrum is kept.

    Examples
    --------
    >>> bool(np.allclose(rotate_phase(ricker(0.1), 180.0), -ricker(0.1), atol=1e-6))
    True
    """
    if degrees == 0.0:
        return wavelet
    # Room around the wavelet, since the Hilbert transform does not end where the wavelet does.
    size = wavelet.size
    analytic = hilbert(np.pad(wavelet.astype(np.float64), 4 * size))[4 * size : 5 * size]
    phase = np.radians(degrees)
    turned = np.cos(phase) * analytic.real - np.sin(phase) * analytic.imag
    return turned.astype(np.float32)
