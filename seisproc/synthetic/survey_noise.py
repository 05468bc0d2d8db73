"""Noise with the texture of a survey's own: its residual's spectrum, with phases of its own.

The residual is what the neighbouring traces, shifted along the dip, do not tell of a trace. It is
not pasted as it is: patches of it would show seams and repeat themselves, hold faults and pinched
layers that no label knows of, and carry pieces of held-out sections into training. Its power by
lateral wavenumber and frequency is what makes it look like this survey's noise, takes a few
hundred numbers, and fills volumes of any shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from seisproc.synthetic.lateral import wavenumber_power
from seisproc.synthetic.profile import FREQUENCIES, WAVENUMBERS

_LEAST = 0.05
"""Least share of the noise's power at which the residual tells it; below it hardly any is left."""

_TURNS = 8
"""Times that a guess of the noise is put right; more change it by a few hundredths."""


def residual_power(
    residual: NDArray[np.float32], neighbours: int
) -> NDArray[np.float64] | None:
    """Power of the noise in a residual, by lateral wavenumber and frequency.

    Parameters
    ----------
    residual : ndarray
        float32 (inline, crossline, sample): each trace less the mean of its neighbours.
    neighbours : int
        How many these were: 2 along a section, 4 in a volume.

    Returns
    -------
    ndarray or None
        float64 (:data:`~seisproc.synthetic.profile.WAVENUMBERS`, FREQUENCIES) over wavenumbers and
        frequencies from 0 to 0.5, of unit sum; None where the residual is too small or empty.
        Taking the mean of the neighbours away lowers the power at small wavenumbers; this is put
        right down to 5 % of it.
    """
    total = wavenumber_power(residual, 0) + wavenumber_power(residual, 1)
    if not total.sum() > 0:
        return None
    return _of_noise(total / total.sum(), neighbours)


def _of_noise(residual: NDArray[np.float64], neighbours: int) -> NDArray[np.float64]:
    """Power of the noise whose residual has this power, found by putting a guess right.

    In a volume the other axis decides too how much of a wavenumber passes; the noise is taken to
    be alike along both, and independent.
    """
    cosine = np.cos(2.0 * np.pi * np.linspace(0.0, 0.5, WAVENUMBERS))
    if neighbours == 2:
        passed = np.maximum((1.0 - cosine) ** 2, _LEAST)[:, None]
        power = residual / passed
        return power / power.sum()
    response = (1.0 - 0.5 * (cosine[:, None] + cosine[None, :])) ** 2
    power = residual
    for _ in range(_TURNS):
        across = power / np.maximum(power.sum(axis=0, keepdims=True), 1e-30)
        power = residual / np.maximum(response @ across, _LEAST)
        power /= power.sum()
    return power


def survey_noise(
    shape: tuple[int, int, int],
    level: float,
    power: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Gaussian noise with the spectrum of a survey's.

    Parameters
    ----------
    shape : tuple of int
        (inline, crossline, sample).
    level : float
        Root mean square.
    power : ndarray
        float64 (WAVENUMBERS, FREQUENCIES), as :func:`residual_power` gives. Both lateral axes have
        it, and are independent at each frequency.
    rng : numpy.random.Generator
        The noise's own stream.

    Returns
    -------
    ndarray
        float32 of the shape.
    """
    padded = tuple(fft.next_fast_len(extent, real=True) for extent in shape)
    spectrum = fft.rfftn(rng.standard_normal(padded, dtype=np.float32))
    frequency = fft.rfftfreq(padded[2])
    by_frequency = np.stack(
        [np.interp(frequency, np.linspace(0.0, 0.5, FREQUENCIES), row) for row in power]
    )
    gains = []
    for extent in padded[:2]:
        wavenumber = np.abs(fft.fftfreq(extent))
        at = wavenumber * 2 * (WAVENUMBERS - 1)
        low = np.minimum(at.astype(np.int64), WAVENUMBERS - 2)
        part = (at - low)[:, None]
        gains.append(np.sqrt((1 - part) * by_frequency[low] + part * by_frequency[low + 1]))
    whole = np.sqrt(np.maximum(by_frequency.sum(axis=0), 1e-12))
    spectrum *= gains[0][:, None, :].astype(np.float32)
    spectrum *= (gains[1] / whole)[None, :, :].astype(np.float32)
    noise = fft.irfftn(spectrum, s=padded)[: shape[0], : shape[1], : shape[2]]
    rms = float(np.sqrt(np.mean(noise.astype(np.float64) ** 2)))
    return np.asarray(noise * (level / max(rms, 1e-12)), np.float32)
