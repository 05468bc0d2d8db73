"""The verb pyramid, and ingest with --pyramid, under Prefect's test harness."""

import json

import numpy as np
import pytest
import zarr

from seisproc.segy.create import create_segy
from seisproc.survey import Grid

CLUSTER = ("--cluster", "in-process")


@pytest.fixture
def source(tmp_path):
    grid = Grid(np.arange(6, dtype="int32"), np.arange(70, dtype="int32"), 4.0 * np.arange(20))
    values = np.random.default_rng(0).normal(size=grid.shape).astype("float32")
    create_segy(tmp_path / "s.sgy", values, grid)
    return tmp_path / "s.sgy"


def test_ingest_makes_the_pyramid_as_another_stage_and_the_verb_finds_it(
    flow_command, source, tmp_path
):
    store = tmp_path / "s.zarr"
    code, out, err = flow_command("ingest", source, store, "--pyramid", "--json", *CLUSTER)
    assert code == 0, err
    url = json.loads(out)["pyramid"]
    assert url == str(tmp_path / "s.ome.zarr")
    np.testing.assert_array_equal(
        zarr.open_array(f"{url}/0", mode="r")[...],
        zarr.open_array(store / "amplitude", mode="r")[...],
    )
    assert zarr.open_array(f"{url}/1", mode="r").shape == (6, 35, 20)
    code, out, err = flow_command("pyramid", store, "--json", *CLUSTER)
    assert code == 0, err
    assert json.loads(out)["reused"]


def test_a_survey_that_is_not_there_is_refused_before_a_server_starts(command, tmp_path):
    line = command.refuses("pyramid", tmp_path / "nothing.zarr", *CLUSTER)
    assert "no finished survey store" in line


def test_the_form_says_what_its_parameters_are():
    from flows.pyramid import pyramid

    assert pyramid.description
    for field in pyramid.parameters.properties.values():
        assert "description" in field or "$ref" in field
