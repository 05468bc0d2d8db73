"""Labels in Zarr stores, placed by their coordinates."""

import numpy as np
import pytest
import xarray as xr
import zarr

from seisproc.errors import GeometryError, StoreError
from seisproc.labelling.zarr_volume import is_zarr, open_zarr
from seisproc.schema import NONE, PARIHAKA

WHOLE = (slice(None),) * 3


def dataset(grid, values, **changes):
    coordinates = {"inline": grid.inline, "crossline": grid.crossline, "twt": grid.sample}
    coordinates |= changes
    return xr.Dataset({"facies": (tuple(coordinates), values)}, coords=coordinates)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("path", ["", "/facies"])
def test_a_variable_that_xarray_wrote_comes_back(tmp_path, target, grid, facies, version, path):
    url = str(tmp_path / "labels.zarr")
    dataset(grid, facies).to_zarr(url, zarr_format=version)
    assert is_zarr(url)
    volume = open_zarr(url + path, "facies", target, PARIHAKA)
    np.testing.assert_array_equal(volume[WHOLE], facies)


def test_axes_in_another_order_and_by_other_names_are_turned(tmp_path, target, grid, facies):
    turned = dataset(grid, facies).transpose("twt", "crossline", "inline")
    turned = turned.rename(inline="iline", crossline="xline", twt="time").rename(facies="picks")
    turned.to_zarr(url := str(tmp_path / "labels.zarr"))
    np.testing.assert_array_equal(open_zarr(url, "facies", target, PARIHAKA)[WHOLE], facies)


def test_a_part_of_the_survey_is_placed_and_the_rest_has_no_label(
    tmp_path, target, grid, facies
):
    part = dataset(grid, facies).isel(inline=slice(12, 3, -2), crossline=[2], twt=slice(5, 40))
    part.to_zarr(url := str(tmp_path / "labels.zarr"))
    expected = np.full(facies.shape, NONE)
    expected[4:13:2, 2, 5:40] = facies[4:13:2, 2, 5:40]
    volume = open_zarr(url, "facies", target, PARIHAKA)
    np.testing.assert_array_equal(volume[WHOLE], expected)
    box = (slice(5, 9), slice(1, 3), slice(30, 50))
    np.testing.assert_array_equal(volume[box], expected[box])


def test_times_in_seconds_and_a_fill_value_that_is_no_class_are_understood(
    tmp_path, target, grid, facies
):
    signed = facies.astype("int16")
    signed[3] = -1
    made = dataset(grid, signed, twt=grid.sample / 1000)
    made.twt.attrs["units"] = "s"
    made.facies.encoding["_FillValue"] = -1
    made.to_zarr(url := str(tmp_path / "labels.zarr"))
    found = open_zarr(url, "facies", target, PARIHAKA)[WHOLE]
    assert (found[3] == NONE).all()
    np.testing.assert_array_equal(found[4:], facies[4:])


@pytest.mark.parametrize("version", [2, 3])
def test_a_fill_value_of_a_class_is_that_class(tmp_path, target, grid, facies, version):
    dataset(grid, facies).to_zarr(url := str(tmp_path / "z.zarr"), zarr_format=version,
                                  encoding={"facies": {"_FillValue": 0}})
    np.testing.assert_array_equal(open_zarr(url, "facies", target, PARIHAKA)[WHOLE], facies)


@pytest.mark.parametrize("version", [2, 3])
def test_a_bare_array_must_have_the_surveys_shape(tmp_path, target, facies, version):
    url = str(tmp_path / "bare.zarr")
    zarr.create_array(url, data=facies, zarr_format=version)
    np.testing.assert_array_equal(open_zarr(url, "facies", target, PARIHAKA)[WHOLE], facies)
    zarr.create_array(other := str(tmp_path / "other.zarr"), data=facies[1:])
    with pytest.raises(GeometryError, match="other dimensions than the survey"):
        open_zarr(other, "facies", target, PARIHAKA)


@pytest.mark.parametrize(("change", "what"), [
    ({"inline": np.arange(1, 21)}, r"its inline axis differs.*of which 20 are not"),
    ({"twt": 41 + 4.0 * np.arange(70)}, "its sample axis differs"),
    ({"crossline": np.arange(600, 618)}, "its crossline axis differs"),
    ({"crossline": np.array([500] * 18)}, "neither rise nor fall"),
])
def test_another_grid_is_refused_and_the_axis_named(tmp_path, target, grid, facies, change, what):
    dataset(grid, facies, **change).to_zarr(url := str(tmp_path / "labels.zarr"))
    with pytest.raises(GeometryError, match=what):
        open_zarr(url, "facies", target, PARIHAKA)


def test_labels_of_another_survey_with_the_same_numbers_are_refused(
    tmp_path, target, grid, facies
):
    made = dataset(grid, facies)
    made["cdp_x"] = ("inline", "crossline"), target.x + 5000
    made["cdp_y"] = ("inline", "crossline"), target.y
    made.to_zarr(url := str(tmp_path / "labels.zarr"))
    with pytest.raises(GeometryError, match="belongs to another survey.*5,000 m away"):
        open_zarr(f"{url}/facies", "facies", target, PARIHAKA)


def test_depths_are_no_times(tmp_path, target, grid, facies):
    dataset(grid, facies).rename(twt="depth").to_zarr(url := str(tmp_path / "labels.zarr"))
    with pytest.raises(GeometryError, match="is in depth, the survey in twt"):
        open_zarr(url, "facies", target, PARIHAKA)


def test_several_variables_are_not_guessed_from(tmp_path, target, grid, facies):
    made = dataset(grid, facies).rename(facies="first")
    made["second"] = made["first"]
    made.to_zarr(url := str(tmp_path / "labels.zarr"))
    with pytest.raises(StoreError, match=r"several variables.*first, second.*STORE.zarr/VARIABLE"):
        open_zarr(url, "facies", target, PARIHAKA)
    np.testing.assert_array_equal(open_zarr(f"{url}/second", "facies", target, PARIHAKA)[WHOLE],
                                  facies)
    with pytest.raises(StoreError, match="no Zarr array or group"):
        open_zarr(str(tmp_path / "nothing.zarr"), "facies", target, PARIHAKA)
