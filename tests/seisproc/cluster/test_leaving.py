"""Workers that are told to end, and workers that leak: the work is done, once where that can be."""

import os
import signal
import sys
import time
from functools import partial

import cloudpickle
import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.volume import map_bounded

GRACE = {"DASK_SEISPROC__DRAIN_S": "20"}


def pytest_generate_tests(metafunc):
    """The tests are no package that a worker could import."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture
def scheduler():
    """A scheduler without workers."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster.scheduler_address


def noted(folder, seconds, number):
    """Note when and where a task begins and ends."""
    begun = folder / f"{number}-{os.getpid()}-{time.monotonic_ns()}"
    begun.touch()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        (folder / f"alive-{os.getpid()}").touch()
    begun.rename(begun.with_name(f"{begun.name}.ended"))
    return number


def begun(folder):
    return [path for path in folder.iterdir() if not path.name.startswith("alive")]


@pytest.mark.parametrize(
    "told", ["nanny", pytest.param("all processes", marks=pytest.mark.slow)]
)
def test_on_notice_a_worker_ends_its_task_hands_on_its_results_and_goes(
    scheduler, start_worker, wait_until, tmp_path, told
):
    notes = tmp_path / "notes"
    notes.mkdir()
    leaving = start_worker(scheduler, "--name", "spot", environment=GRACE)
    start_worker(scheduler, "--name", "stays", environment=GRACE)
    with connect(scheduler) as client:
        client.wait_for_workers(2, timeout=60)
        spot = wait_until(lambda: _address(client, "spot"))
        kept = client.submit(partial(noted, notes, 0.0), 99, workers=[spot], pure=False)
        assert kept.result(timeout=30) == 99
        work = [client.submit(partial(noted, notes, 3.0), n, pure=False) for n in range(4)]
        wait_until(lambda: len(begun(notes)) == 3)
        family = leaving.children(recursive=True)
        for process in [leaving, *family] if told == "all processes" else [leaving]:
            process.send_signal(signal.SIGTERM)
        assert leaving.wait(timeout=15) == 0
        assert client.gather(work) == [0, 1, 2, 3]
        assert kept.result() == 99
    ended = [path for path in begun(notes) if path.suffix == ".ended"]
    assert len(begun(notes)) == len(ended) == 5, "something was done twice, or not to its end"


@pytest.mark.slow
def test_a_task_longer_than_the_notice_is_abandoned_and_done_elsewhere(
    scheduler, start_worker, wait_until, tmp_path
):
    notes = tmp_path / "notes"
    notes.mkdir()
    leaving = start_worker(
        scheduler, "--name", "spot", environment={"DASK_SEISPROC__DRAIN_S": "1"}
    )
    with connect(scheduler) as client:
        task = client.submit(partial(noted, notes, 8.0), 5, pure=False)
        (first,) = wait_until(lambda: begun(notes))
        start_worker(scheduler, environment=GRACE)
        client.wait_for_workers(2, timeout=60)
        start = time.monotonic()
        leaving.send_signal(signal.SIGTERM)
        leaving.wait(timeout=15)
        assert time.monotonic() - start < 8
        old = notes / f"alive-{first.name.split('-')[1]}"
        last = old.stat().st_mtime_ns
        assert task.result(timeout=60) == 5
        assert old.stat().st_mtime_ns == last, "the abandoned task went on"


def test_the_last_worker_keeps_its_result_until_it_is_fetched(scheduler, start_worker, wait_until):
    leaving = start_worker(scheduler, environment=GRACE)
    with connect(scheduler) as client:
        task = client.submit(time.sleep, 2, pure=False)
        wait_until(lambda: any(client.processing().values()))
        leaving.send_signal(signal.SIGTERM)
        assert task.result(timeout=15) is None
        task.release()
        leaving.wait(timeout=10)


def test_a_local_worker_that_alone_is_told_to_end_is_followed_by_another(wait_until):
    with open_cluster(ClusterSpec("local", workers=1)) as address, connect(address) as client:
        (pid,) = client.run(os.getpid).values()
        task = client.submit(time.sleep, 1, pure=False)
        time.sleep(0.3)
        os.kill(pid, signal.SIGTERM)
        assert task.result(timeout=30) is None
        task.release()
        wait_until(lambda: list(client.run(os.getpid).values()) not in ([], [pid]))


def _address(client, name):
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return next((a for a, worker in workers.items() if worker["name"] == name), None)


def leaky(mib, number):
    """Keep some memory for ever."""
    import builtins

    import numpy as np

    kept = builtins.__dict__.setdefault("_kept_by_a_test", [])
    kept.append(np.ones(mib << 17))
    time.sleep(0.3)
    return number, os.getpid()


@pytest.mark.slow
def test_workers_that_leak_slowly_are_replaced_between_tasks():
    """Dask pauses them at 80 %, for good; without help the run would stand still."""
    spec = ClusterSpec("local", workers=2, memory_gib=0.6)
    with open_cluster(spec) as address, connect(address) as client:
        outcomes = list(map_bounded(partial(leaky, 60), range(40), client))
    assert sorted(each.result[0] for each in outcomes) == list(range(40))
    assert len({each.result[1] for each in outcomes}) > 2, "no worker was replaced"


def glutton(marker, number):
    """Take more and more memory, the first time."""
    if number == 3 and not marker.exists():
        marker.touch()
        import numpy as np

        kept = []
        while True:
            kept.append(np.ones(20 << 17))
            time.sleep(0.05)
    time.sleep(0.2)
    return number


@pytest.mark.slow
def test_a_task_whose_worker_ran_full_is_done_again(tmp_path):
    spec = ClusterSpec("local", workers=2, memory_gib=0.6)
    marker = tmp_path / "was here"
    with open_cluster(spec) as address, connect(address) as client:
        before = set(client.run(os.getpid).values())
        outcomes = list(map_bounded(partial(glutton, marker), range(12), client))
        after = set(client.run(os.getpid).values())
    assert sorted(each.result for each in outcomes) == list(range(12))
    assert marker.exists() and before != after


@pytest.mark.slow
def test_a_worker_that_dies_again_while_dask_looks_for_it_comes_back(wait_until):
    spec = ClusterSpec("local", workers=1)
    with open_cluster(spec) as address, connect(address) as client:
        for pause in (14.7, 8.0):  # Dask looks 15 s after the first death, when none is there
            (pid,) = client.run(os.getpid).values()
            os.kill(pid, signal.SIGKILL)
            time.sleep(pause)
        wait_until(lambda: len(client.nthreads()) == 1, 10)
        assert client.submit(sum, [1, 2]).result(timeout=20) == 3
