import math
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

from seisproc import survey
from seisproc.chunking import layout
from seisproc.errors import GeometryError, StoreError
from seisproc.grid import Grid
from seisproc.schema import NONE, SCHEMA_VERSION, VARIABLES
from seisproc.survey import Survey


@pytest.fixture
def grid():
    return Grid(
        inline=np.arange(100, 105, dtype="int32"),
        crossline=np.arange(50, 54, dtype="int32"),
        sample=np.arange(10) * 4.0 + 8.0,
    )


@pytest.fixture
def unpublished(tmp_path, grid):
    url = str(tmp_path / "survey.zarr")
    chunks, shards = layout(grid.shape)
    amplitude = survey.create_array(
        url, "amplitude", grid.shape, "float32", grid.dims, chunks=chunks, shards=shards,
        fill_value=math.nan, attributes={"statistics": {"rms": 1.0}, "coordinates": "cdp_x cdp_y"},
    )
    amplitude[1:] = np.arange(4 * 4 * 10, dtype="float32").reshape(4, 4, 10)
    survey.write_coordinates(url, grid)
    live = np.ones((5, 4), bool)
    live[0] = False
    survey.write_array(url, "live", live, ("inline", "crossline"))
    for name in ("cdp_x", "cdp_y"):
        survey.write_array(url, name, np.ones((5, 4)), ("inline", "crossline"))
    return url


@pytest.fixture
def published(unpublished):
    survey.ensure_group(f"{unpublished}/interpretation")
    survey.ensure_group(f"{unpublished}/labels")
    survey.publish(unpublished, {"domain": "twt", "fingerprint": "f"})
    return unpublished


def test_nothing_shows_before_the_group_is_published(unpublished):
    with pytest.raises(FileNotFoundError):
        xr.open_zarr(unpublished, consolidated=False)
    with pytest.raises(StoreError, match="unfinished"):
        Survey(unpublished)


def test_plain_xarray_opens_the_store_with_cf_attributes_and_without_a_warning(published):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = xr.open_zarr(published, consolidated=False)
    assert opened.amplitude.dims == ("inline", "crossline", "twt")
    assert opened.amplitude.dtype == np.float32
    assert opened.twt.attrs["units"] == "ms"
    assert opened.twt.values[0] == 8.0
    assert {"cdp_x", "cdp_y"} <= set(opened.coords)
    assert np.isnan(opened.amplitude.values[0]).all()
    assert float(opened.amplitude.sel(inline=101, crossline=50, twt=12.0)) == 1.0
    for name in opened.variables:
        assert opened[name].attrs["long_name"] == VARIABLES[name].long_name


def test_a_nested_product_shows_only_when_published_and_opens_alone(published, grid):
    run = f"{published}/interpretation/demo"
    facies = survey.create_array(
        run, "facies", grid.shape, "uint8", grid.dims, fill_value=NONE,
        attributes={"flag_values": [0, 1], "flag_meanings": "basement mudstone"},
    )
    facies[1:] = 1
    fault = survey.create_array(
        run, "fault", grid.shape, "uint8", grid.dims, fill_value=NONE,
        attributes={"scale_factor": 1 / 254, "_FillValue": NONE},
    )
    fault[1:] = 127
    survey.write_coordinates(run, grid)
    assert Survey(published).groups("interpretation") == []
    survey.publish(run, {"run": "demo"})
    assert Survey(published).groups("interpretation") == ["demo"]
    assert Survey(published).volumes() == [
        "amplitude", "interpretation/demo/facies", "interpretation/demo/fault",
    ]
    tree = xr.open_datatree(published, engine="zarr", consolidated=False)
    opened = tree["interpretation/demo"]
    assert opened.facies.dtype == np.uint8
    assert set(np.unique(opened.facies.values)) == {1, NONE}
    assert np.isnan(opened.fault.values[0]).all()
    assert float(opened.fault[1, 0, 0]) == pytest.approx(0.5)
    alone = xr.open_zarr(run, consolidated=False)
    assert list(alone.inline.values) == list(grid.inline)


def test_survey_reads_its_grid_back(published, grid):
    opened = Survey(published)
    assert opened.grid.shape == grid.shape
    opened.grid.require_same(grid, "itself")
    assert opened.live.sum() == 16
    assert opened.statistics == {"rms": 1.0}


def test_another_grid_is_refused_by_axis(published, grid):
    other = Grid(grid.inline + 1, grid.crossline, grid.sample)
    with pytest.raises(GeometryError, match=r"labels\.sgy .* inline axis .*101 to 105.*100 to 104"):
        grid.require_same(other, "labels.sgy")


def test_a_missing_variable_lists_what_is_there(published):
    with pytest.raises(StoreError, match="amplitude"):
        Survey(published).array("interpretation/none/fault")


def test_foreign_and_newer_stores_are_refused(tmp_path):
    foreign = str(tmp_path / "foreign.zarr")
    zarr.create_group(foreign)
    with pytest.raises(StoreError, match="not one of this project"):
        Survey(foreign)
    newer = str(tmp_path / "newer.zarr")
    zarr.create_group(newer, attributes={"seisproc_schema": SCHEMA_VERSION + 1})
    with pytest.raises(StoreError, match="newer version"):
        Survey(newer)
    with pytest.raises(StoreError, match="found: nothing"):
        Survey(str(tmp_path / "missing.zarr"))


@pytest.mark.parametrize("shape", [(1, 1, 1), (601, 1, 1501), (23, 18, 75), (400, 400, 750)])
def test_shards_are_whole_chunks_and_not_far_larger_than_the_volume(shape):
    chunks, shards = layout(shape)
    for extent, chunk, shard in zip(shape, chunks, shards, strict=True):
        assert shard % chunk == 0
        assert chunk <= extent
        assert shard < extent + chunk


def test_what_killed_writers_left_is_not_published(tmp_path):
    url = str(tmp_path / "survey.zarr")
    survey.write_array(url, "live", np.ones((3, 4), bool), ("inline", "crossline"))
    torn = tmp_path / "survey.zarr" / "live" / "c.0123456789abcdef.partial"
    torn.write_bytes(b"half")
    survey.publish(url, {})
    assert not torn.exists()
    assert zarr.open_array(f"{url}/live", mode="r")[...].all()
