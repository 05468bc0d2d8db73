"""Horizons as an ordered facies volume: each layer between two of them has a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError
from seisproc.labelling.target import Target
from seisproc.schema import NONE, ClassSet

NOTHING = ("-", "unlabelled", "none")
"""Names of a layer that nobody interpreted."""

ROUNDING = 1e-3
"""Samples. A horizon this little below a sample, as rounded text has it, is at the sample."""

CROSSING = 1.0
"""Samples by which a horizon may lie above the one over it without a warning."""


def horizon_map(indices: NDArray[np.float64], target: Target) -> NDArray[np.float32]:
    """Depth of a horizon at every cell, float32 (inline, crossline) in samples; NaN = a hole.

    A point counts for the cell whose centre is nearest; several points of a cell are averaged.

    Parameters
    ----------
    indices : float64 (n, 3)
        Fractional indices of its points; NaN depth = undefined. Points off the map are left out.
    target : Target
        The survey.
    """
    shape = target.lattice.map_shape
    cells = np.rint(indices[:, :2])
    known = np.isfinite(indices).all(axis=1)
    known &= ((cells >= 0) & (cells < shape)).all(axis=1)
    flat = np.ravel_multi_index(cells[known].astype(np.int64).T, shape)
    count = np.bincount(flat, minlength=shape[0] * shape[1])
    total = np.bincount(flat, weights=indices[known, 2], minlength=len(count))
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
    return mean.reshape(shape).astype(np.float32)


def layer_codes(layers: Sequence[str], horizons: int, classes: ClassSet) -> list[int]:
    """Codes of the layers from top to bottom, one more than horizons.

    Raises
    ------
    ConfigError
        If there are more or fewer, or a name is not in the class set.

    Examples
    --------
    >>> from seisproc.class_sets import named_classes
    >>> layer_codes(["-", "sand", "shale"], 2, named_classes(["shale", "sand"]))
    [255, 1, 0]
    """
    if len(layers) != horizons + 1:
        raise ConfigError(
            "The layers do not match the horizons",
            found=f"{len(layers)} layers, {horizons} horizons",
            expected="one layer more: above the first, between, and below the last horizon",
            do="Give --layers from top to bottom; '-' is a layer that nobody interpreted",
        )
    codes = {c.name: c.code for c in classes} | {str(c.code): c.code for c in classes}
    unknown = [name for name in layers if name not in codes and name not in NOTHING]
    if unknown:
        raise ConfigError(
            "A layer is not in the class set", found=unknown[0],
            expected=", ".join(c.name for c in classes),
        )
    return [NONE if name in NOTHING else codes[name] for name in layers]


class LayerVolume:
    """Layers between horizons as a facies label volume.

    A sample at or below a horizon and above the next one belongs to the layer between them. A layer
    whose top or base has a hole at a trace stays unlabelled there; so do dead traces. Where a
    horizon lies above the one over it, the upper one cuts it off, as erosion does.

    Parameters
    ----------
    horizons : sequence of float32 (inline, crossline)
        Depths in samples, from top to bottom, NaN = a hole.
    codes : sequence of int
        Of the layers, one more than horizons; 255 = nobody interpreted it.
    live : bool (inline, crossline)
        Where traces exist.
    samples : int
        Of a trace.

    Attributes
    ----------
    warnings : tuple of str
        How often horizons cross.
    """

    def __init__(
        self, horizons: Sequence[NDArray[np.float32]], codes: Sequence[int],
        live: NDArray[np.bool_], samples: int,
    ) -> None:
        self._codes, self._live = tuple(codes), live
        self.shape = (*live.shape, samples)
        self._maps: list[NDArray[np.float32]] = []
        crossed = np.zeros(live.shape, bool)
        upper = np.full(live.shape, -np.inf, np.float32)
        for depth in horizons:
            with np.errstate(invalid="ignore"):
                crossed |= upper - depth > CROSSING
            self._maps.append(np.maximum(depth, upper) - np.float32(ROUNDING))  # NaN stays NaN
            upper = np.fmax(upper, depth)
        self.warnings: tuple[str, ...] = ()
        if crossed.any():
            self.warnings = (
                f"horizons cross at {int(crossed.sum()):,} traces: the upper one cuts the lower "
                "off (are they given from top to bottom?)",
            )

    def __getitem__(self, index: Any, /) -> NDArray[np.uint8]:
        lateral, samples = index[:2], np.arange(self.shape[2])[index[2]]
        live = self._live[lateral]
        values = np.full((*live.shape, len(samples)), NONE, np.uint8)
        for number, code in enumerate(self._codes):
            inside = np.broadcast_to(live[..., None], values.shape).copy()
            if number > 0:  # a comparison with NaN is false
                inside &= samples >= self._maps[number - 1][lateral][..., None]
            if number < len(self._maps):
                inside &= samples < self._maps[number][lateral][..., None]
            values[inside] = code
        return values
