"""Who connects waits for workers as long as who opened the cluster would."""

import time

import pytest
from distributed import LocalCluster

from seisproc import crew
from seisproc.bounded import map_bounded
from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.cluster.patience import patience
from seisproc.errors import ClusterError


@pytest.fixture
def cluster():
    with LocalCluster(
        n_workers=0, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as running:
        yield running


def test_workers_of_an_address_are_waited_for_as_long_as_it_is_told(cluster, monkeypatch):
    monkeypatch.setattr(crew, "WATCH_S", 0.2)
    spec = ClusterSpec("address", address=cluster.scheduler_address, wait_s=0.5)
    with open_cluster(spec) as address:
        start = time.monotonic()
        with pytest.raises(ClusterError, match=r"no workers; found: none after 0\.5 s"):
            with connect(address):
                pass
        assert time.monotonic() - start < 5
        cluster.scale(1)
        with connect(address) as client:
            outcomes = map_bounded(time.sleep, [0.1] * 99, client)
            next(outcomes)
            cluster.scale(0)
            with pytest.raises(ClusterError, match=r"lost all its workers; found: none for 0\.5 s"):
                list(outcomes)
    assert patience(address) is None


def test_a_started_cluster_says_how_patient_it_is():
    with open_cluster(ClusterSpec("local", wait_s=7)) as address:
        assert patience(address) == 7
        with connect(address) as client:
            assert patience(client.id) == 7
    assert patience(client.id) is None
