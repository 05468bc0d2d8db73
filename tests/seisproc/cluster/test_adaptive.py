"""Workers come with the work and go with it; a client's end is the end of all."""

import time

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.volume import map_bounded


def test_workers_come_and_go_with_the_work(wait_until):
    spec = ClusterSpec("local", workers=1, minimum=1, maximum=3)
    with open_cluster(spec) as address, connect(address) as client:
        assert len(client.nthreads()) == 1
        outcomes, most = [], 0
        for outcome in map_bounded(_slow, range(24), client, in_flight=6):
            outcomes.append(outcome.result)
            most = max(most, len(client.nthreads()))
        assert sorted(outcomes) == list(range(24))
        assert most > 1, "no worker came"
        wait_until(lambda: len(client.nthreads()) == 1, 60)


def _slow(number):
    time.sleep(1.5)
    return number


def test_a_cluster_without_workers_fails_its_tasks_in_time():
    spec = ClusterSpec("local", wait_s=2)
    with open_cluster(spec) as address, connect(address) as client:
        (worker,) = client.nthreads()
        client.retire_workers([worker])
        task = client.submit(sum, [1, 2], pure=False)
        with pytest.raises(Exception, match="without any running workers|valid worker"):
            task.result(timeout=30)


def pytest_generate_tests(metafunc):
    """The tests are no package that a worker could import."""
    import sys

    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
