"""Settings of an interpretation reach the networks, and decide whether earlier work counts."""

import dataclasses

import numpy as np
import pytest
import torch

from flows.interpret_config import InterpretConfig
from models import shipped
from models.errors import ModelError, PredictionError
from seisproc.cluster import GPU, ClusterSpec, connect, open_cluster
from seisproc.errors import ClusterError
from seisproc.grid import Grid
from seisproc.interpretation.provenance import differences, origin
from seisproc.interpretation.run import interpret
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey
from tasks.interpret import device_of, plan_survey, recipe_of, require_device

FAULT = shipped.url("fault-2d")
GRID = Grid(
    np.arange(10, 14, dtype=np.int32), np.arange(20, 52, dtype=np.int32), 4.0 * np.arange(64)
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("survey")
    volume = np.random.default_rng(0).standard_normal(GRID.shape).astype(np.float32)
    create_segy(folder / "survey.sgy", volume, GRID, sample_format=5)
    return ingest([str(folder / "survey.sgy")], str(folder / "survey.zarr")).store


@pytest.mark.parametrize("change", [
    {"precision": "bfloat16"},
    {"precision": "tf32", "device": "cuda"},
    {"precision": "float16", "device": "cuda"},
    {"compile": True},
])
def test_arithmetic_reaches_the_networks_and_the_fingerprint(store, change):
    settings = InterpretConfig(**change).settings()
    recipe = recipe_of(FAULT, settings)
    assert {name: getattr(recipe, name) for name in change} == change
    plain = dataclasses.replace(settings, precision="float32", compile=False)
    plan, other = (plan_survey(store, [FAULT], "main", each) for each in (settings, plain))
    assert plan.fingerprint != other.fingerprint
    told = origin(plan)["networks"][0]["settings"]
    assert {name: told[name] for name in change} == change
    differs = {name: value for name, value in change.items() if getattr(plain, name) != value}
    words = [f"fault {name} {'yes' if value is True else value}" for name, value in differs.items()]
    assert differences(origin(other), plan)[1] == ", ".join(words)


def test_a_window_is_that_of_the_network_it_is_asked_for(store):
    asked = InterpretConfig(facies_window=[64, 64], fault_window=[64, 96]).settings()
    plan = plan_survey(store, [FAULT], "main", asked)
    assert [lattice.window for lattice in plan.networks[0].lattices] == [(1, 64, 96)]
    plain = plan_survey(store, [FAULT], "main", InterpretConfig(facies_window=[64, 64]).settings())
    assert recipe_of(FAULT, InterpretConfig().settings()) == plain.networks[0].recipe
    assert "fault windows 1 x 64 x 96" in differences(origin(plain), plan)[1]
    with pytest.raises(PredictionError, match="window"):
        plan_survey(store, [FAULT], "main", InterpretConfig(fault_window=[64, 97]).settings())


def test_a_network_of_volumes_gets_windows_that_fit_the_survey_unless_told(store):
    cube, plain = shipped.url("fault-3d"), InterpretConfig().settings()
    # 128 at 0 and 80; 70 lines are one window; 112 at 0, 64, 128 and 192, not 128 as often.
    assert recipe_of(cube, plain, (200, 70, 300)).window == (128, 80, 112)
    assert recipe_of(cube, plain).window == (64, 64, 64)
    (lattice,) = plan_survey(store, [cube], "main", plain).networks[0].lattices
    assert lattice.window == (64, 64, 64), "none is smaller than what it learned from"
    told = InterpretConfig(fault_window=[96, 64, 112]).settings()
    (lattice,) = plan_survey(store, [cube], "main", told).networks[0].lattices
    assert (lattice.window, lattice.stride) == ((96, 64, 112), (48, 32, 64))


def test_arithmetic_that_the_device_has_not_is_refused_by_the_plan(store):
    settings = dataclasses.replace(InterpretConfig().settings(), precision="tf32")
    with pytest.raises(ModelError, match="precision on a CPU"):
        plan_survey(store, [FAULT], "main", settings)


@pytest.mark.slow
def test_a_compiled_network_says_what_the_plain_one_says(store):
    found = {}
    for run, compiled in (("plain", False), ("compiled", True)):
        settings = InterpretConfig(samples=1, compile=compiled, orientations=["crossline"])
        receipt = interpret(plan_survey(store, [FAULT], run, settings.settings()))
        assert receipt.notes == ()
        found[run] = Survey(store).read(f"interpretation/{run}/fault").astype(int)
    assert np.abs(found["plain"] - found["compiled"]).max() <= 1


def test_a_gpu_that_is_not_there_is_missed_before_any_region_fails():
    if torch.cuda.is_available():
        pytest.skip("has a GPU")
    assert device_of("auto", None) == "cpu"
    with pytest.raises(ModelError, match="no CUDA device"):
        require_device("cuda", None)
    with open_cluster(ClusterSpec("local")) as address, connect(address) as client:
        assert (device_of("auto", client), device_of("cuda", client)) == ("cpu", "cuda")
        require_device("cpu", client)
        with pytest.raises(ClusterError, match="without a GPU") as caught:
            require_device("cuda", client)
        assert "1 of 1 workers" in str(caught.value.found)
    offered = ClusterSpec("local", options={"resources": {GPU: 1}})
    with open_cluster(offered) as address, connect(address) as client:
        require_device("cpu", client)
        assert device_of("auto", client) == "cuda"
        (worker,) = client.scheduler_info()["workers"]
        with pytest.raises(ClusterError, match="offer a GPU and see none") as caught:
            require_device("cuda", client)
        assert worker in str(caught.value.found) and "--resources GPU=1" in str(caught.value.do)
