"""2-D lines as surveys of one inline, so that patches are cut from both alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.grid import Lattice
from seisproc.schema import KINDS

Shape3 = tuple[int, int, int]


def volume_shape(lattice: Lattice, what: str) -> Shape3:
    """Extents of a 3-D survey, or of a 2-D line as a survey of one inline.

    Raises
    ------
    GeometryError
        If it is neither.
    """
    if lattice.kind not in ("3d", "2d"):
        raise GeometryError(f"{what} cannot give patches", found=KINDS[lattice.kind],
                            expected=f"{KINDS['3d']} or {KINDS['2d']}")
    extents = (1, *lattice.shape)[-3:]
    return extents[0], extents[1], extents[2]


class Thick:
    """A 2-D line that slices like a survey of one inline; a survey stays what it is."""

    def __init__(self, array: Any) -> None:
        self._array, self._line = array, array.ndim == 2

    def __getitem__(self, index: tuple[slice, slice, slice], /) -> NDArray[Any]:
        if self._line:
            return np.asarray(self._array[index[1:]])[None][index[0]]
        return np.asarray(self._array[index])
