from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio

from seisproc.errors import GeometryError, SegyError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy

Writer = Callable[..., Path]


@pytest.mark.parametrize("byte_order", ["big", "little"])
@pytest.mark.parametrize("code", [1, 2, 3, 5, 8, 16])
def test_segyio_reads_what_is_written(
    segy: Writer, grid: Grid, amplitude: np.ndarray, code: int, byte_order: str
) -> None:
    volume = np.clip(amplitude, 0, 127) if code in (8, 16) else amplitude
    path = segy(amplitude=volume, sample_format=code, byte_order=byte_order)
    with segyio.open(path, endian=byte_order) as file:
        np.testing.assert_array_equal(file.ilines, grid.inline)
        np.testing.assert_array_equal(file.xlines, grid.crossline)
        np.testing.assert_allclose(file.samples, grid.sample)
        assert int(file.format) == code
        np.testing.assert_array_equal(segyio.tools.cube(file), volume)


def test_cells_without_a_trace_are_not_written(segy: Writer, grid: Grid) -> None:
    live = np.ones(grid.shape[:2], bool)
    live[2, 1:4] = False
    x, y = np.meshgrid(np.arange(7) * 25.0 + 600_000.25, np.arange(5) * 12.5, indexing="ij")
    path = segy(live=live, cdp_x=x, cdp_y=y)
    with segyio.open(path, strict=False) as file:
        assert file.tracecount == live.sum()
        assert (file.attributes(segyio.TraceField.CDP_X)[:] == np.rint(x[live] * 100)).all()
        assert file.header[0][segyio.TraceField.SourceGroupScalar] == -100


def test_depth_and_fractions_of_milliseconds_are_written(segy: Writer, grid: Grid) -> None:
    shifted = Grid(grid.inline, grid.crossline, 2.5 + 0.25 * np.arange(67))
    path = segy(grid=shifted)
    with segyio.open(path) as file:
        header = file.header[0]
        assert file.bin[segyio.BinField.Interval] == 250
        assert header[segyio.TraceField.DelayRecordingTime] == 25
        assert header[segyio.TraceField.ScalarTraceHeader] == -10


def test_what_does_not_fit_is_refused_and_leaves_nothing(
    tmp_path: Path, grid: Grid, amplitude: np.ndarray
) -> None:
    path = tmp_path / "x.sgy"
    with pytest.raises(GeometryError, match="grid's shape"):
        create_segy(path, amplitude[1:], grid)
    far = np.full(grid.shape[:2], 1e9)
    with pytest.raises(SegyError, match="coordinate scalar"):
        create_segy(path, amplitude, grid, cdp_x=far, cdp_y=far)
    assert list(tmp_path.iterdir()) == []
