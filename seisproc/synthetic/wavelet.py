"""From log impedance to a band-limited trace."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import hilbert


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
    half = half_length(peak_frequency)
    phase = (np.pi * peak_frequency * np.arange(-half, half + 1)) ** 2
    return ((1.0 - 2.0 * phase) * np.exp(-phase)).astype(np.float32)


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


def half_length(peak_frequency: float) -> int:
    """Return the samples on either side of a Ricker wavelet's centre that are worth keeping."""
    return int(np.ceil(1.1 / peak_frequency))


def reflectivity(log_impedance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reflection coefficients along the last axis, half the step of log impedance.

    Returns
    -------
    ndarray
        float32, one sample shorter: the coefficient between samples k and k + 1. An increase
        with depth is positive.
    """
    return 0.5 * np.diff(log_impedance, axis=-1)


def blur_laterally(traces: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Smooth over neighbouring traces, as limited lateral resolution does.

    Parameters
    ----------
    traces : ndarray
        float32 (inline, crossline, sample).
    sigma : float
        In bins; 0 leaves the traces alone.

    Returns
    -------
    ndarray
        float32 of the same shape, reflected at the edges.
    """
    if sigma < 0.1:
        return traces
    for axis in (0, 1):
        traces = gaussian_filter1d(traces, sigma, axis=axis, mode="reflect", truncate=3.0)
    return traces


def convolve(
    traces: NDArray[np.float32], shallow: NDArray[np.float32], deep: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Convolve every trace with a wavelet that turns from one into another with depth.

    Parameters
    ----------
    traces : ndarray
        float32 (inline, crossline, sample), with half a wavelet more than wanted at both ends.
    shallow, deep : ndarray
        float32 wavelets of the same odd length, for the first and the last sample kept.

    Returns
    -------
    ndarray
        float32, shorter by ``len(shallow) - 1`` samples: only where the wavelet is covered.
    """
    kept = traces.shape[2] - shallow.size + 1
    result = np.empty((*traces.shape[:2], kept), np.float32)
    weight = np.linspace(0.0, 1.0, kept, dtype=np.float32)
    _convolve(traces, shallow, deep - shallow, weight, result)
    return result


@njit(cache=True, error_model="numpy")
def _convolve(
    traces: NDArray[np.float32],
    wavelet: NDArray[np.float32],
    change: NDArray[np.float32],
    weight: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """Sum shifted traces, tap by tap: vectorised without reordering any sum."""
    kept = result.shape[2]
    same = True
    for tap in range(change.size):
        if change[tap] != 0.0:
            same = False
    for i in range(traces.shape[0]):
        for j in range(traces.shape[1]):
            source, target = traces[i, j], result[i, j]
            target[:] = np.float32(0.0)
            for tap in range(wavelet.size):
                value, slope = wavelet[wavelet.size - 1 - tap], change[wavelet.size - 1 - tap]
                if same:
                    for k in range(kept):
                        target[k] += value * source[k + tap]
                else:
                    for k in range(kept):
                        target[k] += (value + slope * weight[k]) * source[k + tap]
