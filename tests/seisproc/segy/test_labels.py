from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import GeometryError
from seisproc.grid import Grid, lattice_of
from seisproc.labelling.target import Target
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.segy.labels import open_segy
from seisproc.segy.overrides import HeaderOverrides
from seisproc.survey import Survey

from .conftest import patch_traces

Writer = Callable[..., Path]


def target(grid: Grid, x: np.ndarray | None = None, y: np.ndarray | None = None) -> Target:
    return Target("survey.zarr", lattice_of(grid), np.ones(grid.shape[:2], bool), x, y)


def box(*ranges: tuple[int, int]) -> tuple[slice, ...]:
    return tuple(slice(*each) for each in ranges)


def test_labels_are_placed_by_their_own_headers(
    segy: Writer, grid: Grid, amplitude: np.ndarray
) -> None:
    codes = np.random.default_rng(0).integers(-1, 6, grid.shape).astype("int8")
    live = np.ones(grid.shape[:2], bool)
    live[2, 3] = False
    backwards = Grid(grid.inline[::-1].copy(), grid.crossline, grid.sample)
    path = segy(grid=backwards, amplitude=codes[::-1], live=live[::-1], sample_format=8)
    volume = open_segy([str(path)], target(grid))
    assert volume.shape == grid.shape
    expected = np.where(codes == -1, 255, codes.astype("int16"))
    expected[~live] = 255
    np.testing.assert_array_equal(volume[1:6, 0:5, 10:40], expected[1:6, 0:5, 10:40])


def test_float_volumes_hold_nan_where_there_is_no_trace(
    segy: Writer, grid: Grid, amplitude: np.ndarray
) -> None:
    live = np.ones(grid.shape[:2], bool)
    live[0, 0] = False
    opened = open_segy([str(segy(live=live))], target(grid))
    volume = opened[box((0, 2), (0, 2), (0, 67))]
    assert np.isnan(volume[0, 0]).all()
    np.testing.assert_array_equal(volume[1], amplitude[1, 0:2])


def test_volumes_on_another_grid_are_refused(segy: Writer, grid: Grid) -> None:
    moved = Grid(grid.inline + 1, grid.crossline, grid.sample)
    with pytest.raises(GeometryError, match="inline axis differs"):
        open_segy([str(segy())], target(moved))
    later = Grid(grid.inline, grid.crossline, grid.sample + 2)
    with pytest.raises(GeometryError, match="sample axis differs"):
        open_segy([str(segy())], target(later))


def test_a_part_of_the_survey_is_placed_by_its_headers(
    segy: Writer, grid: Grid, amplitude: np.ndarray
) -> None:
    part = Grid(grid.inline[2:5], grid.crossline[1::2], grid.sample[10:30])
    codes = (np.abs(amplitude[2:5, 1::2, 10:30]) % 6).astype("int16")
    path = segy(grid=part, amplitude=codes, sample_format=3)
    expected = np.full(grid.shape, 255)
    expected[2:5, 1::2, 10:30] = codes
    volume = open_segy([str(path)], target(grid))
    np.testing.assert_array_equal(volume[box((0, 7), (0, 5), (0, 67))], expected)
    np.testing.assert_array_equal(volume[box((3, 6), (2, 4), (5, 12))], expected[3:6, 2:4, 5:12])


def test_sections_in_files_of_their_own_make_one_sparse_volume(
    segy: Writer, grid: Grid, amplitude: np.ndarray
) -> None:
    codes = (np.abs(amplitude) % 6).astype("int16")
    lines = [(slice(1, 2), slice(None)), (slice(4, 5), slice(None))]
    paths = [
        segy(f"line-{n}.sgy", grid=Grid(grid.inline[i], grid.crossline[j], grid.sample),
             amplitude=codes[i, j], sample_format=3)
        for n, (i, j) in enumerate(lines)
    ]
    expected = np.full(grid.shape, 255)
    for i, j in lines:
        expected[i, j] = codes[i, j]
    volume = open_segy([str(path) for path in paths], target(grid))
    np.testing.assert_array_equal(volume[box((0, 7), (0, 5), (0, 67))], expected)


def test_labels_of_another_survey_with_the_same_line_numbers_are_refused(
    segy: Writer, grid: Grid
) -> None:
    x = 1000.0 + 25.0 * np.arange(7)[:, None] + np.zeros(5)
    y = 2000.0 + np.zeros((7, 1)) + 12.5 * np.arange(5)
    path = segy(cdp_x=x + 900, cdp_y=y)
    with pytest.raises(GeometryError, match="belongs to another survey.*found: 900 m away"):
        open_segy([str(path)], target(grid, x, y))
    open_segy([str(segy("same.sgy", cdp_x=x, cdp_y=y))], target(grid, x, y))


def test_a_file_in_another_domain_is_refused(segy: Writer, grid: Grid) -> None:
    deep = Grid(grid.inline, grid.crossline, grid.sample, "depth")
    with pytest.raises(GeometryError, match="sample axis differs|is in"):
        open_segy([str(segy())], target(Grid(deep.inline, deep.crossline, deep.sample * 3,
                                             "depth")))


LINE, DEPTH = np.arange(40), 20
CODES = np.random.default_rng(3).integers(0, 6, (60, DEPTH)).astype("int16")
TOLD = HeaderOverrides(geometry="2d")


def write_line(
    path: Path, traces: np.ndarray, numbers: np.ndarray | None, x: np.ndarray | None
) -> str:
    """Write the codes of some traces as a 2-D line, with CDP numbers and X = Y, or without."""
    grid = Grid(np.zeros(1, "i4"), np.arange(len(traces), dtype="i4"), 4.0 * np.arange(DEPTH))
    x = None if x is None else x[None].astype(float)
    create_segy(path, CODES[traces][None], grid, sample_format=3, cdp_x=x, cdp_y=x)
    for byte in (21, 189, 193):  # CDP, inline, crossline
        told = numbers if byte == 21 and numbers is not None else 0
        patch_traces(path, byte, ">i4", told, DEPTH, size=2)
    return str(path)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """A line of 40 traces with CDP numbers from 500, in steps of 25 m along X and Y."""
    folder = tmp_path_factory.mktemp("line")
    path = write_line(folder / "line.sgy", LINE, 500 + LINE, 1000 + 25 * LINE)
    ingest([path], str(folder / "line.zarr"), overrides=TOLD)
    return Target.of(Survey(str(folder / "line.zarr")))


@pytest.mark.parametrize(("traces", "numbered", "placed"), [
    (LINE[10:31], True, True),
    (LINE[10:31], True, False),
    (LINE[::-1], True, True),
    (LINE, False, False),
    (LINE, False, True),
    (LINE[:21], False, True),
])
def test_labels_of_a_line_land_on_their_own_traces(line, tmp_path, traces, numbered, placed):
    path = write_line(tmp_path / "l.sgy", traces, 500 + traces if numbered else None,
                      1000 + 25 * traces if placed else None)
    expected = np.full((40, DEPTH), 255)
    expected[traces] = CODES[traces]
    volume = open_segy([path], line, TOLD)
    np.testing.assert_array_equal(volume[box((0, 40), (0, DEPTH))], expected)


BENT = np.where(LINE % 8 == 7, LINE - 1, LINE)
"""A number comes twice at each bend."""


@pytest.mark.parametrize(("numbers", "x", "why"), [
    (501 + LINE, None, "its CDP axis differs.*first 540"),
    (500 + np.random.default_rng(0).permutation(LINE), None, "CDP positions that neither rise"),
    (500 + BENT, None, "their CDP numbers differ; found: CDP 507 instead of 506"),
    (500 + LINE, 4000 + 25 * LINE, "belongs to another survey"),
    (None, 1025 + 25 * LINE, "traces lie elsewhere; found: up to 35.4 m away"),
    (None, 1000 + 25 * LINE[10:31], "traces lie elsewhere"),
    (None, None, "no numbers or coordinates.*found: 21 traces; expected: 40"),
    (None, 1000 + 25 * np.arange(41), "no numbers or coordinates.*found: 41 traces"),
])
def test_labels_that_may_be_of_other_traces_are_refused(line, tmp_path, numbers, x, why):
    count = next((len(each) for each in (numbers, x) if each is not None), 21)
    path = write_line(tmp_path / "l.sgy", np.arange(count), numbers, x)
    with pytest.raises(GeometryError, match=why):
        open_segy([path], line, TOLD)
