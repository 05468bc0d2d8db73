"""Noise, footprint and decay: what the survey adds to the earth.

Band-limited noise is added before the wavelet, so that it shares the band of the signal and costs
no second convolution; its level is set from the signal's measured and the noise's known rms.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter1d

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.ranges import draw

_SMOOTHING = (1, 3, 5)
"""Traces over which migration has smeared the noise; one is drawn."""

_EVENTS = 2
"""Coherent waves of one kind."""

_BENT_SLOPE = 0.25
"""Bent waves have dips of 0.2 to 0.75 samples per trace, plane ones of 0.8 to 3."""

_BEND = 10.0
"""Sigma in bins of the undulations of bent waves."""


def band_limited_noise(
    shape: tuple[int, int, int],
    level: float,
    wavelet: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """White reflectivity, smoothed over neighbouring traces, that has a given rms once convolved.

    Parameters
    ----------
    shape : tuple of int
        (inline, crossline, sample).
    level : float
        Root mean square after convolution with ``wavelet``.
    wavelet : ndarray
        float32 taps.
    rng : numpy.random.Generator
        The noise's own stream.

    Returns
    -------
    ndarray
        float32 of the shape.
    """
    traces = int(rng.choice(_SMOOTHING))
    noise = rng.standard_normal(shape, dtype=np.float32)
    gain = level / float(np.sqrt(np.sum(wavelet.astype(np.float64) ** 2)))
    if traces > 1:
        for axis in (0, 1):
            noise = uniform_filter1d(noise, traces, axis=axis, mode="reflect")
        gain *= traces
    noise *= np.float32(gain)
    return noise


def coherent_noise(
    shape: tuple[int, int, int],
    level: float,
    wavelet: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    bent: bool = False,
) -> NDArray[np.float32]:
    """Waves that cross the volume with dips of their own, with a given rms once convolved.

    Arguments and result are those of :func:`band_limited_noise`. Straight ones are plane and steep,
    as is what comes sideways along the surface; ``bent`` ones undulate with dips like those of the
    layers, across them, as multiples and poorly migrated energy do.
    """
    total = np.zeros(shape, np.float32)
    gain = level / float(np.sqrt(_EVENTS * np.sum(wavelet.astype(np.float64) ** 2)))
    for _ in range(_EVENTS):
        slope, direction = float(rng.uniform(0.8, 3.0)), float(rng.uniform(0.0, 2.0 * np.pi))
        if bent:
            slope *= _BENT_SLOPE
        delay = slope * (
            np.cos(direction) * np.arange(shape[0])[:, None]
            + np.sin(direction) * np.arange(shape[1])[None, :]
        )
        if bent:
            relief = gaussian_filter(rng.standard_normal(shape[:2]), _BEND, mode="reflect")
            steepness = np.hypot(*np.gradient(relief)).mean()
            delay += slope * relief / max(float(steepness), 1e-12)
        delay -= delay.min()
        series = rng.standard_normal(shape[2] + int(delay.max()) + 2, dtype=np.float32)
        series *= np.float32(gain)
        _add_delayed(total, series, np.floor(delay).astype(np.int64))
    return total


@njit(cache=True, error_model="numpy")
def _add_delayed(
    total: NDArray[np.float32], series: NDArray[np.float32], start: NDArray[np.int64]
) -> None:
    """Add to each trace its own part of one series, in place."""
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            for k in range(total.shape[2]):
                total[i, j, k] += series[start[i, j] + k]


def survey_gain(config: SyntheticConfig, rng: np.random.Generator) -> NDArray[np.float32]:
    """Gain of the acquisition footprint and of the amplitude's decay with depth.

    Returns
    -------
    ndarray
        float32 (inline, crossline, sample), by broadcasting of shape (inline, crossline, 1) and
        (sample,).
    """
    ripple, decay = draw(rng, config.footprint), draw(rng, config.decay)
    period, phase = float(rng.uniform(3.0, 9.0)), float(rng.uniform(0.0, 2.0 * np.pi))
    stripes = 1.0 + ripple * np.sin(2.0 * np.pi * np.arange(config.shape[1]) / period + phase)
    fade = np.exp(-decay * np.linspace(0.0, 1.0, config.shape[2]))
    gain = stripes[None, :, None] * fade[None, None, :]
    return gain.astype(np.float32)
