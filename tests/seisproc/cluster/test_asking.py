"""Workers that are asked something, one of which ends before it answers."""

import os
import sys

import cloudpickle
import dask
import pytest
from distributed import Client, LocalCluster

from seisproc.cluster import ClusterSpec, ask, connect, open_cluster
from seisproc.errors import ClusterError

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # no package that workers import


@pytest.fixture
def client():
    with open_cluster(ClusterSpec("local", workers=2)) as address, connect(address) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


def ends(*doomed):
    def answer(dask_worker):
        if not doomed or dask_worker.address in doomed:
            os._exit(1)
        return 7

    return answer


def test_who_is_lost_meanwhile_gives_no_answer_and_the_others_do(client):
    lost, stays = sorted(client.nthreads())
    assert ask(client, ends(lost)) == {stays: 7}


def test_who_was_lost_before_gives_none_either(client):
    stays, _ = client.nthreads()
    gone = "tcp://127.0.0.1:1"
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):  # the scheduler's, here
        assert ask(client, ends(gone), [gone, stays]) == {stays: 7}


def test_nobody_is_left_to_answer(client):
    with pytest.raises(ClusterError, match="no Dask worker answers; found: 2 asked") as caught:
        ask(client, ends())
    assert "\n" not in str(caught.value)


def test_a_question_that_fails_names_the_worker(client):
    def fails():
        raise ImportError("libcudart.so.13: no such file")

    with pytest.raises(ClusterError, match="failed at a question; found: ImportError: libcudart"):
        ask(client, fails)


def test_a_scheduler_that_is_lost_is_said_so():
    with LocalCluster(n_workers=0, dashboard_address=None, protocol="tcp") as cluster:
        with Client(cluster.scheduler_address, set_as_default=False, timeout=1) as client:
            cluster.close()
            with pytest.raises(ClusterError, match="scheduler was lost") as caught:
                ask(client, os.getpid)
    assert "\n" not in str(caught.value)
