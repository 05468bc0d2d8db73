"""Workers come with the work and go with it; a client's end is the end of all."""

import socket
import subprocess
import sys
import time

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.volume import map_bounded


@pytest.mark.slow
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

    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.mark.parametrize("free_scheduler", ["1h"], indirect=True)
def test_a_worker_ends_soon_after_its_scheduler_is_killed(start_worker, free_scheduler):
    scheduler, address = free_scheduler
    worker = start_worker(address, "--death-timeout", "5")
    with connect(address) as client:
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3
        scheduler.kill()
    worker.wait(timeout=30)


@pytest.mark.parametrize("free_scheduler", ["5s"], indirect=True)
def test_a_scheduler_without_work_ends_and_its_workers_with_it(start_worker, free_scheduler):
    scheduler, address = free_scheduler
    worker = start_worker(address, "--death-timeout", "5")
    with connect(address) as client:
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3
    scheduler.wait(timeout=30)
    worker.wait(timeout=30)


@pytest.fixture
def free_scheduler(request):
    """A scheduler process of its own, that ends after so long without work."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    command = [sys.executable, "-m", "dask", "scheduler", "--host", address]
    command += ["--no-dashboard", "--idle-timeout", request.param]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield process, address
    process.kill()
    process.wait()
