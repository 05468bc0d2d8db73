"""A scheduler's pod that does not come is waited for as long as the spec says, and no longer."""

import asyncio
import logging

import pytest
from distributed.deploy.cluster import Cluster

from seisproc.cluster.kube_cluster import ending
from seisproc.errors import ClusterError


class Refused(Cluster):
    """A cluster of Dask's own base class, as KubeCluster starts it: its pod never comes."""

    namespace = "seismic"
    closed: list[str] = []

    def __init__(self, own_limit_s=None, **options):
        super().__init__(**options)
        self.own_limit_s = own_limit_s
        self._loop_runner.start()
        self.sync(self._start)

    async def _start(self):
        self._startup_component_status = {"cluster": "Created", "schedulerpod": "Pending"}
        async with asyncio.timeout(self.own_limit_s):
            await asyncio.Event().wait()

    async def _close(self):
        self.closed.append(self.name)
        await super()._close()


def test_a_scheduler_that_does_not_come_is_given_up_and_its_cluster_deleted(caplog):
    with (
        caplog.at_level(logging.WARNING, "seisproc"),
        pytest.raises(ClusterError, match="cluster f3-1 does not start") as caught,
    ):
        ending(Refused, 0.3, tell_s=0.1)(name="f3-1")
    assert Refused.closed.pop() == "f3-1"
    assert "cluster Created, schedulerpod Pending after 0.3 s" in str(caught.value)
    for text in (str(caught.value), caplog.text):
        assert "kubectl -n seismic get events | grep f3-1" in text
    assert "wait_s" in str(caught.value)


def test_what_the_library_itself_gives_up_is_left_to_it():
    with pytest.raises(TimeoutError):
        ending(Refused, 30)(name="f3-2", own_limit_s=0.1)
    assert not Refused.closed
