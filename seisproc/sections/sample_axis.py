"""Where the samples of a trace lie: in two-way time or in depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import VolumeError
from seisproc.schema import DOMAINS

TOLERANCE = 0.01
"""Share of an interval by which positions of the same sample may differ: headers are rounded."""


@dataclass(frozen=True, eq=False)
class SampleAxis:
    """Positions of samples.

    Attributes
    ----------
    domain : str
        ``twt`` or ``depth``.
    at : float64 (sample,)
        In ms or m, evenly spaced.
    """

    domain: str
    at: NDArray[np.float64]

    @property
    def step(self) -> float:
        """Sample interval in ms or m; 1 for a single sample."""
        return float(self.at[-1] - self.at[0]) / (len(self.at) - 1) if len(self.at) > 1 else 1.0

    def is_like(self, other: SampleAxis) -> bool:
        """Whether both have the same samples."""
        return (
            self.domain == other.domain
            and len(self.at) == len(other.at)
            and float(np.abs(self.at - other.at).max()) <= TOLERANCE * abs(self.step)
        )

    def __str__(self) -> str:
        """Write as in messages.

        >>> print(SampleAxis("twt", np.arange(4, 44, 4.0)))
        10 samples from 4 to 40 ms, 4 apart
        """
        return (
            f"{len(self.at)} samples from {self.at[0]:g} to {self.at[-1]:g} "
            f"{DOMAINS[self.domain]}, {self.step:g} apart"
        )


def sample_axis(arrays: Mapping[str, NDArray[Any]], samples: int, what: str) -> SampleAxis | None:
    """Take the positions of a section's samples from its arrays; None where they do not say.

    Raises
    ------
    VolumeError
        If ``twt`` or ``depth`` do not number the samples, evenly from top to bottom.
    """
    found = [name for name in DOMAINS if name in arrays]
    if not found:
        return None
    name, values = found[0], np.asarray(arrays[found[0]])
    right = values.shape == (samples,) and values.dtype.kind in "iuf" and bool(
        np.isfinite(values).all())
    if right:
        axis = SampleAxis(name, values.astype(np.float64))
        steps = np.diff(axis.at)
        right = bool(np.all(np.abs(steps - axis.step) <= TOLERANCE * axis.step)) and axis.step > 0
    if not right:
        raise VolumeError(
            f"{what}: {name} does not say where the samples lie",
            found=f"{values.dtype} {values.shape}",
            expected=f"{samples:,} evenly rising numbers",
        )
    return axis
