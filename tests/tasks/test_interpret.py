"""Settings of an interpretation reach the networks, and decide whether earlier work counts."""

import contextlib
import dataclasses
import json
import os
import signal
from pathlib import Path

import dask
import numpy as np
import pytest
import torch

from flows.interpret_config import InterpretConfig
from models import shipped
from models.errors import ModelError, PredictionError
from seisproc.cluster import GPU, ClusterSpec, connect, offers_gpu, open_cluster
from seisproc.errors import ClusterError, IncompleteError, SpaceError
from seisproc.grid import Grid
from seisproc.interpretation.memory import least_worker_bytes
from seisproc.interpretation.provenance import differences, origin
from seisproc.interpretation.run import interpret
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey
from tasks import interpret as stage
from tasks.interpret import device_of, interpret_survey, plan_survey, recipe_of, require_device

FAULT = shipped.url("fault-2d")
GRID = Grid(
    np.arange(10, 14, dtype=np.int32), np.arange(20, 52, dtype=np.int32), 4.0 * np.arange(64)
)


WIDE = Grid(GRID.inline, np.arange(20, 532, dtype=np.int32), GRID.sample)
"""Of eight regions."""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return ingested(tmp_path_factory.mktemp("survey"), GRID)


def ingested(folder, grid):
    volume = np.random.default_rng(0).standard_normal(grid.shape).astype(np.float32)
    create_segy(folder / "survey.sgy", volume, grid, sample_format=5)
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


def test_what_a_worker_may_use_is_for_all_its_tasks(tmp_path):
    """As in a plan, that counts those that a worker of the cluster runs at a time."""
    wide = ingested(tmp_path, WIDE)
    asked = InterpretConfig(samples=1, fault_window=[64, 64]).settings()
    plan = plan_survey(wide, [FAULT], "main", asked)
    one, two = (least_worker_bytes(plan, tasks) / 2**30 for tasks in (1, 2))
    assert len(plan.regions) > 2 and one < two
    asked = dataclasses.replace(asked, max_memory_gib=(one + two) / 2)
    with open_cluster(ClusterSpec("local", threads_per_worker=2, memory_gib=8)) as address:
        with pytest.raises(SpaceError, match="more memory than it may use") as caught:
            interpret_survey.fn(wide, [FAULT], "main", asked, address)
    assert caught.value.found == f"{two:.2f} GiB for regions of 4 x 64 traces, 2 at a time"
    assert "--threads" in str(caught.value.do)
    assert Survey(wide).groups("interpretation") == []


def damage(store):
    """Spoil the last shard of a survey, so that a region fails."""
    files = sorted(each for each in Path(store, "amplitude/c").rglob("*") if each.is_file())
    whole = files[-1].read_bytes()
    files[-1].write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])


def test_a_picture_that_cannot_be_drawn_hides_no_failure(tmp_path, monkeypatch, caplog):
    wide = ingested(tmp_path, WIDE)
    damage(wide)

    def spoilt(timeline):
        raise RuntimeError("no font is found")

    monkeypatch.setattr(stage, "plot_timeline", spoilt)
    asked = InterpretConfig(samples=1, fault_window=[64, 64]).settings()
    with pytest.raises(IncompleteError, match="regions of interpretation/main failed"):
        interpret_survey.fn(wide, [FAULT], "main", asked, "")
    said = [each for each in caplog.messages if "no font is found" in each]
    assert said == ["who worked when is not shown: RuntimeError: no font is found"]


def test_attributes_that_cannot_be_read_hide_no_failure(tmp_path, monkeypatch, caplog):
    """Somebody spoils them as the run ends: what is told of it is lost, not why it failed."""
    wide = ingested(tmp_path, WIDE)
    damage(wide)
    told = stage.markdown_artifact

    def spoilt(verb, *args):
        told(verb, *args)
        if verb == "failed":
            file = Path(wide, "interpretation/main/zarr.json")
            attributes = json.loads(file.read_text())
            attributes["attributes"]["timeline"] = {"workers": None}
            file.write_text(json.dumps(attributes))

    monkeypatch.setattr(stage, "markdown_artifact", spoilt)
    asked = InterpretConfig(samples=1, fault_window=[64, 64]).settings()
    with pytest.raises(IncompleteError, match="regions of interpretation/main failed"):
        interpret_survey.fn(wide, [FAULT], "main", asked, "")
    said = [each.partition(":")[0] for each in caplog.messages if "is not shown" in each]
    assert said == ["who worked when is not shown", "how the product stands is not shown"]


def test_a_worker_that_is_lost_while_it_is_asked_for_its_gpu_leaves_the_answer_to_the_others(
    monkeypatch,
):
    if torch.cuda.is_available():
        pytest.skip("has a GPU")
    offered = ClusterSpec("local", workers=2, options={"resources": {GPU: 1}})
    with open_cluster(offered) as address, connect(address) as client:
        client.wait_for_workers(2, timeout=60)
        pids = client.run(os.getpid)
        lost, stays = sorted(pids)

        def offers_and_ends(worker):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[lost], signal.SIGKILL)
            return offers_gpu(worker)

        monkeypatch.setattr("tasks.interpret.offers_gpu", offers_and_ends)
        # how long the scheduler, which is here, tries to reach whom it has not missed yet
        with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
            with pytest.raises(ClusterError, match=f"1 of 1 .*, such as {stays}"):
                require_device("cuda", client)
