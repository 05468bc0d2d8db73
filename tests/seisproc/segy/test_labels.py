from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import GeometryError
from seisproc.grid import Grid
from seisproc.segy.labels import read_on_grid

Writer = Callable[..., Path]


def test_labels_are_placed_by_their_own_headers(
    segy: Writer, grid: Grid, amplitude: np.ndarray
) -> None:
    codes = np.random.default_rng(0).integers(-1, 6, grid.shape).astype("int8")
    live = np.ones(grid.shape[:2], bool)
    live[2, 3] = False
    backwards = Grid(grid.inline[::-1].copy(), grid.crossline, grid.sample)
    path = segy(grid=backwards, amplitude=codes[::-1], live=live[::-1], sample_format=8)
    volume = read_on_grid(str(path), grid)
    assert volume.shape == grid.shape
    expected = np.where(codes == -1, 255, codes.astype("int16"))
    expected[~live] = 255
    np.testing.assert_array_equal(volume[1:6, 0:5, 10:40], expected[1:6, 0:5, 10:40])


def test_float_volumes_hold_nan_where_there_is_no_trace(
    segy: Writer, grid: Grid, amplitude: np.ndarray
) -> None:
    live = np.ones(grid.shape[:2], bool)
    live[0, 0] = False
    volume = read_on_grid(str(segy(live=live)), grid)[0:2, 0:2, 0:67]
    assert np.isnan(volume[0, 0]).all()
    np.testing.assert_array_equal(volume[1], amplitude[1, 0:2])


def test_volumes_on_another_grid_are_refused(segy: Writer, grid: Grid) -> None:
    moved = Grid(grid.inline + 1, grid.crossline, grid.sample)
    with pytest.raises(GeometryError, match="inline axis differs"):
        read_on_grid(str(segy()), moved)
    later = Grid(grid.inline, grid.crossline, grid.sample + 2)
    with pytest.raises(GeometryError, match="sample axis differs"):
        read_on_grid(str(segy()), later)
