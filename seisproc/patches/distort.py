"""Single distortions of a training patch, each a pure function.

A patch is float32 (trace, sample) or (inline, crossline, sample); labels are uint8 of the same
shape and move along wherever the seismic moves. Inputs are never changed. Randomness comes from
the generator that is passed in.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.ndimage import gaussian_filter, uniform_filter1d

from seisproc.errors import ConfigError

Seismic = NDArray[np.float32]
Label = NDArray[np.uint8]

LATERAL_SMOOTHING = (1, 3, 5)
"""Traces over which noise may be correlated."""


def flip(seismic: Seismic, label: Label, axis: int) -> tuple[Seismic, Label]:
    """Flip along a lateral axis.

    >>> flip(np.array([[1, 2], [3, 4]], "f4"), np.array([[0, 1], [2, 3]], "u1"), 0)[1].tolist()
    [[2, 3], [0, 1]]
    """
    if not 0 <= axis < seismic.ndim - 1:
        raise ConfigError("Only lateral axes may be flipped", found=f"axis {axis}",
                          expected=f"0 to {seismic.ndim - 2}")
    return np.flip(seismic, axis), np.flip(label, axis)


def rotate(seismic: Seismic, label: Label, turns: int) -> tuple[Seismic, Label]:
    """Rotate a 3-D patch about the vertical by ``turns`` times 90 degrees."""
    if seismic.ndim != 3 or (turns % 2 and seismic.shape[0] != seismic.shape[1]):
        raise ConfigError("Only 3-D patches with a square base can be rotated",
                          found=f"shape {seismic.shape}")
    return np.rot90(seismic, turns, axes=(0, 1)), np.rot90(label, turns, axes=(0, 1))


def stretched(samples: int, factor: float, pivot: float) -> NDArray[np.float32]:
    """Positions float32 (sample,) to read for a stretch by ``factor`` that leaves ``pivot`` alone.

    >>> stretched(5, 2.0, 2.0).tolist()
    [1.0, 1.5, 2.0, 2.5, 3.0]
    """
    return (pivot + (np.arange(samples) - pivot) / factor).astype(np.float32)


def smooth_shift(
    shape: tuple[int, ...], deviation: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a smooth vertical shift in samples for each trace, zero on average.

    Its scale is a sixth of the patch, its standard deviation ``deviation``.
    """
    rough = rng.standard_normal(shape, np.float32)
    smooth = gaussian_filter(rough, [extent / 6 for extent in shape], mode="reflect")
    smooth -= smooth.mean()
    spread = float(smooth.std())
    return smooth * np.float32(deviation / spread) if spread > 0 else smooth


def resample(
    seismic: Seismic, label: Label, position: NDArray[np.float32], shift: NDArray[np.float32]
) -> tuple[Seismic, Label]:
    """Read every trace at other depths: cubic for the seismic, nearest for the labels.

    Parameters
    ----------
    position : float32 (sample,)
        Where to read, in samples; common to all traces.
    shift : float32, lateral shape
        Added to it, per trace. Beyond the ends seismic and labels are reflected.
    """
    lateral, samples = seismic.shape[:-1], seismic.shape[-1]
    out, moved = np.empty((shift.size, samples), np.float32), np.empty((shift.size, samples), "u1")
    _resample(
        np.ascontiguousarray(seismic).reshape(-1, samples),
        np.ascontiguousarray(label).reshape(-1, samples),
        position, shift.reshape(-1), out, moved,
    )
    return out.reshape(*lateral, samples), moved.reshape(*lateral, samples)


@numba.njit(cache=True, nogil=True)
def _resample(  # type: ignore[no-untyped-def]
    seismic, label, position, shift, out, moved
):
    """Catmull-Rom interpolation, which reproduces lines exactly and passes through the samples."""
    traces, samples = seismic.shape
    for trace in range(traces):
        for k in range(samples):
            where = position[k] + shift[trace]
            base = int(np.floor(where))
            t = np.float32(where - base)
            if 1 <= base < samples - 2:
                at, before, after, beyond = base, base - 1, base + 1, base + 2
            else:
                at, before = _reflect(base, samples), _reflect(base - 1, samples)
                after, beyond = _reflect(base + 1, samples), _reflect(base + 2, samples)
            a, b = seismic[trace, before], seismic[trace, at]
            c, d = seismic[trace, after], seismic[trace, beyond]
            half = np.float32(0.5)
            slope = c - a
            bend = np.float32(2) * a - np.float32(5) * b + np.float32(4) * c - d
            curl = np.float32(3) * (b - c) + d - a
            out[trace, k] = b + half * t * (slope + t * (bend + t * curl))
            moved[trace, k] = label[trace, after if t >= half else at]


@numba.njit(cache=True, nogil=True)
def _reflect(k, samples):  # type: ignore[no-untyped-def]
    """Index of a reflected sample, the end sample not repeated."""
    if samples == 1:
        return 0
    period = 2 * (samples - 1)
    k = k % period
    return period - k if k >= samples else k


def reverse_polarity(seismic: Seismic) -> Seismic:
    """Turn peaks into troughs."""
    return -seismic


def tilt_gain(seismic: Seismic, strength: float) -> Seismic:
    """Let amplitude grow (or fall) with depth, by exp(-strength) to exp(strength)."""
    ramp = np.linspace(-strength, strength, seismic.shape[-1], dtype=np.float32)
    return seismic * np.exp(ramp)


def ripple_gain(seismic: Seismic, deviation: float, rng: np.random.Generator) -> Seismic:
    """Give every trace its own gain, log-normal, as uneven coverage does."""
    steps = rng.standard_normal(seismic.shape[:-1], np.float32)
    return seismic * np.exp(np.float32(deviation) * steps)[..., None]


def rotate_phase(seismic: Seismic, degrees: float) -> Seismic:
    """Rotate the phase of every frequency; the envelope stays. 180 degrees reverse polarity.

    The trace is taken as periodic; frequencies 0 and Nyquist only keep their real part.
    """
    spectrum = rfft(seismic, axis=-1)
    spectrum *= np.complex64(np.exp(1j * np.radians(degrees)))
    return irfft(spectrum, seismic.shape[-1], axis=-1).astype(np.float32)


def tilt_spectrum(seismic: Seismic, exponent: float) -> Seismic:
    """Multiply the amplitude spectrum by frequency ** exponent; the rms stays.

    Positive exponents sharpen, negative ones dull. Frequency 0 stays as it is.
    """
    samples = seismic.shape[-1]
    spectrum = rfft(seismic, axis=-1)
    weights = np.ones(spectrum.shape[-1], np.float32)
    weights[1:] = (np.arange(1, len(weights)) / len(weights)) ** exponent
    out = irfft(spectrum * weights, samples, axis=-1).astype(np.float32)
    before, after = _rms(seismic), _rms(out)
    return out * np.float32(before / after) if after > 0 else out


def add_noise(seismic: Seismic, level: float, white: float, rng: np.random.Generator) -> Seismic:
    """Add noise in the patch's own band, a share of it white.

    Parameters
    ----------
    seismic : float32 (..., sample)
        Dead traces, 0 throughout, stay dead.
    level : float
        Rms of the noise over that of the live traces.
    white : float
        Share of the noise's power that is white instead of band-limited.
    rng : numpy.random.Generator
        Also draws over how many traces the band-limited noise is correlated.
    """
    live = np.asarray(seismic.any(axis=-1))
    if not live.any() or level <= 0:
        return seismic
    samples = seismic.shape[-1]
    rough = rng.standard_normal(seismic.shape, np.float32)
    spectrum = rfft(seismic[live], axis=-1)
    colour = np.sqrt((np.square(spectrum.real) + np.square(spectrum.imag)).mean(axis=0))
    noise: Seismic = irfft(rfft(rough, axis=-1) * colour, samples, axis=-1).astype(np.float32)
    width = int(rng.choice(LATERAL_SMOOTHING))
    for axis in range(seismic.ndim - 1):
        noise = uniform_filter1d(noise, width, axis=axis, mode="reflect")
    spread = _rms(noise)
    if spread > 0:
        noise *= np.float32(np.sqrt(1 - white) / spread)
    if white > 0:
        noise += np.float32(np.sqrt(white)) * rng.standard_normal(seismic.shape, np.float32)
    noise *= np.float32(level * _rms(seismic[live]))
    noise[~live] = 0
    return seismic + noise


def drop_traces(seismic: Seismic, share: float, rng: np.random.Generator) -> Seismic:
    """Set a share of the traces to zero; the labels stay, since the geology does."""
    kept = rng.random(seismic.shape[:-1]) >= share
    return seismic * kept[..., None].astype(np.float32)


def drop_block(seismic: Seismic, share: float, rng: np.random.Generator) -> Seismic:
    """Set one block to zero, up to ``share`` of each axis wide."""
    box = []
    for extent in seismic.shape:
        width = int(rng.integers(0, int(share * extent) + 1))
        start = int(rng.integers(0, extent - width + 1))
        box.append(slice(start, start + width))
    out = seismic.copy()
    out[tuple(box)] = 0
    return out


def _rms(values: Seismic) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
