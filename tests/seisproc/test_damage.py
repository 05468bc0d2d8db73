"""A damaged file of a survey is named by whoever reads it, with the lines that it holds."""

from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import StoreError
from seisproc.grid import Grid
from seisproc.survey import Survey, create_array, publish, write_coordinates

SHAPE = (16, 16, 32)


@pytest.fixture
def store(tmp_path):
    url = str(tmp_path / "survey.zarr")
    grid = Grid(np.arange(100, 116, dtype=np.int32), np.arange(700, 732, 2, dtype=np.int32),
                4.0 * np.arange(SHAPE[2]))
    array = create_array(url, "amplitude", SHAPE, "float32", grid.dims,
                         chunks=(4, 4, 16), shards=(8, 8, 32))
    array[...] = np.random.default_rng(0).standard_normal(SHAPE)
    write_coordinates(url, grid)
    publish(url, {"domain": "twt"})
    return url


def flip(file: Path) -> bytes:
    """Flip a byte of a shard's first chunk; returns what was there."""
    whole = file.read_bytes()
    file.write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])
    return whole


@pytest.mark.parametrize("read", [
    lambda amplitude: amplitude[...],
    lambda amplitude: amplitude[2:14, 2:12, 8:20],
    lambda amplitude: amplitude[8],
    lambda amplitude: amplitude[-8, 2:4, ...],
])
def test_the_file_and_its_lines_are_named(store, read):
    file = Path(store, "amplitude/c/1/0/0")
    whole = flip(file)
    with pytest.raises(StoreError) as caught:
        read(Survey(store).amplitude)
    said = str(caught.value)
    assert "amplitude/c/1/0/0 is damaged, inlines 108 to 115, crosslines 700 to 714" in said
    assert "checksum" in said and f"seisproc verify {store}" in said
    file.write_bytes(whole)
    assert np.isfinite(read(Survey(store).amplitude)).all()


def test_what_does_not_touch_it_is_read(store):
    flip(Path(store, "amplitude/c/1/0/0"))
    assert Survey(store).amplitude[:8].shape == (8, 16, 32)


def test_what_cannot_be_asked_for_is_no_damage(store):
    with pytest.raises(IndexError):
        Survey(store).amplitude[99]
    with pytest.raises(Exception, match="negative|step"):
        Survey(store).amplitude[::-1]


def test_a_copy_of_another_configuration_names_it_too(store):
    flip(Path(store, "amplitude/c/1/0/0"))
    with pytest.raises(StoreError, match="amplitude/c/1/0/0 is damaged"):
        Survey(store).amplitude.with_config({"order": "F"})[...]
