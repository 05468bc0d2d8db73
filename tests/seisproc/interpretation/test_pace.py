import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from distributed import Client, LocalCluster

from seisproc.interpretation.pace import GpuUse, Pace, duration
from seisproc.interpretation.run import plan_interpretation

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

SHAPE = (16, 16, 32)


@pytest.fixture
def plan(tmp_path):
    url = recipes.make_survey(tmp_path / "survey.zarr", SHAPE, live=np.ones(SHAPE[:2], bool))
    return plan_interpretation(url, [recipes.NumpyRecipe()], run="main", shards=(8, 8, 16))


VOXELS = 16 * 16 * 32
"""Of the survey, whose plan has four regions with seams: eight steps."""


def test_speed_and_time_left_are_those_of_this_call(plan):
    now = [100.0]
    pace = Pace(plan, steps=8, clock=lambda: now[0])
    assert pace.note(2, 3, 3) == "3 regions left"
    now[0] += 10
    for finishes, seconds in ((False, 7.0), (True, 3.0)):
        pace.count(finishes, seconds)
    # A quarter of the work took ten seconds; one run and two finishings are left of it.
    assert pace.note(1, 2, 1, failed=1, gpu=87.2) == (
        f"{VOXELS / 4 / 10:.3g} voxels/s, GPU 87 %, 1 failed, 1 region left, 13 s to go"
    )
    assert pace.note(0, 0, 0) == f"{VOXELS / 4 / 10:.3g} voxels/s"


@pytest.mark.parametrize("share", [0.02, 0.15, 1.0])
def test_time_left_does_not_jump_where_finishing_begins_or_is_all_that_is_left(plan, share):
    """Four threads' time, whatever share of it finishing takes: told right as soon as both ran."""
    now = [0.0]
    pace = Pace(plan, steps=8, clock=lambda: now[0])
    order = [False, False, True, False, True, False, True, True]
    whole = 4 * (200 + 200 * share)
    for n, finishes in enumerate(order):
        seconds = 200 * share if finishes else 200.0
        now[0] += seconds / 4
        pace.count(finishes, seconds)
        rest = order[n + 1 :]
        words = pace.note(rest.count(False), rest.count(True), sum(rest))
        left = (whole - 4 * now[0]) / 4
        if n >= 2 and rest:
            assert words.endswith(f", {duration(left)} to go"), words
        if n >= 2:
            assert words.startswith(f"{4 * VOXELS / whole:.3g} voxels/s"), words


def test_a_call_that_found_all_windows_run_can_tell_its_time_too(plan):
    now = [0.0]
    pace = Pace(plan, steps=8, clock=lambda: now[0])
    now[0] += 3
    pace.count(True, 3.0)
    assert pace.note(0, 2, 2).endswith("2 regions left, 6 s to go")
    assert pace.note(1, 2, 2).endswith("2 regions left, 26 s to go")  # 20 s, as a rule, for a run


@pytest.mark.parametrize(("told", "use"), [((None, 62), 62.0), ((None, None), None)])
def test_a_gpu_whose_driver_does_not_tell_its_use_is_left_out(told, use):
    metrics = {"gpu_utilization": lambda worker: told[worker.name]}
    cluster = LocalCluster(
        n_workers=2, processes=False, dashboard_address=None, metrics=metrics
    )
    with cluster, Client(cluster) as client:
        assert GpuUse(client)() == use
    assert GpuUse(None)() is None
