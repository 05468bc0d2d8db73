"""From log impedance to a band-limited trace, along the normals of the layers.

A wavelet travels along the normal of the layer that reflects it. On a migrated section, read
vertically, it is therefore longer by ``1 / cos(dip)``, with the dip of the earth and not of the
grid: flat layers show the wavelet, steep ones a slower one. Each reflection coefficient gets its
own stretch; wavelets of a few stretches are prepared and blended between.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from seisproc.synthetic.wavelet import Wavelets

STEP = 1.1
"""Ratio between the stretches for which wavelets are prepared; blending them errs by 0.5 %."""

_MOST_STRETCH = 2.0
"""Steeper layers than 60 degrees are not imaged, and a break at a fault is no dip."""

_BREAK = 1.0
"""Samples by which two steps of a horizon on either side of a trace differ where it is broken."""


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


def layer_stretch(horizon: NDArray[np.float32], ratio: float) -> NDArray[np.float32]:
    """How much longer a wavelet is, read vertically, than along the normal of its layer.

    Parameters
    ----------
    horizon : ndarray
        float32 (inline, crossline, sample), a depth that is the same all along a layer and grows
        downwards. Where it is broken, the unbroken side counts.
    ratio : float
        Metres of a sample over metres of a bin.

    Returns
    -------
    ndarray
        float32 (inline, crossline, sample), one sample shorter than ``horizon``, ``1 / cos(dip)``
        from 1 to 2.

    Examples
    --------
    >>> x, k = np.arange(9)[:, None, None], np.arange(9)
    >>> plane = np.broadcast_to(k - 0.75 * x, (9, 9, 9)).astype(np.float32)
    >>> round(float(layer_stretch(plane, 1.0)[4, 4, 4]), 6)
    1.25
    """
    stretch = np.empty((*horizon.shape[:2], horizon.shape[2] - 1), np.float32)
    _stretch(horizon, ratio, stretch)
    return stretch


def convolve(
    traces: NDArray[np.float32],
    wavelets: Wavelets,
    stretch: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Convolve every trace with wavelets that turn from one into another with depth.

    Parameters
    ----------
    traces : ndarray
        float32 (inline, crossline, sample), with half a wavelet more than wanted at both ends.
        What a stretched wavelet would bring in from further away is left out.
    wavelets : Wavelets
        Which wavelet holds where.
    stretch : ndarray, optional
        float32 of the shape of ``traces``, 1 or more: how much longer the wavelet of each sample
        is. None is 1 everywhere.

    Returns
    -------
    ndarray
        float32, shorter by ``2 wavelets.half`` samples: only where the wavelet is covered.
    """
    kept = traces.shape[2] - 2 * wavelets.half
    result = np.zeros((*traces.shape[:2], kept), np.float32)
    depth = np.linspace(0.0, 1.0, kept) if kept > 1 else np.zeros(1)
    ones = np.eye(len(wavelets.taps))
    shares = np.stack([np.interp(depth, wavelets.depths, one) for one in ones])
    found = shares.any(axis=1)
    taps, shares = wavelets.taps[found], shares[found]
    if stretch is None:
        nodes = np.empty((0, 0, 0), np.float32)
        count = 1
    else:
        nodes = np.log(stretch) * np.float32(1.0 / np.log(STEP))
        count = int(np.ceil(float(nodes.max()))) + 1
    table = _stretched(taps, count)
    spans = np.array([np.flatnonzero(share)[[0, -1]] + (0, 1) for share in shares])
    _convolve(traces, nodes, table, shares.astype(np.float32), spans, wavelets.half, result)
    return result


def _stretched(taps: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Resample wavelets to ``count`` stretches, float32 (stretch, wavelet, tap), reversed in time.

    A wavelet is band-limited, so its samples tell it everywhere (Whittaker-Shannon).
    """
    half = taps.shape[1] // 2
    own = np.arange(-half, half + 1)
    longest = int(np.ceil(half * STEP ** (count - 1)))
    times = np.arange(-longest, longest + 1)
    table = []
    for node in range(count):
        at = times / STEP**node
        matrix = np.sinc(at[:, None] - own) * (np.abs(at) <= half)[:, None]
        table.append(taps.astype(np.float64) @ matrix.T)
    return np.ascontiguousarray(np.stack(table)[:, :, ::-1], dtype=np.float32)


@njit(cache=True, error_model="numpy")
def _step(before: float, here: float, after: float) -> float:
    """Slope of a horizon from its values on three neighbouring traces, one of them perhaps off."""
    forward, backward = after - here, here - before
    if abs(forward - backward) <= _BREAK:
        return 0.5 * (forward + backward)
    return forward if abs(forward) < abs(backward) else backward


@njit(cache=True, error_model="numpy")
def _stretch(
    horizon: NDArray[np.float32], ratio: float, stretch: NDArray[np.float32]
) -> None:
    """Fill ``stretch``; see :func:`layer_stretch`."""
    rows, columns, samples = stretch.shape
    for i in range(rows):
        left, right = max(i - 1, 0), min(i + 1, rows - 1)
        for j in range(columns):
            near, far = max(j - 1, 0), min(j + 1, columns - 1)
            for k in range(samples):
                here = horizon[i, j, k]
                # At an edge the one step there is counts twice.
                x0 = horizon[left, j, k] if left < i else 2 * here - horizon[right, j, k]
                x1 = horizon[right, j, k] if right > i else 2 * here - horizon[left, j, k]
                y0 = horizon[i, near, k] if near < j else 2 * here - horizon[i, far, k]
                y1 = horizon[i, far, k] if far > j else 2 * here - horizon[i, near, k]
                down = horizon[i, j, k + 1] - here
                if down < 0.3 or down > 3.0:
                    down = 1.0
                slope = ratio / down
                along, across = slope * _step(x0, here, x1), slope * _step(y0, here, y1)
                stretch[i, j, k] = min(
                    np.sqrt(1.0 + along * along + across * across), _MOST_STRETCH
                )


@njit(cache=True, error_model="numpy")
def _convolve(
    traces: NDArray[np.float32],
    nodes: NDArray[np.float32],
    table: NDArray[np.float32],
    shares: NDArray[np.float32],
    spans: NDArray[np.int64],
    half: int,
    result: NDArray[np.float32],
) -> None:
    """Sum shifted traces, tap by tap: vectorised without reordering any sum."""
    kept, size, longest = result.shape[2], traces.shape[2], table.shape[2] // 2
    weighted, part = np.zeros(size, np.float32), np.empty(kept, np.float32)
    for i in range(traces.shape[0]):
        for j in range(traces.shape[1]):
            last = 0
            if nodes.size:
                last = min(int(np.ceil(nodes[i, j].max())), table.shape[0] - 1)
            for node in range(last + 1):
                source, first, stop = traces[i, j], 0, size
                if nodes.size:
                    source = weighted
                    first, stop = _weigh(traces[i, j], nodes[i, j], node, weighted)
                reach = min(longest, int(np.ceil(half * STEP**node)))
                for depth in range(shares.shape[0]):
                    # Only where the wavelet holds, and as far as a tap brings anything.
                    top = max(spans[depth, 0], first - half - reach)
                    base = min(spans[depth, 1], stop - half + reach)
                    if base <= top:
                        continue
                    part[top:base] = np.float32(0.0)
                    for tap in range(longest - reach, longest + reach + 1):
                        shift = half + tap - longest
                        start, end = max(top, first - shift), min(base, stop - shift)
                        if end > start:
                            _add(
                                part[start:end],
                                source[start + shift : end + shift],
                                table[node, depth, tap],
                            )
                    for k in range(top, base):
                        result[i, j, k] += shares[depth, k] * part[k]


@njit(cache=True, error_model="numpy")
def _weigh(
    trace: NDArray[np.float32],
    nodes: NDArray[np.float32],
    node: int,
    weighted: NDArray[np.float32],
) -> tuple[int, int]:
    """Share of each sample in one stretch, into ``weighted``; also the span that is not 0."""
    one, at = np.float32(1.0), np.float32(node)
    for k in range(trace.size):
        weighted[k] = trace[k] * max(one - abs(nodes[k] - at), np.float32(0.0))
    first, stop = 0, trace.size
    while first < stop and weighted[first] == 0.0:
        first += 1
    while stop > first and weighted[stop - 1] == 0.0:
        stop -= 1
    return first, stop


@njit(cache=True, error_model="numpy")
def _add(
    target: NDArray[np.float32], source: NDArray[np.float32], factor: np.float32
) -> None:
    """Add ``factor * source``; slices of one length, so that the loop is vectorised."""
    for k in range(target.size):
        target[k] += factor * source[k]
