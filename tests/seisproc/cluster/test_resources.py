"""A task asks for a GPU only where one is offered: Dask would let it wait for ever."""

from seisproc.cluster import GPU, ClusterSpec, connect, gpu_resources, open_cluster


def test_where_no_worker_offers_a_gpu_nothing_is_asked_for():
    with open_cluster(ClusterSpec("local")) as address, connect(address) as client:
        assert gpu_resources(client) == {}


def test_where_one_offers_it_a_task_asks_for_it_and_runs():
    spec = ClusterSpec("local", options={"resources": {GPU: 1}})
    with open_cluster(spec) as address, connect(address) as client:
        asked = gpu_resources(client)
        assert asked == {GPU: 1}
        assert client.submit(sum, [1, 2], resources=asked).result(timeout=30) == 3
