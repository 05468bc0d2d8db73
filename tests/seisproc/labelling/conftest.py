"""A small survey with coordinates, and labels of it in memory."""

import math

import numpy as np
import pytest

from seisproc import survey
from seisproc.chunking import layout
from seisproc.grid import Grid, Lattice, lattice_of
from seisproc.labelling.target import Target
from seisproc.survey import Survey

SHAPE = (20, 18, 70)
ORIGIN = (600_000.0, 6_080_000.0)
ALONG, ACROSS = (24.0, 7.0), (-3.5, 12.0)
"""From one inline, and one crossline, to the next, in m: a rotated survey."""


@pytest.fixture
def grid():
    """Every second inline number, crosslines that fall, and a delay."""
    return Grid(np.arange(100, 140, 2, dtype="int32"), np.arange(517, 499, -1, dtype="int32"),
                40 + 4.0 * np.arange(70))


def coordinates(grid):
    i, j = np.meshgrid(np.arange(len(grid.inline)), np.arange(len(grid.crossline)), indexing="ij")
    return tuple(ORIGIN[k] + ALONG[k] * i + ACROSS[k] * j for k in range(2))


@pytest.fixture
def live():
    mask = np.ones(SHAPE[:2], bool)
    mask[:3, :4] = False
    return mask


@pytest.fixture
def target(grid, live):
    return Target("survey.zarr", lattice_of(grid), live, *coordinates(grid))


@pytest.fixture
def facies():
    return np.random.default_rng(1).integers(0, 6, SHAPE).astype(np.uint8)


def write_store(url, lattice, live, places=()):
    """Write a published store of any kind around noise."""
    chunks, shards = layout(lattice.shape)
    values = np.random.default_rng(0).normal(size=lattice.shape).astype("float32")
    array = survey.create_array(
        url, "amplitude", lattice.shape, "float32", lattice.dims, chunks=chunks, shards=shards,
        fill_value=math.nan, attributes={"statistics": {"mean": 0.0, "std": 1.0}},
    )
    array[...] = np.where(live[..., None], values, math.nan)
    survey.write_coordinates(url, lattice)
    survey.write_array(url, "live", live, lattice.lateral)
    for name, values in zip(("cdp_x", "cdp_y"), places, strict=False):
        survey.write_array(url, name, values, lattice.lateral)
    survey.ensure_group(f"{url}/labels")
    survey.publish(url, {"domain": "twt", "kind": lattice.kind, "fingerprint": "f" * 16})
    return Survey(url)


@pytest.fixture
def store(tmp_path, grid, live):
    return write_store(str(tmp_path / "survey.zarr"), lattice_of(grid), live, coordinates(grid))


@pytest.fixture
def line(tmp_path):
    """A 2-D line of 40 traces and 30 samples."""
    lattice = Lattice("2d", {"trace": np.arange(40)}, 4.0 * np.arange(30))
    return write_store(str(tmp_path / "line.zarr"), lattice, np.ones(40, bool))
