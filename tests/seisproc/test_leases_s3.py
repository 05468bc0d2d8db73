"""What becomes of a lease in a bucket whose holder stands still, or whose answers are lost."""

import contextlib
import importlib
import json
import socket
import sys
import threading
import time
from pathlib import Path

import fsspec
import pytest

from seisproc import leases
from seisproc.errors import BusyError
from seisproc.leases import Lease, lease
from seisproc.places import AccessError

pytest.importorskip("moto.server")
pytest.importorskip("s3fs")

sys.path.append(str(Path(__file__).parents[1] / "chaos"))
faulty = importlib.import_module("faulty_s3")

URL = "s3://leases/survey.zarr.work/main/lease"


@pytest.fixture(scope="module")
def server():
    with faulty.faulty_s3() as running:
        yield running


@pytest.fixture
def s3(server, monkeypatch):
    own = {
        "AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": server.faulty,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setattr(leases, "LEASE_REFRESH_S", 0.2)
    monkeypatch.setattr(leases, "LEASE_STALE_S", 1.0)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    fs = fsspec.filesystem("s3")
    fs.mkdir("leases")
    yield server
    fs.rm("leases", recursive=True)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def forgetful(s3, monkeypatch):
    """A server that knows no conditions, and writes all the same."""
    known = ("if-match", "if-none-match")
    monkeypatch.setattr(faulty, "_NOT_FORWARDED", faulty._NOT_FORWARDED + known)
    return s3


def lease_of(host):
    """A lease of a process on some host."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: host)
        return Lease(URL, "demo")


@contextlib.contextmanager
def held_up(s3, monkeypatch, command="PUT", number=1):
    """Keep one of the next calls from the server until the body has run."""
    arrived, may_pass, seen = threading.Event(), threading.Event(), []

    def fault(called, path):
        if called == command and not arrived.is_set():
            seen.append(path)
            if len(seen) == number:
                arrived.set()
                may_pass.wait()
        return ""

    with monkeypatch.context() as patch:
        patch.setattr(s3, "fault", fault)
        try:
            yield arrived
        finally:
            may_pass.set()


@contextlib.contextmanager
def answer_lost(s3, monkeypatch):
    """Do the next thing that is written, and cut the connection before anybody learns of it."""
    lost = []

    def fault(command, path):
        if command == "PUT" and not lost:
            lost.append(path)
            return "cut after"
        return ""

    with monkeypatch.context() as patch:
        patch.setattr(s3, "fault", fault)
        yield
    assert lost


def calls_of(s3, monkeypatch, do):
    """List the calls that the server gets meanwhile."""
    seen = []

    def fault(command, path):
        seen.append(command)
        return ""

    with monkeypatch.context() as patch:
        patch.setattr(s3, "fault", fault)
        do()
    return seen


def overtaken_while_it_refreshes(s3, monkeypatch):
    """Let one stand still in a refresh, and another take over; return both, and what it found."""
    slow, quick, found = lease_of("slow"), lease_of("quick"), []
    slow.take()
    thread = threading.Thread(target=lambda: found.append(slow.refresh()))
    with held_up(s3, monkeypatch) as arrived:
        thread.start()
        assert arrived.wait(10)
        time.sleep(1.2 * leases.LEASE_STALE_S)
        quick.take()
    thread.join()
    return slow, quick, found[0]


def test_one_that_is_overtaken_while_it_refreshes_does_not_get_its_lease_back(s3, monkeypatch):
    slow, quick, found = overtaken_while_it_refreshes(s3, monkeypatch)
    assert not found and not slow.is_held()
    with pytest.raises(BusyError, match="taken over by another run; found: process .* on quick"):
        slow.require()
    assert quick.is_held() and quick.refresh()
    quick.require(ask=True)


def test_where_a_server_knows_no_conditions_whoever_stood_still_gives_way(forgetful, monkeypatch):
    slow, _, found = overtaken_while_it_refreshes(forgetful, monkeypatch)
    assert not found
    with pytest.raises(BusyError, match="taken over by another run"):
        slow.require()


def test_where_a_server_knows_no_conditions_one_that_was_overtaken_sees_it(forgetful):
    slow, quick = lease_of("slow"), lease_of("quick")
    slow.take()
    assert slow.refresh()
    time.sleep(1.2 * leases.LEASE_STALE_S)
    quick.take()
    assert not slow.refresh()
    assert quick.is_held() and quick.refresh()


def test_one_that_is_refreshed_while_another_takes_over_is_kept(s3, monkeypatch):
    """Whoever takes over stands still between its last look and its writing."""
    dead, late = lease_of("dead"), lease_of("late")
    dead.take()
    found = []

    def take():
        try:
            late.take()
        except BusyError as error:
            found.append(str(error))

    thread = threading.Thread(target=take)
    with monkeypatch.context() as patch:
        patch.setattr(leases, "_alive", lambda *_: False)
        with held_up(s3, patch, number=2) as arrived:  # the first one asks for conditions
            thread.start()
            assert arrived.wait(10)
            assert dead.refresh()
        thread.join()
    assert "being written by another run; found: process" in found[0]
    assert dead.is_held()


@pytest.mark.parametrize("taken", [False, True])
def test_an_answer_that_is_lost_costs_nobody_its_lease(s3, monkeypatch, taken):
    """The library asks once more, and is refused: the object is not what it was any more."""
    held = lease_of("here")
    if taken:
        held.take()
        with answer_lost(s3, monkeypatch):
            assert held.refresh()
    else:
        with answer_lost(s3, monkeypatch):
            held.take()
    before = json.loads(fsspec.filesystem("s3").cat_file(URL))
    assert held.refresh() and held.is_held()
    assert json.loads(fsspec.filesystem("s3").cat_file(URL))["time"] >= before["time"]


def test_an_answer_that_is_lost_in_taking_over_leaves_one_holder(s3, monkeypatch):
    dead, heir = lease_of("dead"), lease_of("heir")
    dead.take()
    time.sleep(1.2 * leases.LEASE_STALE_S)
    with answer_lost(s3, monkeypatch):
        heir.take()
    assert heir.is_held() and heir.refresh() and not dead.refresh()


def test_one_that_is_overtaken_while_it_is_given_back_is_left_to_the_other(s3, monkeypatch):
    slow, quick = lease_of("slow"), lease_of("quick")
    slow.take()
    thread = threading.Thread(target=slow.give_back)
    with held_up(s3, monkeypatch, "DELETE") as arrived:
        thread.start()
        assert arrived.wait(10)
        quick.take()
    thread.join()
    assert quick.is_held() and quick.refresh()
    quick.give_back()
    assert not fsspec.filesystem("s3").exists(URL)


def test_one_that_is_made_by_a_server_that_then_fails_stays_with_nobody(s3, monkeypatch):
    puts = []

    def fault(command, path):
        puts.extend([path] if command == "PUT" else [])
        return "busy" if command == "PUT" and len(puts) > 1 else ""

    with monkeypatch.context() as patch:
        patch.setattr(s3, "fault", fault)
        with pytest.raises(AccessError), lease(URL.removesuffix("/lease"), "demo"):
            pass
    assert puts and not fsspec.filesystem("s3").exists(URL)


def test_a_refresh_is_one_call(s3, monkeypatch):
    held = lease_of("here")
    assert calls_of(s3, monkeypatch, held.take) == ["GET", "PUT", "PUT"]
    assert calls_of(s3, monkeypatch, held.refresh) == ["PUT"]
    assert calls_of(s3, monkeypatch, held.refresh) == ["PUT"]


def test_one_whose_object_is_gone_is_lost(s3):
    held = lease_of("here")
    held.take()
    fsspec.filesystem("s3").rm_file(URL)
    assert not held.refresh()
    with pytest.raises(BusyError, match="its lease is gone"):
        held.require()
    assert not fsspec.filesystem("s3").exists(URL)
