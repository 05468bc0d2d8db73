"""What travels with each step, and what does not."""

import importlib
import sys
from pathlib import Path

import cloudpickle
import pytest
from distributed import LocalCluster

from seisproc.errors import StoreError
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.sent_plan import SentPlan, send_plan

sys.path.append(str(Path(__file__).parent))  # as the other tests here import them
recipes = importlib.import_module("recipes")


@pytest.fixture
def plan(tmp_path):
    url = recipes.make_survey(tmp_path / "survey.zarr", (16, 16, 16))
    network = recipes.NumpyRecipe(name="n" * 20_000)
    return plan_interpretation(url, [network], run="main", shards=(8, 8, 16))


def test_a_step_is_small_however_large_the_plan(plan):
    assert len(cloudpickle.dumps(plan)) > 20_000
    sizes = []
    with LocalCluster(
        n_workers=1, processes=False, dashboard_address=None
    ) as cluster, cluster.get_client() as client:
        before = client.map

        def weighed(function, groups, **options):
            sizes.extend(len(cloudpickle.dumps((function, group))) for group in groups)
            return before(function, groups, **options)

        client.map = weighed
        receipt = interpret(plan, client)
    assert receipt.regions_done == 4
    assert len(sizes) > 4
    assert max(sizes) < 2000
    assert not Path(f"{plan.store_url}.work").exists()


def test_no_other_plan_is_unpacked_than_was_sent(plan, tmp_path):
    sent = send_plan(plan, str(tmp_path / "work"))
    assert cloudpickle.loads(sent.packed()).fingerprint == plan.fingerprint
    Path(sent.url).write_bytes(cloudpickle.dumps("something else"))
    with pytest.raises(StoreError, match="not the plan"):
        SentPlan(f"{tmp_path}/work/../work/{Path(sent.url).name}", sent.digest).packed()
