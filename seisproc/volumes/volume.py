"""A survey as an array holds it: its lattice, its places, and a reader for its samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seisproc.grid import Lattice
from seisproc.volumes.reading import Reader

if TYPE_CHECKING:
    from seisproc.volumes.parts import Part


@dataclass(frozen=True, eq=False)
class Volume:
    """A survey that is not SEG-Y, ready to become a store. No sample was read.

    Attributes
    ----------
    name : str
        Of its file or store, without any folder.
    format : str
        What it is, in words.
    lattice : Lattice
        Axes with their labels in rising order.
    reader : Reader
        Reads the samples.
    live : bool (lateral shape) or None
        Where traces exist; None: found while reading.
    dead_value : float or None
        A trace of this value only is no trace.
    cdp_x, cdp_y : float64 (map shape)
        Eastings and northings; NaN where unknown.
    units : str
        Of these.
    affine : dict or None
        As :class:`seisproc.segy.coordinates.Affine` has it, where the places follow one.
    facts : dict
        Attributes of the store's group, beyond those that every store has.
    arrays : dict
        Bytes before and after the traces of a SEG-Y file, where they are known: ``file_prefix``
        and ``file_suffix``, uint8 (n,).
    parts : tuple of Part
        What else is copied, piece by piece.
    checks_ibm : bool
        The samples are said to come from IBM floats; where one is none, an export writes IEEE.
    staged_bytes : int
        Size of what has to be unpacked beside the store before it can be read.
    warnings : tuple of str
        What is odd, or was assumed.
    """

    name: str
    format: str
    lattice: Lattice
    reader: Reader
    live: NDArray[np.bool_] | None
    cdp_x: NDArray[np.float64]
    cdp_y: NDArray[np.float64]
    dead_value: float | None = None
    units: str = "m"
    affine: dict[str, float] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    checks_ibm: bool = False
    staged_bytes: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples in the store."""
        return self.reader.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the amplitude, the samples last."""
        return self.lattice.shape


def affine_of(
    lattice: Lattice, x: NDArray[np.float64], y: NDArray[np.float64]
) -> dict[str, float] | None:
    """Affine from line numbers to places, where both are evenly spaced; else None."""
    if lattice.kind not in ("3d", "prestack") or min(x.shape) < 2:
        return None
    inline, crossline = (each.astype("float64") for each in list(lattice.axes.values())[:2])
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 3:
        return None
    i, j = np.nonzero(known)
    some = slice(None, None, max(1, len(i) // 20_000))
    lines = np.stack([np.ones(len(i)), inline[i], crossline[j]], axis=1)[some]
    places = np.stack([x[i, j], y[i, j]], axis=1)[some]
    found, _, rank, _ = np.linalg.lstsq(lines, places, rcond=None)
    if rank < 3:
        return None
    rms = float(np.sqrt(np.mean((places - lines @ found) ** 2)))
    names = ("x0", "x_inline", "x_crossline", "y0", "y_inline", "y_crossline")
    values = [*found[:, 0].tolist(), *found[:, 1].tolist()]
    return {**dict(zip(names, values, strict=True)), "rms": rms}
