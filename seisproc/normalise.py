"""The one way in which amplitude becomes a network's input: unit rms, clipped.

Training patches and interpretation call the same function with the same survey-wide statistics, so
that a network sees at work what it saw in training. Window-wise normalisation would make seams
that no blending hides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

NORMALISATION = "unit-rms"
"""Name of :func:`unit_rms`; a bundle's card says that it was trained on this."""

CLIP = 6.0
"""Largest magnitude of normalised amplitude: spikes and bad traces go no further."""


def unit_rms(
    amplitude: NDArray[Any], live: NDArray[np.bool_], statistics: Mapping[str, Any]
) -> NDArray[np.float32]:
    """Normalise amplitude to zero mean and unit standard deviation, clipped at +-6.

    Parameters
    ----------
    amplitude : any real dtype (..., sample)
        Amplitude as stored, usually (inline, crossline, sample).
    live : bool (...)
        Where a trace exists; without the sample axis. Dead traces become 0, whatever is stored.
    statistics : mapping
        The survey's ``mean`` and ``std`` over its live samples. A ``std`` that is 0 or not finite
        counts as 1, a ``mean`` that is not finite as 0; so do those that are in float32, for
        amplitude that fits in it.

    Returns
    -------
    float32 (..., sample)
        ``clip((amplitude - mean) / std, -6, 6)``; 0 where dead or not finite. Each voxel depends
        on its own value only, so a cut-out normalises to the cut-out of the whole. Computed in
        float32 where that holds all values of the dtype, such as int16, and else in float64: of
        int32 far from zero the mean leaves next to no digits in float32.

    Examples
    --------
    >>> live = np.array([True, True, False])
    >>> amplitude = np.array([[1, 5], [3, 99], [7, 7]], "int16")
    >>> unit_rms(amplitude, live, {"mean": 3.0, "std": 2.0}).tolist()
    [[-1.0, 1.0], [0.0, 6.0], [0.0, 0.0]]
    """
    stored = np.asarray(amplitude)
    real = np.float32 if np.can_cast(stored.dtype, np.float32) else np.float64
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = real(statistics["mean"]), real(statistics["std"])
        mean = mean if np.isfinite(mean) else real(0.0)
        std = std if np.isfinite(std) and std > 0.0 else real(1.0)
        out: NDArray[Any] = stored.astype(real)  # always a copy
        finite = np.isfinite(out)
        out -= mean
        out /= std
        np.clip(out, -CLIP, CLIP, out=out)
    out = out.astype(np.float32, copy=False)
    out[~finite] = 0.0
    out[~live] = 0.0
    return out
