"""Workers that fail, go, or lack what is asked for, and what becomes of the items."""

import functools
import os
import threading
import time

import dask
import pytest
from distributed import LocalCluster, get_worker

from seisproc import crew
from seisproc.bounded import Needs, map_bounded
from seisproc.errors import ClusterError
from seisproc.fitness import ROUNDS, STREAK, Fitness
from seisproc.outcomes import ENOUGH_S, run_group


@pytest.fixture
def cluster():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as running:
        yield running


def worked(item):
    time.sleep(2 * crew.GROUP_S)
    return get_worker().name


def fails_on_worker_0(item):
    if get_worker().name == 0:
        raise ValueError("nothing is mounted here")
    return worked(item)


def fails_at_odd(item):
    if item % 2:
        raise ValueError("odd")
    return worked(item)


def slow_at_last(item):
    time.sleep(1.5 * ENOUGH_S if item >= 40 else 0)
    return item


def stands_still(folder, item):
    """Hold the first worker that comes, and no other."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    time.sleep(3)


def kills(item):
    os._exit(1)


def _on(failed, item):
    return frozenset(failed.get(item, ()))


def _sizes(client):
    """Sizes of all groups that will be sent."""
    sizes, before = [], client.map

    def counted(function, groups, **options):
        sizes.extend(len(group) for group in groups)
        return before(function, groups, **options)

    client.map = counted
    return sizes


def test_one_broken_worker_fails_no_more_than_it_takes_to_see_that(cluster, caplog):
    cluster.scale(4)
    with cluster.get_client() as client:
        client.wait_for_workers(4)
        sizes = _sizes(client)
        outcomes = list(map_bounded(fails_on_worker_0, range(40), client))
        assert len(client.nthreads()) == 3
    assert sorted(each.item for each in outcomes) == list(range(40))
    assert sum(each.error is not None for each in outcomes) == STREAK - 1
    assert len({each.worker for each in outcomes if each.error}) == 1
    assert set(sizes) == {1}
    assert "has failed whatever it was given" in caplog.text and "nothing is mounted" in caplog.text


def test_items_that_fail_wherever_they_go_cost_no_worker_and_no_time(cluster):
    with cluster.get_client() as client:
        sizes, failed = _sizes(client), {}

        def items():
            yield from range(16)
            yield from [item for item in failed if item < 16]

        for outcome in map_bounded(
            fails_at_odd, items(), client, needs=lambda item: Needs(avoid=_on(failed, item))
        ):
            if outcome.error:
                failed.setdefault(outcome.item, []).append(outcome.worker)
        assert len(client.nthreads()) == 2
    assert set(sizes) == {1}
    twice = [workers for workers in failed.values() if len(workers) == 2]
    assert twice and all(len(set(workers)) == 2 for workers in twice)


def test_a_worker_is_unfit_that_fails_at_what_others_do_and_goes_on_to():
    fitness, error, both = Fitness(), ValueError("away"), ("a", "b")
    for number in range(ROUNDS):
        assert not fitness.condemn(both)
        items = [(number, n) for n in range(STREAK)]  # not the same objects elsewhere
        suspected = [fitness.note_failure("a", item, error) for item in items]
        assert suspected[-1]
        fitness.note_success("b", items[0])
    assert fitness.condemn(both) == {"a": error}
    assert not fitness.condemn(both)


def test_a_store_that_is_away_for_a_moment_or_a_bad_area_condemns_nobody():
    fitness, error, items = Fitness(), OSError("slow down"), [object() for _ in range(9)]
    for worker, three in (("a", items[:3]), ("b", items[3:6])):
        assert [fitness.note_failure(worker, item, error) for item in three] == [False, False, True]
    for item in items[3:6]:  # each does what the other has failed at
        fitness.note_success("a", item)
    for item in items[:3]:
        fitness.note_success("b", item)
    assert not fitness.condemn("ab")
    for item in items[6:]:
        fitness.note_failure("a", item, error)
        assert not fitness.note_failure("b", item, error), "it is the item"
    assert not fitness.condemn("ab")


def test_slow_items_after_quick_ones_are_handed_back(cluster):
    with cluster.get_client() as client:
        group = client.submit(run_group, slow_at_last, [38, 39, 40, 41, 42]).result()
        assert [result for result, _ in group.outcomes] == [38, 39, 40]
        outcomes = list(map_bounded(slow_at_last, range(46), client))
    assert sorted(each.result for each in outcomes) == list(range(46))


def test_an_item_is_freed_whose_only_workers_have_gone(cluster, monkeypatch, tmp_path):
    monkeypatch.setattr(crew, "WATCH_S", 0.2)
    with cluster.get_client() as client:
        one, other = sorted(client.nthreads())
        gone = threading.Timer(0.3, client.retire_workers, [[other]])
        gone.start()
        needs = Needs(avoid=frozenset([one]))
        still = functools.partial(stands_still, tmp_path / "first")
        (outcome,) = map_bounded(still, [None], client, needs=lambda item: needs)
        gone.join()
    assert outcome.worker == one


@pytest.fixture
def impatient(monkeypatch):
    """A scheduler that fails the tasks itself after a second without workers, and a patient one."""
    monkeypatch.setattr(crew, "WATCH_S", 0.2)
    with dask.config.set({"distributed.scheduler.no-workers-timeout": "1s"}), LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as running:
        yield running


def test_work_without_workers_is_no_failure_of_the_work(impatient):
    with impatient.get_client() as client:
        outcomes = map_bounded(worked, range(1000), client)
        next(outcomes)
        impatient.scale(0)
        with pytest.raises(ClusterError, match="lost all its workers"):
            assert all(each.error is None for each in outcomes)


def test_workers_without_the_resource_are_as_good_as_none(monkeypatch):
    monkeypatch.setattr(crew, "WATCH_S", 0.2)
    monkeypatch.setattr(crew, "NO_WORKERS_S", 0.5)
    with LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, resources={"GPU": 1}
    ) as running, running.get_client() as client:
        (with_gpu,) = client.nthreads()
        outcomes = map_bounded(worked, range(1000), client, needs=lambda item: Needs({"GPU": 1}))
        next(outcomes)
        running.new_spec["options"]["resources"] = {}
        running.scale(2)
        client.wait_for_workers(2)
        client.retire_workers([with_gpu])
        with pytest.raises(ClusterError, match="workers with GPU=1"):
            list(outcomes)
        assert len(client.nthreads()) == 1


@pytest.mark.timeout(60)
def test_what_failed_on_the_only_worker_that_can_do_it_goes_there_again():
    with LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, resources={"GPU": 1}
    ) as running, running.get_client() as client:
        (with_gpu,) = client.nthreads()
        running.new_spec["options"]["resources"] = {}
        running.scale(2)
        client.wait_for_workers(2)
        needs = Needs({"GPU": 1}, frozenset([with_gpu]))
        (outcome,) = map_bounded(worked, [None], client, needs=lambda item: needs)
    assert outcome.worker == with_gpu


@pytest.mark.timeout(60)
def test_what_kills_its_workers_is_found_out_though_it_may_not_go_to_all(monkeypatch):
    monkeypatch.setattr(crew, "WATCH_S", 0.2)
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as running, running.get_client() as client:
        needs = Needs(avoid=frozenset([min(client.nthreads())]))
        (outcome,) = map_bounded(kills, [None], client, needs=lambda item: needs)
    assert type(outcome.error).__name__ == "KilledWorker"
