"""A small survey store made in code, for whatever reads surveys."""

import math

import numpy as np
import pytest
from hypothesis import settings

from seisproc import survey
from seisproc.chunking import layout
from seisproc.grid import Grid
from seisproc.survey import Survey

# A busy machine makes a fast property slow; the suite has a timeout of its own.
settings.register_profile("seisproc", deadline=None)
settings.load_profile("seisproc")


def write_survey(url, amplitude, live=None, fingerprint="f" * 16):
    """Write a published survey store around an amplitude volume and return it opened."""
    shape = amplitude.shape
    grid = Grid(
        inline=np.arange(100, 100 + shape[0], dtype="int32"),
        crossline=np.arange(500, 500 + shape[1], dtype="int32"),
        sample=np.arange(shape[2]) * 4.0,
    )
    live = np.ones(shape[:2], bool) if live is None else live
    amplitude = np.where(live[..., None], amplitude, math.nan).astype("float32")
    values = amplitude[live].astype("float64")
    statistics = {"mean": float(values.mean()), "std": float(values.std())}
    chunks, shards = layout(shape)
    array = survey.create_array(
        url, "amplitude", shape, "float32", grid.dims, chunks=chunks, shards=shards,
        fill_value=math.nan, attributes={"statistics": statistics},
    )
    array[...] = amplitude
    survey.write_coordinates(url, grid)
    survey.write_array(url, "live", live, ("inline", "crossline"))
    survey.ensure_group(f"{url}/labels")
    survey.ensure_group(f"{url}/interpretation")
    survey.publish(url, {"domain": "twt", "fingerprint": fingerprint})
    return Survey(url)


@pytest.fixture
def make_survey(tmp_path):
    """Factory of survey stores: make_survey(amplitude, live=None, name=...) -> Survey."""

    def make(amplitude, live=None, name="survey.zarr"):
        return write_survey(str(tmp_path / name), amplitude, live)

    return make
