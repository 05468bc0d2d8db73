import dataclasses
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from seisproc.cluster import GPU, ClusterSpec, connect, open_cluster
from seisproc.errors import BundleError, SpaceError
from seisproc.interpretation.forecast import forecast, require_workers
from seisproc.interpretation.memory import PROCESS_BYTES, require_memory
from seisproc.interpretation.run import plan_interpretation

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")
NumpyRecipe, make_survey = recipes.NumpyRecipe, recipes.make_survey

SHAPE = (22, 19, 40)


@pytest.fixture
def survey(tmp_path):
    return make_survey(tmp_path / "survey.zarr", SHAPE, live=np.ones(SHAPE[:2], bool))


@pytest.mark.slow
def test_a_slow_network_is_told_by_its_windows_and_its_process(survey):
    slow = NumpyRecipe(delay_s=0.05)
    plan = plan_interpretation(survey, [slow], run="main")
    told = forecast(plan)
    # The network sleeps for each batch; everything else takes next to nothing.
    batches = plan.windows / plan.networks[0].batch_size
    assert told.task_seconds >= 0.05 * batches
    assert told.seconds(4) == told.task_seconds / 4
    # A Python process, and what the plan says of the rest.
    assert 2**26 < told.memory_bytes - plan.memory.held < 2**31


def test_a_network_that_cannot_be_tried_is_named(survey):
    plan = plan_interpretation(survey, [NumpyRecipe()], run="main")
    broken = dataclasses.replace(plan.networks[0], recipe=NumpyRecipe(constant=(2.0, 0.0, 0.0)))
    with pytest.raises(BundleError, match="could not be tried"):
        forecast(dataclasses.replace(plan, networks=(broken,)))


def test_workers_that_are_surely_too_small_are_refused_before_they_get_anything(survey):
    cut = {"run": "main", "shards": (8, 8, 16)}  # nine regions: each thread gets one
    plan = plan_interpretation(survey, [NumpyRecipe()], **cut)
    large = plan_interpretation(survey, [LargeRecipe()], **cut)
    require_workers(large, None)
    spec = ClusterSpec("local", workers=2, threads_per_worker=2, memory_gib=0.5)
    with open_cluster(spec) as address, connect(address) as client:
        require_workers(plan, client)
        with pytest.raises(SpaceError, match="more memory than it has") as caught:
            require_workers(large, client)
        assert "--memory" in str(caught.value.do) and "batch_size" in str(caught.value.do)
        needed = (PROCESS_BYTES + 2 * plan.memory.held) / 2**30 + 0.25
        assert caught.value.found == f"{needed:.2f} GiB needed, 0.50 GiB there"


class LargeRecipe(NumpyRecipe):
    memory_bytes = 2**28


class CountedRecipe(NumpyRecipe):
    """Says how often it is asked for its memory, which takes a real network tens of ms."""

    asked = 0
    device = "cuda"

    @property
    def memory_bytes(self):
        type(self).asked += 1
        return 2**28


class Workers:
    """What a scheduler tells of so many workers, of which there need be none."""

    def __init__(self, *workers):
        self.workers = {str(number): worker for number, worker in enumerate(workers)}

    def scheduler_info(self, n_workers):
        return {"workers": self.workers}


def test_what_a_network_needs_is_asked_once_for_all_workers_alike(survey):
    plan = plan_interpretation(survey, [CountedRecipe()], run="main", shards=(8, 8, 16))
    worker = {"nthreads": 1, "memory_limit": 2**33, "resources": {}}
    CountedRecipe.asked = 0
    require_workers(plan, Workers(*256 * [worker]))
    assert CountedRecipe.asked == 1


def test_threads_beside_a_gpu_only_finish_regions(survey):
    cut = {"run": "main", "shards": (8, 8, 16)}  # nine regions
    plan = plan_interpretation(survey, [CountedRecipe()], **cut)
    sums = 4 * plan.networks[0].channels * plan.slab
    finishing = 8 * 8 * (len(plan.volumes) * 16 + sums)
    own = PROCESS_BYTES + 2**28
    with_gpu = {"nthreads": 4, "resources": {GPU: 1}}
    enough = own + plan.memory.held + 3 * finishing
    assert enough < own + 4 * plan.memory.held
    require_workers(plan, Workers({**with_gpu, "memory_limit": enough}))
    with pytest.raises(SpaceError):
        require_workers(plan, Workers({**with_gpu, "memory_limit": enough - 1}))
    # One without a GPU is never given windows to run, and needs no network.
    small = {"nthreads": 1, "resources": {}, "memory_limit": PROCESS_BYTES + finishing}
    require_workers(plan, Workers({**with_gpu, "memory_limit": enough}, small))
    with pytest.raises(SpaceError):
        require_workers(plan, Workers(small))  # where none offers a GPU it computes too


def test_a_worker_that_is_too_small_is_refused(survey):
    plan = plan_interpretation(survey, [NumpyRecipe()], run="main", shards=(8, 8, 16))
    require_memory(plan, 2**30, None)
    require_memory(plan, 2**30, 2**30)
    with pytest.raises(SpaceError, match="--memory") as caught:
        require_memory(plan, 2**30 + 1, 2**30)
    # Only what can be changed is named: regions are of one shard, and there is one network.
    assert "smaller windows (facies_window) or smaller batches (batch_size)" in caught.value.do
    assert "region" not in caught.value.do


def test_a_trial_that_the_system_kills_is_no_fault_of_the_network(survey, tmp_path):
    """As Linux does where memory runs out."""
    (tmp_path / "kill").touch()
    deadly = NumpyRecipe(kill=str(tmp_path / "kill"), poisoned=(0,))
    plan = plan_interpretation(survey, [deadly], run="main")
    with pytest.raises(SpaceError, match="too little memory to try .*batch_size"):
        forecast(plan)


def test_regions_larger_than_the_survey_take_what_the_survey_does(survey):
    networks, cut = [NumpyRecipe()], {"run": "main", "shards": (8, 8, 16)}
    one, larger = (
        plan_interpretation(survey, networks, region=edge, **cut) for edge in ((3, 3), (99, 99))
    )
    assert len(one.regions) == len(larger.regions) == 1
    assert larger.memory == one.memory
