"""What comes between while workers are prepared for a client."""

import pytest
from distributed import LocalCluster
from distributed.comm.core import CommClosedError

from seisproc.cluster import connect, connection, same_code
from seisproc.errors import ClusterError


@pytest.fixture
def cluster():
    with LocalCluster(
        1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as running:
        yield running


@pytest.fixture
def broken(monkeypatch):
    """Break off the first so many messages to the workers, as one of them does that dies."""
    compare, told = same_code.require_same_code, []

    def breaks(times):
        def compared(client):
            told.append(client)
            if len(told) <= times:
                raise CommClosedError("Scheduler Broadcast: Stream is closed")
            return compare(client)

        monkeypatch.setattr(same_code, "require_same_code", compared)
        return told

    return breaks


def test_workers_are_prepared_again_when_one_dies_meanwhile(cluster, broken):
    told = broken(1)
    with connect(cluster.scheduler_address) as client:
        assert client.submit(int, "7").result() == 7
    assert len(told) == 2


def test_a_cluster_that_stays_broken_is_one_clear_error(cluster, broken):
    told = broken(99)
    with pytest.raises(ClusterError, match="was lost while it was connected to"):
        with connect(cluster.scheduler_address):
            pass
    assert len(told) == connection.TRIES


@pytest.mark.parametrize(
    "trouble", [RuntimeError("Cannot change state of expiring Timeout"), TimeoutError("timed out")]
)
def test_what_went_wrong_is_told_whatever_comes_of_closing(trouble, cluster, monkeypatch):
    """A client that has lost its scheduler closes itself, and may do so at the same moment."""
    times = []
    with pytest.raises(ClusterError, match="the work is lost"):
        with connect(cluster.scheduler_address) as client:
            close = client.close

            def closes():
                times.append(True)
                if len(times) == 1:
                    raise trouble
                close()

            # Of this client alone: others may be closed meanwhile, when they are collected.
            monkeypatch.setattr(client, "close", closes)
            raise ClusterError("the work is lost")
    assert len(times) == (2 if isinstance(trouble, RuntimeError) else 1)
    close()
    assert client.status == "closed"
