"""How latent maps vary from place to place: a Gaussian field to draw new ones from.

Neighbouring places of a latent map go together, since reflectors run on. Drawn from the prior one
by one, they would decode to crumbs. So the maps of real sections are described by their mean and
their cross-spectra, and new maps are Gaussian fields with these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-8
"""Smallest eigenvalue of a cross-spectrum that counts, over its largest."""


@dataclass(frozen=True, eq=False)
class LatentField:
    """A stationary Gaussian field of latent maps.

    Attributes
    ----------
    mean : float32 (latent,)
    density : complex64 (frequency of traces, frequency of samples, latent, latent)
        Hermitian cross-spectral density at the frequencies of ``numpy.fft.fftfreq``.
    """

    mean: NDArray[np.float32]
    density: NDArray[np.complex64]

    @classmethod
    def of(cls, maps: NDArray[np.float32]) -> LatentField:
        """Describe latent maps, float32 (patch, latent, trace, sample)."""
        mean = maps.mean(axis=(0, 2, 3))
        waves = np.fft.fft2(maps - mean[:, None, None]).astype(np.complex64)
        density = np.einsum("nixy,njxy->xyij", waves, waves.conj()) / maps[:, 0].size
        return cls(mean.astype(np.float32), density.astype(np.complex64))

    def draw(self, extent: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw one map, float32 (latent, trace, sample).

        Parameters
        ----------
        extent : (int, int)
            Traces and samples of the map, any; a density for other frequencies is interpolated.
        rng : numpy.random.Generator
            The same state gives the same map.
        """
        # A field made by Fourier transform is periodic: what is kept is less than a period.
        traces, samples = (2 * n for n in extent)
        values, vectors = np.linalg.eigh(self._at((traces, samples)))
        values = np.maximum(values, _LEAST * values[..., -1:])
        root = vectors * np.sqrt(values)[..., None, :] @ vectors.conj().swapaxes(-1, -2)
        white = rng.standard_normal((self.mean.size, traces, samples))
        waves = np.einsum("xyij,jxy->ixy", root, np.fft.fft2(white))
        field = np.fft.ifft2(waves).real[:, : extent[0], : extent[1]]
        return (field + self.mean[:, None, None]).astype(np.float32)

    def _at(self, extent: tuple[int, int]) -> NDArray[np.complex128]:
        """Density at the frequencies of another extent, linear between those that are known.

        A mean of positive semidefinite matrices is one, so it stays a density.
        """
        density: NDArray[np.complex128] = self.density.astype(np.complex128)
        for axis, count in enumerate(extent):
            known = density.shape[axis]
            at = np.arange(count) * known / count
            low = np.floor(at).astype(int)
            share = (at - low).reshape([-1 if a == axis else 1 for a in range(4)])
            density = (1 - share) * density.take(low % known, axis) + share * density.take(
                (low + 1) % known, axis
            )
        return density
