"""What threads read and write for a step is complete, bounded, and fails aloud."""

import threading
import time

import pytest

from seisproc.background import THREADS, Outbox, in_order, step_threads


@pytest.fixture
def threads():
    with step_threads() as pool:
        yield pool


def test_calls_are_answered_in_order_though_later_ones_end_first(threads):
    second_is_done = threading.Event()

    def first():
        assert second_is_done.wait(30), "the second call was not made ahead"
        return 1

    def second():
        second_is_done.set()
        return 2

    assert list(in_order(threads, [(first, 1), (second, 1)], most=2)) == [1, 2]


@pytest.mark.parametrize(
    ("size", "most", "at_most"), [(1, 100, THREADS + 1), (4, 10, 2), (9, 5, 1)]
)
def test_calls_are_made_ahead_as_their_answers_fit_and_no_more(threads, size, most, at_most):
    made = []
    calls = ((lambda n=n: made.append(n), size) for n in range(50))
    for done, _ in enumerate(in_order(threads, calls, most), 1):
        assert len(made) <= done + at_most
    assert sorted(made) == list(range(50))


def test_an_outbox_holds_so_many_bytes_and_the_rest_waits(threads):
    may_go, lying = threading.Event(), []

    def put(content):
        lying.append(len(content))
        assert may_go.wait(30)

    outbox = Outbox(threads, most=10)
    outbox.send(put, b"x" * 6)
    outbox.send(put, b"x" * 4)
    late = threads.submit(outbox.send, put, b"y" * 5)
    while len(lying) < 2:
        time.sleep(0.01)
    time.sleep(0.1)
    assert sorted(lying) == [4, 6], "more is under way than may be"
    may_go.set()
    late.result()
    outbox.settle()
    assert sorted(lying) == [4, 5, 6]


def test_what_is_larger_than_an_outbox_is_put_by_who_sends_it(threads):
    put_by = []
    outbox = Outbox(threads, most=10)
    outbox.send(lambda content: put_by.append(threading.get_ident()), b"x" * 11)
    assert put_by == [threading.get_ident()]


@pytest.mark.parametrize("again", ["settle", "send"])
def test_what_could_not_be_put_is_not_taken_for_sent(threads, again):
    def put(content):
        raise OSError(28, "No space left on device")

    outbox = Outbox(threads, most=10)
    outbox.send(put, b"x" * 10)
    with pytest.raises(OSError, match="No space"):
        outbox.settle() if again == "settle" else outbox.send(put, b"x" * 10)
