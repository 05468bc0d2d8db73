"""The map grid: the volume's bins plus a margin, so that nothing ends where the crop ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True)
class Lattice:
    """Bins ``-margin .. n + margin`` along both lateral axes.

    Parameters
    ----------
    bins : tuple of int
        (inline, crossline) counts of the volume.
    margin : int
        Bins added on every side; at least the largest sideways move on any fault.
    """

    bins: tuple[int, int]
    margin: int

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a map."""
        return self.bins[0] + 2 * self.margin, self.bins[1] + 2 * self.margin

    @property
    def inside(self) -> tuple[slice, slice]:
        """Index of the volume within a map."""
        return (
            slice(self.margin, self.margin + self.bins[0]),
            slice(self.margin, self.margin + self.bins[1]),
        )

    @property
    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Inline and crossline positions of a map's rows and columns, in bins."""
        return (
            np.arange(-self.margin, self.bins[0] + self.margin, dtype=np.float64),
            np.arange(-self.margin, self.bins[1] + self.margin, dtype=np.float64),
        )

    def undulation(
        self, rng: np.random.Generator, width: float | tuple[float, float]
    ) -> NDArray[np.float64]:
        """Draw a smooth random map, zero mean and unit standard deviation over the volume.

        ``width`` is the Gaussian's sigma in bins, one for both axes or one for each.
        """
        # Smoothing wraps round: it costs no edge effects, and the map's far side is out of sight.
        smooth = gaussian_filter(rng.standard_normal(self.shape), width, mode="wrap")
        inside = smooth[self.inside]
        return (smooth - inside.mean()) / max(float(inside.std()), 1e-12)
