"""Whole shards are written without a look at what lies there, to Zarr's own bytes."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from seisproc.survey import create_array
from seisproc.whole_shards import open_for_whole_shards

SHAPE, CHUNKS, SHARDS = (6, 20, 30), (4, 8, 8), (8, 16, 16)


@pytest.fixture
def values():
    return np.random.default_rng(5).integers(0, 200, SHAPE, "uint8")


def make(path):
    create_array(str(path.parent), path.name, SHAPE, "uint8", ("a", "b", "c"), chunks=CHUNKS,
                 shards=SHARDS, fill_value=255)
    return str(path)


def files(url):
    return {str(p.relative_to(url)): p.read_bytes() for p in Path(url).rglob("*") if p.is_file()}


def test_the_files_are_those_that_zarr_writes(tmp_path, values):
    ours, theirs = make(tmp_path / "ours"), make(tmp_path / "theirs")
    zarr.open_array(theirs, mode="r+")[...] = values
    array = open_for_whole_shards(ours)
    for start in range(0, SHAPE[2], SHARDS[2]):  # the last one at the volume's end
        array[..., start : start + SHARDS[2]] = values[..., start : start + SHARDS[2]]
    assert files(ours) == files(theirs)
    np.testing.assert_array_equal(zarr.open_array(ours, mode="r")[...], values)


def test_a_torn_shard_is_replaced(tmp_path, values):
    url = make(tmp_path / "array")
    open_for_whole_shards(url)[...] = values
    whole = files(url)
    shard = next((tmp_path / "array" / "c").rglob("0"))
    shard = shard if shard.is_file() else next(p for p in shard.rglob("*") if p.is_file())
    shard.write_bytes(shard.read_bytes()[:-7])
    with pytest.raises((ValueError, RuntimeError)):
        zarr.open_array(url, mode="r")[...]
    open_for_whole_shards(url)[...] = values
    assert files(url) == whole


def test_a_shard_of_nothing_but_fill_value_takes_the_place_of_another(tmp_path, values):
    url = make(tmp_path / "array")
    open_for_whole_shards(url)[...] = values
    open_for_whole_shards(url)[...] = np.full(SHAPE, 255, "uint8")
    assert [name for name in files(url) if name.startswith("c/")] == []
