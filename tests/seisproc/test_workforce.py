"""Which workers get what, where some of them are broken; and which of these are started anew."""

import functools
import itertools
import os
import time
from collections import defaultdict, deque

import pytest
from distributed import LocalCluster, get_worker

from seisproc.bounded import Later, Needs, map_bounded
from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.fitness import ROUNDS, STREAK, Fitness
from seisproc.workforce import Workforce

WORKERS = ("tcp://a:1", "tcp://a:2", "tcp://b:1")


class Cluster:
    """Says which workers there are; nothing is sent."""

    def nthreads(self):
        return dict.fromkeys(WORKERS, 1)


@pytest.fixture
def workforce():
    known = Workforce(Cluster())
    assert known.count() == len(WORKERS)
    return known


def test_what_failed_on_one_machine_goes_to_another_first(workforce):
    only = workforce.only
    assert only(Needs()) == frozenset()
    assert only(Needs(avoid=frozenset(WORKERS[:1]))) == {"tcp://b:1"}
    assert only(Needs(avoid=frozenset(WORKERS[1:]))) == {"tcp://a:1"}
    assert only(Needs(avoid=frozenset(WORKERS))) == set(WORKERS)


def test_what_failed_goes_where_not_all_fails_rather_than_to_another_machine(workforce):
    away = ValueError("not mounted")
    workforce.may_be_done_elsewhere(object(), away, "tcp://b:1", Needs())
    assert workforce.only(Needs(avoid=frozenset(WORKERS[:1]))) == {"tcp://a:2"}
    workforce.note_success("tcp://b:1", object())
    assert workforce.only(Needs(avoid=frozenset(WORKERS[:1]))) == {"tcp://b:1"}


def test_broken_workers_are_no_witnesses_and_those_that_do_others_well_are():
    fitness, error = Fitness(), ValueError("dead context")
    for number in range(ROUNDS):
        items = [(number, n) for n in range(STREAK)]
        for item in items:
            fitness.note_failure("a", item, error)
            assert fitness.note_failure("b", item, error, again=True, others={"c"})
        fitness.note_success("c", items[0])
    assert fitness.condemn("abcd") == {"a": error, "b": error}
    bad = object()
    fitness.note_failure("d", bad, error)
    assert not fitness.note_failure("c", bad, error, again=True, others={"e"}), "c does others"


def test_where_all_fail_the_first_two_places_are_enough():
    fitness, error, many = Fitness(), OSError("the store is away"), [str(n) for n in range(90)]
    for worker in many[1:]:
        fitness.note_failure(worker, object(), error)
    bad = object()
    fitness.note_failure(many[0], bad, error)
    assert not fitness.hopeful([*many, "busy"])
    assert not fitness.note_failure(many[1], bad, error, again=True, others={*many[2:], "busy"})


def on_two_it_fails(item):
    if get_worker().name in (0, 1):
        raise ValueError("nothing is mounted here")
    time.sleep(0.1)
    return item


def test_two_broken_workers_on_one_machine_condemn_no_item():
    """Where two places count as enough, as they do for errors that no other try can mend."""
    failed, again, over = defaultdict(set), deque(), []
    with LocalCluster(
        n_workers=3, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster, cluster.get_client() as client:

        def items():
            yield from range(12)
            while len(over) < 12:
                yield again.popleft() if again else Later()

        for outcome in map_bounded(
            on_two_it_fails, items(), client,
            needs=lambda item: Needs(avoid=frozenset(failed[item])),
        ):
            if outcome.error is None or len(failed[outcome.item] | {outcome.worker}) > 1:
                over.append(outcome)
            else:
                failed[outcome.item].add(outcome.worker)
                again.append(outcome.item)
    assert not [each.item for each in over if each.error]
    assert failed


def is_broken(marks):
    return (marks / str(os.getpid())).exists() or (marks / str(get_worker().name)).exists()


def noted(marks, seen, item):
    """Do an item, unless this process or this worker is marked as broken; leave a trace."""
    broken = is_broken(marks)
    (seen / f"{os.getpid()}-{'broken' if broken else 'sound'}").touch()
    if broken:
        raise ValueError("dead context")
    time.sleep(0.1)
    return item


def test_a_broken_process_is_replaced_and_so_once_is_one_on_a_broken_machine(tmp_path):
    """The process of a worker of a local cluster is marked as broken; then whatever follows it."""
    marks, seen = tmp_path / "marks", tmp_path / "seen"
    marks.mkdir()
    with open_cluster(ClusterSpec("local", workers=2)) as address, connect(address) as client:
        client.wait_for_workers(2)
        workers = client.scheduler_info(n_workers=-1)["workers"]
        first = min(workers)
        (pid,) = client.run(os.getpid, workers=[first]).values()

        def work(until):
            for path in seen.glob("*"):
                path.unlink()
            seen.mkdir(exist_ok=True)
            end = time.monotonic() + 100
            items = itertools.takewhile(
                lambda _: not until() and time.monotonic() < end, itertools.count()
            )
            outcomes = map_bounded(functools.partial(noted, marks, seen), items, client)
            failed = [each.error for each in outcomes if each.error]
            assert time.monotonic() < end, "it did not come true in time"
            return failed

        def sound():
            return len(list(seen.glob("*-sound")))

        (marks / str(pid)).touch()
        failed = work(lambda: sound() == 2)
        assert len(failed) == STREAK - 1
        assert sound() == len(client.nthreads()) == 2
        assert [path.name for path in seen.glob("*-broken")] == [f"{pid}-broken"]

        (marks / str(workers[first]["name"])).touch()
        work(lambda: len(list(seen.glob("*-broken"))) == 2 and len(client.nthreads()) == 1)
        assert sound() == len(client.nthreads()) == 1
