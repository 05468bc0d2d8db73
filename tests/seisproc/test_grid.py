"""What is no stacked 3-D survey has no grid, and is told what to do instead."""

import numpy as np
import pytest

from seisproc.errors import GeometryError
from seisproc.grid import Lattice
from seisproc.schema import KINDS

WAYS = {"prestack": "Stack it first", "2d": "interpret --sections", "flat": "--inline-byte"}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"3d"}))
def test_every_kind_is_told_its_own_way_and_no_other(kind):
    axes = ("inline", "crossline", "offset") if kind == "prestack" else ("trace",)
    lattice = Lattice(kind, {name: np.arange(3) for name in axes}, 4.0 * np.arange(5))
    with pytest.raises(GeometryError) as refused:
        lattice.grid("f3.zarr")
    line = str(refused.value)
    assert [each for each, way in WAYS.items() if way in line] == [kind]
    assert line.startswith(f"f3.zarr is no stacked 3-D survey; found: {KINDS[kind]}, 3 x ")
