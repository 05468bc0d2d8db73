"""Workers that do not see the folder, whenever they come, fail no region."""

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.errors import BusyError, ClusterError
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.sight import require_seen
from seisproc.leases import Right, lease

# Workers are spawned with this process's path and import the networks from there.
sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")


def test_a_lease_that_is_not_there_may_be_one_that_is_not_seen(tmp_path):
    with lease(f"{tmp_path}/work", "demo") as held:
        assert held.right.unseen() == ""
        right = held.right
    with pytest.raises(BusyError, match="does not see its folder"):
        right.require()
    assert "there is no" in right.unseen()
    with lease(f"{tmp_path}/work", "demo"):
        with pytest.raises(BusyError, match="another one took it over"):
            right.require()
        assert "another" in right.unseen()


def test_a_scheduler_that_goes_before_anything_is_sent_is_one_clear_error():
    with LocalCluster(1, processes=False, protocol="tcp", dashboard_address=None) as cluster:
        client = Client(cluster.scheduler_address, timeout=1)
    with client, pytest.raises(ClusterError, match="scheduler was lost"):
        require_seen(client, Right("", "", ""))


@pytest.mark.slow
def test_workers_that_do_not_see_the_folder_are_named_and_pass_for_no_other_run(
    tmp_path, monkeypatch
):
    """A relative path is another one for a worker that is elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    recipes.make_survey("survey.zarr", (24, 24, 24))

    def plan(run):
        network = recipes.NumpyRecipe(delay_s=0.002)
        return plan_interpretation("survey.zarr", [network], run=run, shards=(8, 8, 24))

    alone = interpret(plan("alone"))
    with open_cluster(ClusterSpec("local", workers=2)) as address, connect(address) as client:
        (blind, *_), told = client.nthreads(), []

        def go_blind(done, total, note):
            if not told:
                client.run(os.chdir, "elsewhere", workers=[blind])
            told.append(done)

        assert interpret(plan("later"), client, go_blind).checksum == alone.checksum
        if blind not in client.nthreads():  # it had gone
            (blind, *_) = client.nthreads()
            client.run(os.chdir, "elsewhere", workers=[blind])
        with pytest.raises(ClusterError, match=r"do not see.*found: tcp://.* on .*there is no"):
            interpret(plan("early"), client)


@dataclass(frozen=True)
class GpuRecipe(recipes.NumpyRecipe):
    """The same network, that says of itself that it wants a GPU."""

    device: str = "cuda"


def test_networks_ask_for_a_gpu_where_one_is_offered_and_finishing_asks_for_none(tmp_path):
    url = recipes.make_survey(tmp_path / "survey.zarr", (16, 16, 24))
    plan = plan_interpretation(url, [GpuRecipe()], run="main", shards=(8, 8, 24))
    asked = []
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None,
        resources={"GPU": 1},
    ) as cluster, cluster.get_client() as client:
        before = client.map

        def noted(function, groups, **options):
            kinds = {step.attempts is None for group in groups for step in group}
            asked.append((kinds, options["resources"]))
            return before(function, groups, **options)

        client.map = noted
        assert interpret(plan, client).regions_done == 4
    assert {True} in [kinds for kinds, _ in asked] and {False} in [kinds for kinds, _ in asked]
    assert all(needs == ({"GPU": 1} if kinds == {True} else {}) for kinds, needs in asked)
