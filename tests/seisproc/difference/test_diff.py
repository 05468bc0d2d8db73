"""Comparing two interpretations: figures from plain numpy, any cut, one error where it can't be."""

import csv
import io
import json

import numpy as np
import pytest
import xarray as xr

from seisproc import survey as stores
from seisproc.chunking import layout
from seisproc.difference import diff as module
from seisproc.difference.diff import diff
from seisproc.difference.files import markdown, table_csv, write_difference
from seisproc.difference.sides import Side, side
from seisproc.errors import ConfigError, GeometryError, OutputExistsError, StoreError
from seisproc.grid import Grid
from seisproc.report.product_sums import FAULT_THRESHOLD
from seisproc.report.summary import summarise
from seisproc.schema import NONE
from seisproc.survey import Survey

SHAPE = (30, 26, 40)
NAMES = ("mud", "sand", "salt dome")


def write_store(url, runs, *, first_inline=10, names=NAMES):
    """Write a survey with coordinates and interpretations: run -> volumes."""
    grid = Grid(np.arange(first_inline, first_inline + SHAPE[0], dtype="int32"),
                np.arange(50, 50 + SHAPE[1], dtype="int32"), 4.0 * np.arange(SHAPE[2]))
    chunks, shards = layout(SHAPE, chunk=(8, 8, 16), shard=(16, 16, 32))
    stores.create_array(url, "amplitude", SHAPE, "float32", grid.dims, chunks=chunks, shards=shards)
    stores.write_coordinates(url, grid)
    stores.write_array(url, "live", np.ones(SHAPE[:2], bool), ("inline", "crossline"))
    i, j = np.meshgrid(np.arange(SHAPE[0]), np.arange(SHAPE[1]), indexing="ij")
    stores.write_array(url, "cdp_x", 25.0 * i, ("inline", "crossline"))
    stores.write_array(url, "cdp_y", 12.5 * j, ("inline", "crossline"))
    for run, volumes in runs.items():
        for name, values in volumes.items():
            attributes = {"scale_factor": 1 / 254, "_FillValue": NONE}
            if name == "facies":
                attributes = {"flag_values": [*range(len(names)), NONE], "flag_meanings": " ".join(
                    each.replace(" ", "_") for each in (*names, "none"))}
            array = stores.create_array(
                f"{url}/interpretation/{run}", name, SHAPE, "uint8", grid.dims, chunks=chunks,
                shards=shards, fill_value=NONE, attributes=attributes)
            array[...] = values
        stores.write_coordinates(f"{url}/interpretation/{run}", grid)
        stores.publish(f"{url}/interpretation/{run}", {"fingerprint": run})
    stores.ensure_group(f"{url}/interpretation")
    stores.publish(url, {"domain": "twt", "fingerprint": url})
    return Survey(url)


def volumes(seed):
    rng = np.random.default_rng(seed)
    depth = np.arange(SHAPE[2]) + rng.normal(0, 3, (*SHAPE[:2], 1))
    facies = np.clip(depth // 15, 0, 2).astype("uint8")
    fault = rng.integers(0, 255, SHAPE).astype("uint8")
    dead = rng.random(SHAPE[:2]) < 0.05
    facies[dead] = fault[dead] = NONE
    return {"facies": facies, "fault": fault, "fault_uncertainty": fault // 2}


@pytest.fixture
def runs():
    return {"a": volumes(0), "b": volumes(1)}


@pytest.fixture
def store(tmp_path, runs):
    return write_store(str(tmp_path / "survey.zarr"), runs)


def test_figures_are_those_of_plain_numpy(store, runs):
    found = diff(Side(store.url, "a"), Side(store.url, "b"))
    a, b = (runs[run]["facies"] for run in "ab")
    both = (a != NONE) & (b != NONE)
    assert found.facies.agreement == (a == b)[both].mean()
    assert found.facies.only_a == ((a != NONE) & (b == NONE)).sum()
    for code, row in enumerate(found.facies.rows):
        p, q = (a == code) & both, (b == code) & both
        assert row["class"] == NAMES[code]
        assert (row["voxels_a"], row["voxels_b"]) == (p.sum(), q.sum())
        assert row["iou"] == (p & q).sum() / (p | q).sum()
        assert row["lost"] == (p & ~q).sum() / p.sum()
        assert row["gained"] == (q & ~p).sum() / q.sum()
        size = 25 * 12.5 / 1e6 * 4
        assert row["volume_km2_ms_changed"] == pytest.approx((q.sum() - p.sum()) * size, rel=1e-5)
    most = found.facies.changes[0]
    p, q = (NAMES.index(most[end]) for end in ("from", "to"))
    assert most["voxels"] == ((a == p) & (b == q)).sum()
    assert sum(row["voxels"] for row in found.facies.changes) == (a != b)[both].sum()
    with np.errstate(invalid="ignore"):
        share = ((a == b) & both).sum(-1) / both.sum(-1)
    np.testing.assert_allclose(found.maps["facies"], share)


def test_faults_are_compared_as_probabilities(store, runs):
    found = diff(Side(store.url, "a"), Side(store.url, "b"))
    a, b = (runs[run]["fault"] for run in "ab")
    both = (a != NONE) & (b != NONE)
    p, q = (each[both] / 254 for each in (a, b))
    assert found.fault.mean_a == pytest.approx(p.mean())
    assert found.fault.mean_difference == pytest.approx(np.abs(p - q).mean())
    assert found.fault.correlation == pytest.approx(np.corrcoef(p, q)[0, 1], abs=1e-12)
    for row in found.fault.rows:
        t = row["threshold"]
        assert row["iou"] == ((p > t) & (q > t)).sum() / ((p > t) | (q > t)).sum()
        assert row["kept"] == ((p > t) & (q > t)).sum() / (p > t).sum()
    apart = np.where(both, np.abs(a.astype(int) - b), 0).sum(-1) / 254
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(found.maps["fault"], apart / both.sum(-1))


def test_above_a_half_means_the_same_here_and_in_the_figures_of_one(tmp_path):
    """Of the packed codes 127 is a half exactly, and not above it."""
    fault = np.random.default_rng(0).integers(125, 130, SHAPE).astype("uint8")
    store = write_store(str(tmp_path / "half.zarr"), {"a": {"fault": fault}})
    (row,) = (each for each in diff(Side(store.url, "a"), Side(store.url, "a")).fault.rows
              if each["threshold"] == FAULT_THRESHOLD)
    shown = summarise(store, "a").fault
    assert row["voxels_a"] == row["voxels_b"] == shown.above == (fault > 127).sum()


def test_the_cut_does_not_show(store, monkeypatch):
    whole = diff(Side(store.url, "a"), Side(store.url, "b"))
    monkeypatch.setattr(module, "layout", lambda shape: ((4, 6, 8), (4, 6, 8)))
    seen = []
    parts = diff(Side(store.url, "a"), Side(store.url, "b"),
                 on_progress=lambda *told: seen.append(told))
    assert len(seen) == 8 * 5 and seen[-1] == (40, 40)
    assert whole.to_dict() == parts.to_dict()
    for name in whole.maps:
        np.testing.assert_array_equal(whole.maps[name], parts.maps[name])


def test_an_interpretation_agrees_with_itself(store):
    found = diff(Side(store.url, "a"), Side(store.url, "a"))
    assert found.facies.agreement == 1 and not found.facies.changes
    assert all(row["iou"] == 1 and row["change"] == 0 for row in found.facies.rows)
    assert found.fault.mean_difference == 0 and found.fault.correlation == pytest.approx(1)


def test_nothing_known_is_told_and_not_divided_by(tmp_path):
    none = np.full(SHAPE, NONE, "uint8")
    both = {"facies": none, "fault": none}
    store = write_store(str(tmp_path / "none.zarr"), {"a": both, "b": both})
    found = diff(Side(store.url, "a"), Side(store.url, "b"))
    assert found.facies.agreement is None and found.fault.mean_a is None
    files = write_difference(found, store, str(tmp_path / "out"))
    assert [file.rsplit(".")[-1] for file in files] == ["md", "csv", "json"]
    json.loads(json.dumps(found.to_dict(), allow_nan=False))


def test_two_stores_of_one_grid_and_none_of_another(tmp_path, store, runs):
    other = write_store(str(tmp_path / "other.zarr"), {"b": runs["b"]})
    here = diff(Side(store.url, "a"), Side(store.url, "b"))
    there = diff(Side(store.url, "a"), side(other.url))
    assert here.facies.rows == there.facies.rows and there.b == "other/b"
    moved = write_store(str(tmp_path / "moved.zarr"), {"b": runs["b"]}, first_inline=11)
    with pytest.raises(GeometryError, match="moved/b does not lie on .*: its inline axis differs"):
        diff(Side(store.url, "a"), side(moved.url))
    named = write_store(str(tmp_path / "named.zarr"), {"b": runs["b"]}, names=("x", "y", "z"))
    with pytest.raises(StoreError, match="different facies classes; found: x, y, z; expected: mud"):
        diff(Side(store.url, "a"), side(named.url))
    bare = write_store(str(tmp_path / "bare.zarr"), {
        "f": {"facies": runs["a"]["facies"]}, "g": {"fault": runs["a"]["fault"]}})
    with pytest.raises(StoreError, match="bare/f and bare/g have no volume in common; found: fac"):
        diff(Side(bare.url, "f"), Side(bare.url, "g"))


def test_interpretations_are_named_by_path_store_or_run(tmp_path, store, runs):
    assert side(f"{store.url}/interpretation/a/") == Side(store.url, "a")
    assert side("b", store.url) == Side(store.url, "b")
    with pytest.raises(ConfigError, match="holds 2 interpretations; found: a, b.*interpretation/a"):
        side(store.url)
    with pytest.raises(StoreError, match="no interpretation 'c'; expected: a, b"):
        diff(side("a", store.url), side("c", store.url))
    with pytest.raises(ConfigError, match="holds no interpretations"):
        side(write_store(str(tmp_path / "empty.zarr"), {}).url)


def test_files_hold_all_figures_and_are_not_replaced_unasked(tmp_path, store):
    found = diff(Side(store.url, "a"), Side(store.url, "b"), velocity=2000)
    files = write_difference(found, store, str(tmp_path / "out"))
    assert len(files) == 5
    for file in files[3:]:
        with open(file, "rb") as picture:  # noqa: PTH123
            assert picture.read(4) == b"\x89PNG"
    assert "| salt dome |" in markdown(found) and "## Fault uncertainty" in markdown(found)
    rows = list(csv.DictReader(io.StringIO(table_csv(found))))
    agreement = [row["value"] for row in rows if row["figure"] == "agreement"]
    assert float(agreement[0]) == found.facies.agreement
    assert {row["figure"] for row in rows} >= {"iou", "volume_km3_a", "mean_difference", "kept"}
    with pytest.raises(OutputExistsError, match="difference.md is already there"):
        write_difference(found, store, str(tmp_path / "out"))
    write_difference(found, store, str(tmp_path / "out"), overwrite=True)


def test_a_volume_of_what_differs(tmp_path, store, runs):
    url = str(tmp_path / "apart.zarr")
    sides = Side(store.url, "a"), Side(store.url, "b")
    diff(*sides, volume_url=url)
    a, b = (runs[run]["facies"] for run in "ab")
    p, q = (runs[run]["fault"].astype(float) for run in "ab")
    known = (a != NONE) & (b != NONE)
    with xr.open_zarr(url, consolidated=False) as found:
        np.testing.assert_array_equal(found["facies_changed"], np.where(known, a != b, NONE))
        np.testing.assert_allclose(found["fault_difference"],
                                   np.where(known, np.abs(p - q) / 254, np.nan), atol=1e-6)
        assert found["inline"].values[0] == 10
    with pytest.raises(OutputExistsError):
        diff(*sides, volume_url=url)
    diff(*sides, volume_url=url, overwrite=True)
    assert not (tmp_path / "apart.zarr.work").exists()


def test_a_volume_appears_whole_or_not_at_all(tmp_path, store, monkeypatch):
    url = str(tmp_path / "apart.zarr")
    with monkeypatch.context() as patched:
        patched.setattr(module.PairCounts, "add", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            diff(Side(store.url, "a"), Side(store.url, "b"), volume_url=url)
    assert not stores.is_published(url)
    diff(Side(store.url, "a"), Side(store.url, "b"), volume_url=url)
    with pytest.raises(StoreError, match="a store of difference"):
        Survey(url)
