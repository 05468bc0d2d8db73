import functools
import os
import threading
import time

import pytest
from distributed import Client, Future, LocalCluster

from seisproc import crew
from seisproc.bounded import Later, map_bounded
from seisproc.cluster import ClusterSpec, open_cluster
from seisproc.errors import ClusterError


class StubbornError(Exception):
    """One that cannot be unpickled."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def double(value):
    if value == 13:
        raise StubbornError("bad", "luck")
    return 2 * value


def slow_double(value):
    time.sleep(0.3)
    return 2 * value


def die_of_seven(folder, value):
    if value == 7:
        (folder / str(os.getpid())).touch()
        os._exit(9)
    return value


@pytest.fixture(scope="module")
def client():
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster, cluster.get_client() as client:
        yield client


@pytest.fixture(params=["here", "cluster"])
def where(request):
    return None if request.param == "here" else request.getfixturevalue("client")


def test_items_may_come_of_the_outcomes_of_others(where):
    """A chain: each item is known only once the one before has been seen."""
    seen = []

    def chain():
        for value in range(5):
            while len(seen) < value:
                yield Later()
            yield value

    for outcome in map_bounded(double, chain(), where):
        seen.append(outcome.result)
    assert seen == [0, 2, 4, 6, 8]


def test_items_may_come_after_a_while(where):
    start = time.monotonic()

    def retried():
        yield 1
        while time.monotonic() - start < 0.5:
            yield Later(start + 0.5 - time.monotonic())
        yield 2

    assert [each.result for each in map_bounded(double, retried(), where)] == [2, 4]
    assert 0.5 <= time.monotonic() - start < 5


def test_quick_items_travel_in_groups_and_errors_stay_with_their_items(client):
    submitted = []
    before = client.map

    def counted(function, groups, **options):
        submitted.append([len(group) for group in groups])
        return before(function, groups, **options)

    client.map = counted
    try:
        outcomes = {each.item: each for each in map_bounded(double, range(2000), client)}
    finally:
        client.map = before
    assert len(outcomes) == 2000
    assert outcomes[1999].result == 3998
    assert "bad and luck" in str(outcomes[13].error)
    assert sum(map(sum, submitted)) == 2000
    assert 1 < max(map(max, submitted)) <= crew.LARGEST_GROUP


def test_slow_items_travel_alone(client):
    sizes = []
    before = client.map

    def counted(function, groups, **options):
        sizes.extend(len(group) for group in groups)
        return before(function, groups, **options)

    client.map = counted
    try:
        assert len(list(map_bounded(slow_double, range(8), client))) == 8
    finally:
        client.map = before
    assert set(sizes) == {1}


def test_an_item_that_kills_its_worker_is_found_within_its_group(tmp_path):
    with open_cluster(ClusterSpec("local")) as address, Client(address) as client:
        die = functools.partial(die_of_seven, tmp_path)
        outcomes = {each.item: each for each in map_bounded(die, range(40), client, in_flight=2)}
    assert {item for item, each in outcomes.items() if each.error is not None} == {7}
    assert type(outcomes[7].error).__name__ == "KilledWorker"
    assert len(outcomes) == 40
    assert len(list(tmp_path.iterdir())) <= 6  # two each: in its group, by itself, quite alone


def test_a_cluster_that_loses_all_its_workers_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr(crew, "WATCH_S", 0.2)
    monkeypatch.setattr(crew, "NO_WORKERS_S", 1.0)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster, cluster.get_client() as client:
        outcomes = map_bounded(slow_double, range(1000), client)
        next(outcomes)
        gone = threading.Thread(target=cluster.scale, args=(0,))
        gone.start()
        with pytest.raises(ClusterError, match="lost all its workers"):
            list(outcomes)
        gone.join()


def test_a_scheduler_that_is_gone_before_anything_is_sent_is_one_clear_error():
    with LocalCluster(1, processes=False, dashboard_address=None) as cluster:
        client = cluster.get_client()
    with client, pytest.raises(ClusterError, match="scheduler was lost"):
        list(map_bounded(double, range(3), client))


def test_a_scheduler_that_goes_while_a_result_is_fetched_is_one_clear_error(monkeypatch):
    """The future was done, and is cancelled when the client finds nobody any more."""
    result = Future.result

    def lost_meanwhile(future, *arguments, **options):
        monkeypatch.undo()
        cluster.close()
        return result(future, *arguments, **options)

    monkeypatch.setattr(Future, "result", lost_meanwhile)
    with LocalCluster(
        1, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster, Client(cluster.scheduler_address, timeout=1) as client:
        with pytest.raises(ClusterError, match="scheduler was lost"):
            list(map_bounded(double, range(3), client))
