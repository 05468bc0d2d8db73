import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from distributed import Client, LocalCluster

from seisproc.interpretation.pace import GpuUse, Pace
from seisproc.interpretation.run import plan_interpretation

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

SHAPE = (16, 16, 32)


@pytest.fixture
def plan(tmp_path):
    url = recipes.make_survey(tmp_path / "survey.zarr", SHAPE, live=np.ones(SHAPE[:2], bool))
    return plan_interpretation(url, [recipes.NumpyRecipe()], run="main", shards=(8, 8, 16))


def test_speed_and_time_left_are_those_of_this_call(plan):
    now = [100.0]
    pace = Pace(plan, done=4, total=8, clock=lambda: now[0])
    assert pace.note(4) == "4 left"
    now[0] += 10
    # Half of what was left took ten seconds, so the other half will; a quarter of all voxels.
    assert pace.note(6, failed=1, gpu=87.2) == (
        f"{16 * 16 * 32 / 4 / 10:.3g} voxels/s, GPU 87 %, 1 failed, 2 left, 10 s to go"
    )
    assert pace.note(8) == "410 voxels/s"


@pytest.mark.parametrize(("told", "use"), [((None, 62), 62.0), ((None, None), None)])
def test_a_gpu_whose_driver_does_not_tell_its_use_is_left_out(told, use):
    metrics = {"gpu": lambda worker: {"utilization": told[worker.name], "memory-used": 2**30}}
    cluster = LocalCluster(
        n_workers=2, processes=False, dashboard_address=None, metrics=metrics
    )
    with cluster, Client(cluster) as client:
        assert GpuUse(client)() == use
    assert GpuUse(None)() is None
