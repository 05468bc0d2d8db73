"""The map grid: the volume's bins plus a margin, so that nothing ends where the crop ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft


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
        # The Gaussian is applied to the spectrum, so the map wraps round: no edge effects, a cost
        # that does not grow with the width, and a far side that is out of sight.
        widths = width if isinstance(width, tuple) else (width, width)
        rows, columns = self.shape
        gauss = [
            np.exp(-2.0 * (np.pi * sigma * frequency) ** 2)
            for sigma, frequency in zip(
                widths, (fft.fftfreq(rows), fft.rfftfreq(columns)), strict=True
            )
        ]
        spectrum = fft.rfft2(rng.standard_normal(self.shape)) * np.outer(*gauss)
        smooth = fft.irfft2(spectrum, s=self.shape)
        inside = smooth[self.inside]
        return (smooth - inside.mean()) / max(float(inside.std()), 1e-12)
