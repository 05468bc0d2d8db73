"""Noise for the question how scores fall as a survey gets worse.

A network that looks at wide surroundings keeps reflectors together where another one breaks them.
Whether it does shows in scores and continuity against the level of noise in its input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def noisy(seismic: NDArray[np.floating], level: float, seed: int = 0) -> NDArray[np.float32]:
    """Add random noise in the section's own band.

    The noise has the mean amplitude spectrum of the traces and random phases, trace by trace, as
    what is left after processing has: white noise would mostly be outside the band, where no
    network looks.

    Parameters
    ----------
    seismic : float (sample, trace)
        Amplitude; where it is not finite, it stays so.
    level : float
        Root mean square of the noise over that of the amplitude about its mean. 0 adds nothing.
    seed : int
        Same seed, same noise.

    Returns
    -------
    float32 (sample, trace)

    Examples
    --------
    >>> section = np.sin(np.arange(64.0))[:, None] * np.ones((1, 50))
    >>> noise = noisy(section, 0.5) - section
    >>> round(float(noise.std() / section.std()), 2)
    0.5
    """
    values = np.asarray(seismic, np.float64)
    known = np.isfinite(values)
    if not level or not known.any():
        return values.astype(np.float32)
    mean = values[known].mean()
    centred = np.where(known, values - mean, 0)
    spectrum = np.abs(np.fft.rfft(centred, axis=0)).mean(axis=1)
    white = np.random.default_rng(seed).standard_normal(values.shape)
    noise = np.fft.irfft(np.fft.rfft(white, axis=0) * spectrum[:, None], len(values), axis=0)
    rms = np.sqrt(np.mean(centred[known] ** 2))
    size = np.sqrt(np.mean(noise[known] ** 2))
    return np.asarray(values + noise * (level * rms / size if size else 0), np.float32)
