"""How power spreads over lateral wavenumbers, frequency by frequency: measured, and given.

A migrated survey has little power where the wavenumber is large and the frequency low: such dips
are too steep to be imaged. A generator that paints rock and convolves it has, at its faults and in
its noise. The filter that puts this right is zero-phase along all axes, so that reflectors and
faults stay where they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import get_window

from seisproc.synthetic.profile import FREQUENCIES, WAVENUMBERS

_ACROSS = 2 * (WAVENUMBERS - 1)
_ALONG = 48
"""Traces and samples of a piece that is transformed."""

_LEAST, _MOST = 0.1, 3.0
"""Bounds of the gain of one axis: more would show faults as ringing."""

_EVERY = 6
"""Every so many lines tell the power of a volume."""


def wavenumber_power(values: NDArray[np.float32], axis: int) -> NDArray[np.float64]:
    """Power by wavenumber along one lateral axis and frequency, both signs of dip together.

    Parameters
    ----------
    values : ndarray
        float32 (inline, crossline, sample).
    axis : int
        0 or 1.

    Returns
    -------
    ndarray
        float64 (:data:`~seisproc.synthetic.profile.WAVENUMBERS`, FREQUENCIES) over wavenumbers and
        frequencies from 0 to 0.5; all 0 where there are fewer than 16 traces along the axis.
    """
    lines = values if axis else values.swapaxes(0, 1)
    length = min(_ALONG, values.shape[2])
    window = np.outer(get_window("hann", _ACROSS), get_window("hann", length))
    window = window.astype(np.float32)
    total = np.zeros((WAVENUMBERS, FREQUENCIES))
    for first in range(0, lines.shape[1] - _ACROSS + 1, _ACROSS // 2):
        for top in range(0, lines.shape[2] - length + 1, length // 2):
            piece = lines[:, first : first + _ACROSS, top : top + length] * window
            spectrum = fft.rfft2(piece, s=(2 * (FREQUENCIES - 1), _ACROSS), axes=(2, 1))
            both = np.sum(np.abs(spectrum) ** 2, axis=0)
            # Rising and falling dips alike: frequencies above and below 0.
            total += both[:, :FREQUENCIES] + both[:, -np.arange(FREQUENCIES)]
    return total


def shares(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power of each wavenumber as a share of its frequency's; 0 where there is none at all."""
    return np.asarray(power / np.maximum(power.sum(axis=0, keepdims=True), 1e-300), np.float64)


def shape_wavenumbers(
    amplitude: NDArray[np.float32],
    target: tuple[tuple[tuple[float, ...], ...], ...],
    windows: tuple[tuple[float, float], ...],
) -> NDArray[np.float32]:
    """Filter a volume, with zero phase, so that wavenumbers share its power as in a survey.

    Parameters
    ----------
    amplitude : ndarray
        float32 (inline, crossline, sample).
    target : tuple
        Window -> wavenumber -> frequency -> share, as :func:`shares` gives; a window of zeros is
        left alone.
    windows : tuple of (float, float)
        Their depths as fractions of the vertical extent; one filter passes into the next between
        their middles.

    Returns
    -------
    ndarray
        float32 of the same shape; the power of each frequency stays about what it was. A volume
        of fewer than 16 traces along an axis is not filtered along it.
    """
    samples = amplitude.shape[2]
    pads = [min(_ACROSS // 2, extent - 1) for extent in amplitude.shape[:2]] + [samples // 8]
    padded = np.pad(amplitude, [(pad, pad) for pad in pads], mode="reflect")
    size = [fft.next_fast_len(extent, real=True) for extent in padded.shape]
    spectrum = fft.rfftn(padded, size)
    middles = np.array([(first + last) / 2 * samples - 0.5 for first, last in windows])
    total = np.zeros_like(amplitude)
    inside = tuple(slice(p, p + n) for p, n in zip(pads, amplitude.shape, strict=True))
    for number, (first, last) in enumerate(windows):
        share = np.interp(np.arange(samples), middles, np.eye(len(windows))[number])
        weight = (share * share * (3.0 - 2.0 * share)).astype(np.float32)
        wanted = np.asarray(target[number])
        part = amplitude[:, :, round(first * samples) : round(last * samples)]
        gains = [_gain(wanted, part, axis, size) for axis in (0, 1)]
        filtered = fft.irfftn(spectrum * gains[0][:, None, :] * gains[1][None, :, :], size)
        total += weight * filtered[inside]
    return total


def _gain(
    wanted: NDArray[np.float64], part: NDArray[np.float32], axis: int, size: list[int]
) -> NDArray[np.float32]:
    """Gain along one axis, float32 (wavenumber, frequency) of the padded volume's transform."""
    few: Any = part[:, ::_EVERY] if axis == 0 else part[::_EVERY]
    present = shares(wavenumber_power(few, axis))
    known = (wanted.sum(axis=0) > 0) & (present.sum(axis=0) > 0)
    gain = np.ones_like(wanted)
    floor = 1e-6
    gain[:, known] = np.sqrt(np.maximum(wanted, floor) / np.maximum(present, floor))[:, known]
    gain = np.clip(gain, _LEAST, _MOST)
    frequency = fft.rfftfreq(size[2]) * 2 * (FREQUENCIES - 1)
    wavenumber = np.abs(fft.fftfreq(size[axis])) * 2 * (WAVENUMBERS - 1)
    by_frequency = _between(gain.T, frequency)
    return _between(by_frequency.T, wavenumber).astype(np.float32)


def _between(rows: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows at fractional numbers, by linear interpolation."""
    low = np.minimum(at.astype(np.int64), len(rows) - 2)
    part = (at - low)[:, None]
    return np.asarray((1.0 - part) * rows[low] + part * rows[low + 1], np.float64)
