"""What a survey records of the earth: wavelet, noise, gain, and traces that failed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.convolution import convolve
from seisproc.synthetic.noise import band_limited_noise, coherent_noise, survey_gain
from seisproc.synthetic.ranges import draw, draw_count
from seisproc.synthetic.shaping import own_level
from seisproc.synthetic.survey_noise import survey_noise
from seisproc.synthetic.wavelet import Wavelets

_LOUD = (0.5, 3.0)
"""Noise of a noisy trace, rms over that of the survey."""


def observe(
    config: SyntheticConfig,
    reflections: NDArray[np.float32],
    stretch: NDArray[np.float32] | None,
    wavelets: Wavelets,
    streams: dict[str, np.random.Generator],
) -> NDArray[np.float32]:
    """Turn reflection coefficients into noisy amplitude.

    Parameters
    ----------
    config : SyntheticConfig
        Uses the noise fields, ``footprint``, ``decay`` and ``profile``.
    reflections : ndarray
        float32 (inline, crossline, sample), with half a wavelet more at both ends.
    stretch : ndarray or None
        How much longer the wavelet of each coefficient is; see
        :func:`seisproc.synthetic.convolution.layer_stretch`.
    wavelets : Wavelets
        Which wavelet holds where.
    streams : dict
        Uses ``noise`` and ``coherent``.

    Returns
    -------
    ndarray
        float32 of the configuration's shape, unit rms.
    """
    rng = streams["noise"]
    # Every fourth trace both ways tells the signal's rms well enough, for a sixteenth of the cost.
    few = convolve(np.ascontiguousarray(reflections[::4, ::4]), wavelets)
    signal = float(np.sqrt(np.mean(few.astype(np.float64) ** 2)))
    level = draw(rng, config.noise) * signal
    linear = draw(rng, config.linear_noise) * signal
    white = draw(rng, config.white_noise) * signal
    bent = draw(streams["coherent"], config.dip_noise) * signal
    profile = config.profile if config.survey_noise else None
    first = wavelets.taps[0]
    if level > 0 and profile is None:
        reflections = reflections + band_limited_noise(reflections.shape, level, first, rng)
    if linear > 0:
        reflections = reflections + coherent_noise(reflections.shape, linear, first, rng)
    if bent > 0:
        reflections = reflections + coherent_noise(
            reflections.shape, bent, first, streams["coherent"], bent=True
        )
    amplitude = convolve(reflections, wavelets, stretch)
    if white > 0:
        amplitude += np.float32(white) * rng.standard_normal(config.shape, dtype=np.float32)
    if level > 0 and profile is not None:
        noise = survey_noise(config.shape, level, np.asarray(profile.noise_power), rng)
        amplitude += noise * own_level(amplitude, profile)
    amplitude *= survey_gain(config, rng)
    _to_unit_rms(amplitude)
    return amplitude


def spoil(
    amplitude: NDArray[np.float32],
    config: SyntheticConfig,
    wavelets: Wavelets,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Leave some traces noisy, some dead, and whole blocks of them without anything.

    Parameters
    ----------
    amplitude : ndarray
        float32 (inline, crossline, sample), unit rms.
    config : SyntheticConfig
        Uses ``noisy_traces``, ``dead_traces`` and ``dropped_blocks``.
    wavelets : Wavelets
        Whose band the noise of noisy traces shares, as processing leaves it.
    rng : numpy.random.Generator
        The failing traces' own stream.

    Returns
    -------
    ndarray
        float32 of the same shape, unit rms; dead traces are 0 throughout.
    """
    bins = amplitude.shape[:2]
    noisy = rng.random(bins) < draw(rng, config.noisy_traces)
    dead = rng.random(bins) < draw(rng, config.dead_traces)
    for _ in range(draw_count(rng, config.dropped_blocks)):
        dead |= _block(bins, rng)
    found = np.flatnonzero(noisy & ~dead)
    if found.size:
        samples = amplitude.shape[2]
        white = rng.standard_normal((1, found.size, samples + 2 * wavelets.half), dtype=np.float32)
        noise = convolve(white, wavelets)[0]
        loud = rng.uniform(*_LOUD, size=(found.size, 1)).astype(np.float32)
        amplitude.reshape(-1, samples)[found] += noise * (loud / noise.std(axis=1, keepdims=True))
    if dead.all():
        dead[:] = False
    if found.size or dead.any():
        amplitude[dead] = 0.0
        _to_unit_rms(amplitude)
    return amplitude


def _to_unit_rms(amplitude: NDArray[np.float32]) -> None:
    """Scale in place."""
    rms = float(np.sqrt(np.mean(amplitude.astype(np.float64) ** 2)))
    amplitude *= np.float32(1.0 / max(rms, 1e-12))


def _block(bins: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a rectangle of traces, up to a fifth of the extent either way."""
    inside = np.ones(bins, np.bool_)
    for axis, count in enumerate(bins):
        wide = max(2, int(rng.uniform(0.05, 0.2) * count))
        start = int(rng.integers(-wide // 2, count - wide // 2))
        at = np.arange(count)
        along = (at >= start) & (at < start + wide)
        inside &= along[:, None] if axis == 0 else along[None, :]
    return inside
