import threading
import weakref

import numpy as np
import pytest
from distributed import LocalCluster
from hypothesis import given
from hypothesis import strategies as st

from seisproc import crew
from seisproc.cluster.patience import patient
from seisproc.errors import ClusterError
from seisproc.volume import boxes, map_bounded

extents = st.tuples(*[st.integers(1, 9)] * 3)


@given(extents, extents)
def test_boxes_cover_every_voxel_once(shape, edge):
    count = np.zeros(shape, int)
    for box in boxes(shape, edge):
        count[box.slices] += 1
        assert all(extent <= limit for extent, limit in zip(box.shape, edge, strict=True))
    assert (count == 1).all()


@given(extents, extents)
def test_box_keys_are_distinct(shape, edge):
    cut = boxes(shape, edge)
    assert len({box.key for box in cut}) == len(cut)


def reciprocal(value):
    return 1 / value


def test_errors_are_outcomes_and_the_others_go_on():
    outcomes = {o.item: o for o in map_bounded(reciprocal, [1, 0, 2])}
    assert outcomes[2].result == 0.5
    assert isinstance(outcomes[0].error, ZeroDivisionError)


@pytest.fixture(scope="module")
def client():
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster, cluster.get_client() as client:
        yield client


def test_a_cluster_gives_the_same_outcomes(client):
    outcomes = {o.item: o for o in map_bounded(reciprocal, range(20), client)}
    assert len(outcomes) == 20
    assert isinstance(outcomes[0].error, ZeroDivisionError)
    assert outcomes[4].result == 0.25


def test_no_more_items_are_taken_than_may_be_in_flight(client):
    taken = []

    def source():
        for item in range(1, 30):
            taken.append(item)
            yield item

    results = map_bounded(reciprocal, source(), client, in_flight=3)
    next(results)
    assert len(taken) <= 4
    results.close()


def test_a_cluster_without_workers_is_refused_at_once():
    with LocalCluster(
        n_workers=0, processes=False, dashboard_address=None
    ) as cluster, cluster.get_client() as client:
        with pytest.raises(ClusterError, match="no workers"):
            list(map_bounded(reciprocal, [1], client))


def test_a_worker_may_come_later_where_somebody_has_said_how_long_to_wait(monkeypatch):
    """The last one may have gone between connecting and the first item."""
    monkeypatch.setattr(crew, "WATCH_S", 0.2)
    with LocalCluster(
        n_workers=0, processes=False, dashboard_address=None
    ) as cluster, cluster.get_client() as client:
        with patient(client.id, 0.5), pytest.raises(ClusterError, match=r"lost all.* none for 0.5"):
            list(map_bounded(reciprocal, [1], client))
        comes = threading.Timer(0.5, cluster.scale, [1])
        comes.start()
        with patient(client.id, 60.0):
            (outcome,) = map_bounded(reciprocal, [2], client)
        comes.join()
    assert outcome.result == 0.5


class AtHand:
    """What a failing item had at hand."""


def test_errors_hold_nothing_that_was_at_hand():
    held = []

    def fail_with_much_at_hand(item):
        at_hand = AtHand()
        held.append(weakref.ref(at_hand))
        try:
            return 1 / item
        except ZeroDivisionError as error:
            also = AtHand()
            held.append(weakref.ref(also))
            raise ValueError(item) from error

    (outcome,) = map_bounded(fail_with_much_at_hand, [0])
    assert isinstance(outcome.error.__cause__, ZeroDivisionError)
    assert [each() for each in held] == [None, None]
