"""Pyramids: values, metadata, readers of others, resuming, replacing."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tensorstore
import zarr
from distributed import Client, LocalCluster

from seisproc import pyramid, survey
from seisproc.chunking import layout
from seisproc.errors import OutputExistsError, StoreError
from seisproc.pyramid import make_pyramid, pyramid_url
from seisproc.pyramid_levels import mean_of_live, plan_levels
from seisproc.survey import Survey
from seisproc.verify import verify

SHAPE = (140, 70, 150)


@pytest.fixture
def amplitude():
    return np.random.default_rng(0).normal(size=SHAPE).astype("float32")


@pytest.fixture
def live():
    cells = np.random.default_rng(1).random(SHAPE[:2]) > 0.3
    cells[100:, :40] = False
    return cells


def level(url, number):
    return zarr.open_array(f"{url}/{number}", mode="r")


def blockwise_mean(values, factors):
    """The mean of what is no NaN, block by block, the slow way."""
    shape = [-(-n // f) for n, f in zip(values.shape, factors, strict=True)]
    out = np.full(shape, np.nan)
    for at in np.ndindex(*shape):
        block = values[tuple(slice(f * n, f * (n + 1)) for n, f in zip(at, factors, strict=True))]
        known = block[~np.isnan(block)]
        out[at] = known.mean(dtype="float64") if len(known) else np.nan
    return out


def files_of(url):
    return {
        str(path.relative_to(url)): path.read_bytes()
        for path in sorted(Path(url).rglob("*"))
        if path.is_file()
    }


def test_each_level_is_the_mean_of_the_live_voxels_of_the_level_below(make_survey, amplitude, live):
    made = make_survey(amplitude, live)
    receipt = make_pyramid(made.url)
    assert receipt.levels == ((140, 70, 150), (70, 35, 75), (35, 35, 38))
    np.testing.assert_array_equal(level(receipt.pyramid, 0)[...], made.amplitude[...])
    below = made.amplitude[...]
    for number, factors in ((1, (2, 2, 2)), (2, (2, 1, 2))):
        stored = level(receipt.pyramid, number)
        assert stored.dtype == np.float32 and stored.shards is not None
        np.testing.assert_allclose(stored[...], blockwise_mean(below, factors), rtol=1e-5,
                                   atol=1e-6)
        below = stored[...]
    dead = np.isnan(level(receipt.pyramid, 1)[...])
    assert dead[50:, :20].all() and not dead[:, 20:].all(axis=2).all()


def test_integers_stay_integers_and_dead_cells_do_not_pull_the_mean(tmp_path, live):
    values = np.random.default_rng(2).integers(80, 120, SHAPE).astype("int16")
    values[~live] = 0
    url = str(tmp_path / "counts.zarr")
    grid = survey.Grid(np.arange(140, dtype="int32"), np.arange(70, dtype="int32"),
                       4.0 * np.arange(150))
    chunks, shards = layout(SHAPE)
    array = survey.create_array(url, "amplitude", SHAPE, "int16", grid.dims, chunks=chunks,
                                shards=shards)
    array[...] = values
    survey.write_coordinates(url, grid)
    survey.write_array(url, "live", live, ("inline", "crossline"))
    survey.publish(url, {"domain": "twt", "fingerprint": "i" * 16})
    receipt = make_pyramid(url)
    known = np.where(live[..., None], values.astype("float64"), np.nan)
    wanted = np.nan_to_num(np.rint(blockwise_mean(known, (2, 2, 2))))
    first = level(receipt.pyramid, 1)
    assert first.dtype == np.int16
    np.testing.assert_array_equal(first[...], wanted)
    second = level(receipt.pyramid, 2)[...]
    assert set(np.unique(second)) <= {0, *range(80, 121)}


def test_what_viewers_do_not_know_becomes_float32(tmp_path, amplitude):
    url = str(tmp_path / "double.zarr")
    grid = survey.Grid(np.arange(9, dtype="int32"), np.arange(8, dtype="int32"),
                       4.0 * np.arange(150))
    array = survey.create_array(url, "amplitude", grid.shape, "float64", grid.dims,
                                fill_value=math.nan)
    array[...] = amplitude[:9, :8]
    survey.write_coordinates(url, grid)
    survey.write_array(url, "live", np.ones((9, 8), bool), ("inline", "crossline"))
    survey.publish(url, {"domain": "twt", "fingerprint": "d" * 16})
    receipt = make_pyramid(url)
    assert (receipt.dtype, receipt.full_resolution) == ("float32", "converted")
    np.testing.assert_array_equal(level(receipt.pyramid, 0)[...], amplitude[:9, :8])


def test_full_resolution_costs_no_disk_and_outlives_the_survey(make_survey, amplitude):
    made = make_survey(amplitude)
    receipt = make_pyramid(made.url)
    assert receipt.full_resolution == "linked"
    shards = sorted((Path(made.url) / "amplitude" / "c").rglob("0"))
    shards = [shard for shard in shards if shard.is_file()]
    assert shards
    for shard in shards:
        twin = Path(receipt.pyramid) / "0" / shard.relative_to(Path(made.url) / "amplitude")
        assert twin.samefile(shard)


def test_the_metadata_is_what_ome_zarr_0_5_asks_for(make_survey, amplitude):
    made = make_survey(amplitude)
    url = make_pyramid(made.url).pyramid
    ome = json.loads((Path(url) / "zarr.json").read_text())["attributes"]["ome"]
    assert ome["version"] == "0.5"
    (image,) = ome["multiscales"]
    assert [axis["name"] for axis in image["axes"]] == ["inline", "crossline", "twt"]
    assert [axis["type"] for axis in image["axes"]] == ["space"] * 3
    assert "unit" not in image["axes"][2]
    for entry in image["datasets"]:
        array = zarr.open_array(f"{url}/{entry['path']}", mode="r")
        assert list(array.metadata.dimension_names) == ["inline", "crossline", "twt"]
        scale, shift = entry["coordinateTransformations"]
        assert (scale["type"], shift["type"]) == ("scale", "translation")
        assert all(step > 0 for step in scale["scale"])
    first, second = (entry["coordinateTransformations"] for entry in image["datasets"][:2])
    # lines 100 and 500 in steps of 1, samples of 4 ms; voxel centres
    assert first[0]["scale"] == [1, 1, 4] and first[1]["translation"] == [100, 500, 0]
    assert second[0]["scale"] == [2, 2, 8] and second[1]["translation"] == [100.5, 500.5, 2]


def test_lines_are_metres_apart_where_the_coordinates_say_so(tmp_path, amplitude):
    url = str(tmp_path / "metres.zarr")
    grid = survey.Grid(np.arange(200, 218, 2, dtype="int32"), np.arange(58, 50, -1, dtype="int32"),
                       1000 + 4.0 * np.arange(150))
    array = survey.create_array(url, "amplitude", grid.shape, "float32", grid.dims,
                                fill_value=math.nan, attributes={
        "statistics": {"percentiles": {"1": -3.0, "99": 2.0}, "min": -9.0, "max": 8.0}})
    array[...] = amplitude[:9, :8]
    survey.write_coordinates(url, grid)
    affine = {"x_inline": 3.0, "y_inline": 4.0, "x_crossline": -12.0, "y_crossline": 0.0}
    told = {"units": "m", "affine": affine}
    survey.publish(url, {"domain": "twt", "fingerprint": "m", "coordinates_from": told})
    ome = zarr.open_group(make_pyramid(url).pyramid, mode="r").attrs["ome"]
    (image,) = ome["multiscales"]
    assert [axis.get("unit") for axis in image["axes"]] == ["meter", "meter", None]
    scale, shift = image["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [10, 12, 4]
    assert shift["translation"] == [1000, 0, 1000]  # descending lines count from 0
    assert ome["omero"]["channels"][0]["window"] == {"start": -3, "end": 3, "min": -9, "max": 8}


def test_tensorstore_which_shares_neuroglancers_rules_reads_every_level(
    make_survey, amplitude, live
):
    url = make_pyramid(make_survey(amplitude, live).url).pyramid
    image = zarr.open_group(url, mode="r").attrs["ome"]["multiscales"][0]
    for entry in image["datasets"]:
        kvstore = {"driver": "file", "path": f"{url}/{entry['path']}"}
        opened = tensorstore.open({"driver": "zarr3", "kvstore": kvstore}).result()
        assert opened.domain.labels == ("inline", "crossline", "twt")
        np.testing.assert_array_equal(opened.read().result(), level(url, entry["path"])[...])


def test_a_second_call_finds_it_and_another_survey_replaces_it(make_survey, amplitude):
    made = make_survey(amplitude)
    first = make_pyramid(made.url)
    before = files_of(first.pyramid)
    assert make_pyramid(made.url).reused
    assert files_of(first.pyramid) == before
    metadata = Path(made.url) / "zarr.json"
    told = json.loads(metadata.read_text())
    told["attributes"]["fingerprint"] = "another"
    metadata.write_text(json.dumps(told))
    again = make_pyramid(made.url)
    assert not again.reused and again.fingerprint != first.fingerprint
    assert zarr.open_group(again.pyramid).attrs["survey_fingerprint"] == "another"
    assert not Path(f"{made.url}.work").exists()


def test_killed_at_any_step_it_goes_on_and_ends_the_same_on_any_cluster(
    make_survey, amplitude, live, monkeypatch
):
    whole = make_survey(amplitude, live, name="whole.zarr")
    wanted = files_of(make_pyramid(whole.url).pyramid)
    killed = make_survey(amplitude, live, name="killed.zarr")
    url = pyramid_url(killed.url)
    real, calls = pyramid.do_step, []

    def dies_after_two(job, step):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(step)
        real(job, step)

    monkeypatch.setattr(pyramid, "do_step", dies_after_two)
    with pytest.raises(KeyboardInterrupt):
        make_pyramid(killed.url)
    assert not survey.is_published(url)
    monkeypatch.setattr(pyramid, "do_step", real)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0")
        as cluster,
        Client(cluster) as client,
    ):
        receipt = make_pyramid(killed.url, client=client)
    assert receipt.resumed == 2
    found = files_of(url)
    assert found.keys() == wanted.keys()
    del found["zarr.json"], wanted["zarr.json"]  # they hold the surveys' names
    assert found == wanted


def test_a_pyramid_can_be_verified(make_survey, amplitude):
    url = make_pyramid(make_survey(amplitude).url).pyramid
    checked = verify(url)
    assert not checked.problems and not checked.notes
    assert {each.path for each in checked.arrays} == {"0", "1", "2"}
    shard = Path(url) / "1" / "c" / "0" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:-7])
    (problem,) = verify(url).problems
    assert (problem.array, problem.file) == ("1", "c/0/0/0")


def test_an_object_store_gets_copies(make_survey, amplitude):
    import fsspec

    memory = fsspec.filesystem("memory")
    made = make_survey(amplitude)
    memory.put(made.url, "/pyramids/f3.zarr", recursive=True)
    receipt = make_pyramid("memory://pyramids/f3.zarr")
    assert receipt.pyramid == "memory://pyramids/f3.ome.zarr"
    assert receipt.full_resolution == "copied"
    np.testing.assert_array_equal(level(receipt.pyramid, 0)[...], amplitude)
    assert not verify(receipt.pyramid).problems


def test_what_is_no_pyramid_is_not_touched(make_survey, amplitude):
    made = make_survey(amplitude)
    place = Path(pyramid_url(made.url))
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"notes\.txt"):
        make_pyramid(made.url)
    assert (place / "notes.txt").read_text() == "mine"


def test_a_line_has_no_pyramid(tmp_path):
    url = str(tmp_path / "line.zarr")
    survey.create_array(url, "amplitude", (9, 20), "float32", ("trace", "twt"))
    survey.publish(url, {"domain": "twt", "fingerprint": "l"})
    with pytest.raises(StoreError, match="no 3-D volume.*amplitude along trace, twt;"):
        make_pyramid(url)


def test_small_volumes_have_one_level_and_long_axes_alone_are_halved():
    assert len(plan_levels((64, 10, 1))) == 1
    assert [each.factors for each in plan_levels((1, 65, 200))] == [
        (1, 1, 1), (1, 2, 2), (1, 2, 4)
    ]


def test_blocks_at_the_far_ends_are_means_of_what_is_there():
    values = np.array([[[1.0, 3.0, 7.0]]], "float32")
    np.testing.assert_array_equal(mean_of_live(values, (2, 2, 2)), [[[2.0, 7.0]]])


def test_the_survey_still_opens_as_a_tree(make_survey, amplitude):
    import xarray as xr

    made = make_survey(amplitude)
    make_pyramid(made.url)
    tree = xr.open_datatree(made.url, engine="zarr", consolidated=False)
    assert tree.amplitude.shape == SHAPE and Survey(made.url).fingerprint
