"""The simulated cluster that benchmarks predict basins with: what must hold whatever happens."""

import math
from pathlib import Path

import numpy as np
import pytest

from seisproc.interpretation.handover import is_seamless
from seisproc.interpretation.run import plan_interpretation
from tests.seisproc.interpretation.recipes import NumpyRecipe, make_survey

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def simulated(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import simulated_basin

    return simulated_basin


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    url = tmp_path_factory.mktemp("basin") / "survey.zarr"
    make_survey(url, (48, 40, 16))
    return plan_interpretation(str(url), [NumpyRecipe()], run="main", shards=(8, 8, 16))


def even(number, finishes, draw):
    return 1.0 if finishes else 10.0 + number[0]


def test_one_worker_takes_as_long_as_all_steps_together(simulated, plan, tmp_path):
    told = simulated.Basin(plan, even, surveys=2, before_s=3, after_s=4).run(
        1, 0.0, at_once=1, work=tmp_path
    )
    work = 2 * sum(
        even(number, False, 0) + (0 if is_seamless(plan, number) else even(number, True, 0))
        for number in plan.regions
    )
    assert told.seconds == pytest.approx(work + 2 * (3 + 4))
    assert told.spent["useful"] == pytest.approx(work)
    assert told.spent["between surveys"] == pytest.approx(14)


@pytest.mark.parametrize("at_once", [1, 3, None])
def test_every_second_goes_somewhere_whatever_goes_wrong(simulated, plan, tmp_path, at_once):
    comings = simulated.Comings(
        dies_after=400, back_after=5, taken_after=300, given_after=50, notice=8,
        slow_share=0.2, slowness=1.7,
    )
    troubles = simulated.Troubles(
        poisoned=0.05, deadly=0.05, passing=0.05, slow_reads=0.1, times_slower=2.0,
        comings=comings,
    )
    basin = simulated.Basin(plan, even, 6, 1.0, 1.0, troubles, seed=3)
    told = [basin.run(7, 0.01, at_once=at_once, work=tmp_path / name) for name in "ab"]
    assert told[0] == told[1]
    assert math.fsum(told[0].spent.values()) == pytest.approx(7 * told[0].seconds)
    assert told[0].failed > 0
    assert 0 < told[0].incomplete <= 6
    assert all(seconds >= 0 for seconds in told[0].spent.values())
    assert told[0].at_once == at_once or at_once is None and told[0].at_once > 1


def test_surveys_that_overlap_leave_no_worker_idle_while_there_is_work(simulated, plan, tmp_path):
    basin = simulated.Basin(plan, even, surveys=20)
    told = basin.run(8, 0.0, at_once=None, work=tmp_path)
    idle = 8 * told.seconds - told.spent["useful"]
    assert idle < 8 * 40  # the tail of the last one


def test_costs_fit_what_was_measured(simulated, plan):
    steps = [(n, kind, (2e-3 * simulated.windows_of(plan, n), 1e-6 * simulated.voxels_of(plan, n))
              [kind]) for n in plan.regions for kind in (False, True)]
    costs = simulated.Costs.fit(plan, steps)
    assert (costs.window_s, costs.voxel_s) == pytest.approx((2e-3, 1e-6))
    assert all(np.allclose(each, 1) for each in costs.scatter)
    seconds = costs.of(plan)
    assert seconds((1, 1), False, 0.99) == pytest.approx(2e-3 * simulated.windows_of(plan, (1, 1)))
