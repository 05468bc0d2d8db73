"""Work that no worker can do is refused, where Dask would wait for ever."""

import pytest

from seisproc.cluster import GPU, ClusterSpec, connect, offered, open_cluster, require_offered
from seisproc.errors import ClusterError


def test_what_no_worker_offers_is_refused_before_it_is_submitted():
    with open_cluster(ClusterSpec("local")) as address, connect(address) as client:
        require_offered(client, {})
        with pytest.raises(ClusterError, match=r"asks for GPU=1, .*--resources 'GPU=1'") as caught:
            require_offered(client, {GPU: 1})
        assert "no resources" in str(caught.value)


def test_one_worker_must_offer_all_of_it():
    spec = ClusterSpec("local", options={"resources": {GPU: 1, "DISK": 2}})
    with open_cluster(spec) as address, connect(address) as client:
        assert offered(client) == {GPU: 1.0, "DISK": 2.0}
        require_offered(client, {GPU: 1, "DISK": 2})
        assert client.submit(sum, [1, 2], resources={GPU: 1}).result(timeout=30) == 3
        with pytest.raises(ClusterError, match="found: DISK=2, GPU=1"):
            require_offered(client, {GPU: 2})
