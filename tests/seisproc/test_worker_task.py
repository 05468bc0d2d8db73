"""One task on a worker: it tells on its way, its errors come back, and it ends when unwanted."""

import dataclasses
import time
from functools import partial

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.worker_task import Teller, run_on_worker


@dataclasses.dataclass(frozen=True)
class Count:
    number: int
    share: float


def counting(tell, most, file=None):
    for number in range(most):
        tell(Count(number, number / most))
        if file is not None:
            file.write_text(str(number))
            time.sleep(0.05)
    if most == 3:
        raise ValueError("three is one too many")
    return most


@pytest.fixture(scope="module")
def address():
    with open_cluster(ClusterSpec("local", workers=1)) as address:
        yield address


def by_value(function):
    """The tests are no package that a worker could import."""
    import sys

    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return function


def run(client, most, on_message, file=None):
    task = by_value(counting)

    def make(topic):
        return partial(task, Teller(topic, "count"), most, file)

    return run_on_worker(client, make, on_message, gpu=True)


def test_what_a_task_tells_and_gives_comes_back(address):
    told = []
    with connect(address) as client:
        assert run(client, 5, told.append) == 5
        assert told[0] == {"kind": "count", "number": 0, "share": 0.0}
        numbers = [one["number"] for one in told]
        assert numbers == sorted(numbers)
        with pytest.raises(ValueError, match="one too many"):
            run(client, 3, told.append)


class StopError(Exception):
    pass


def test_a_task_that_nobody_waits_for_ends(address, tmp_path):
    file = tmp_path / "count"

    def stop(told):
        if told["number"] >= 2:
            raise StopError

    with connect(address) as client:
        with pytest.raises(StopError):
            run(client, 100_000, stop, file)
        deadline = time.monotonic() + 30
        last = ""
        while file.read_text() != last and time.monotonic() < deadline:
            last = file.read_text()
            time.sleep(1.0)
        assert file.read_text() == last, "it still writes"


def test_messages_are_at_least_so_far_apart(address):
    told = []
    with connect(address) as client:
        task = by_value(counting)
        made = run_on_worker(
            client, lambda topic: partial(task, Teller(topic, "count", 60.0), 50), told.append
        )
    assert made == 50 and len(told) <= 1
