from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from seisproc.errors import ConfigError, GeometryError
from seisproc.grid import Grid
from seisproc.segy.mapview import draw_map, outline, shrunk
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.scan import scan

Writer = Callable[..., Path]


def blue(picture: np.ndarray) -> float:
    """Share of the pixels in the colour of live cells."""
    return float(np.all(np.abs(picture[..., :3] - (0, 0.447, 0.698)) < 0.02, axis=2).mean())


def test_missing_traces_leave_the_picture_emptier(
    segy: Writer, grid: Grid, tmp_path: Path
) -> None:
    live = np.ones(grid.shape[:2], bool)
    shares = []
    for _ in range(2):
        draw_map(scan([str(segy(live=live))]), tmp_path / "map.png")
        shares.append(blue(imread(tmp_path / "map.png")))
        live[2:5, 1:4] = False
    assert shares[1] == pytest.approx(shares[0] * (1 - 9 / 35), rel=0.05)


def test_coordinates_bring_a_second_panel(segy: Writer, grid: Grid, tmp_path: Path) -> None:
    x, y = np.meshgrid(25.0 * grid.inline, 12.5 * grid.crossline + 900, indexing="ij")
    draw_map(scan([str(segy("plain.sgy"))]), tmp_path / "one.png")
    draw_map(scan([str(segy("xy.sgy", cdp_x=x, cdp_y=y))]), tmp_path / "two.png")
    one, two = (imread(tmp_path / name).shape for name in ("one.png", "two.png"))
    assert two[1] == 2 * one[1]


def test_a_large_survey_is_drawn_as_shares() -> None:
    share, steps = shrunk(np.tile(np.array([0, 1], "float32"), (1, 2000)))
    assert (share.shape, steps) == ((1, 1000), (1, 4))
    assert (share == 0.5).all()


def test_an_outline_follows_the_live_cells() -> None:
    known = np.array([[0, 0, 0], [0, 1, 1], [1, 1, 0]], bool)
    rows, columns = outline(known)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [
        (1, 1), (2, 0), (2, 1), (1, 2), (1, 1),
    ]


def test_traces_without_a_place_are_refused(segy: Writer, tmp_path: Path) -> None:
    found = scan([str(segy())], HeaderOverrides(geometry="flat"))
    with pytest.raises(GeometryError, match="neither line numbers nor coordinates"):
        draw_map(found, tmp_path / "map.png")


def test_a_type_that_is_no_picture_is_refused(segy: Writer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="png"):
        draw_map(scan([str(segy())]), tmp_path / "map.zarr")
