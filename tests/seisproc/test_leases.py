"""What two runs do to each other's lease when one of them stands still at a bad moment."""

import json
import threading
import time
from pathlib import Path

import pytest

from seisproc import lease_objects, leases
from seisproc.atomic import write_atomic
from seisproc.errors import BusyError
from seisproc.leases import Lease, lease

OTHER = {"host": "elsewhere", "pid": 1, "id": "other", "time": f"{time.time():.3f}"}


def test_one_that_is_overtaken_while_it_refreshes_does_not_get_its_lease_back(
    tmp_path, monkeypatch
):
    folder = str(tmp_path / "held")
    stamped = lease_objects.stamp
    with lease(folder, "demo") as held:

        def overtaken(owner):
            write_atomic(f"{folder}/lease", json.dumps(OTHER).encode())
            return stamped(owner)

        monkeypatch.setattr(lease_objects, "stamp", overtaken)
        held.refresh()
        monkeypatch.undo()
        assert json.loads(Path(folder, "lease").read_bytes()) == OTHER
        assert not held.refresh()
        assert not held.right.is_held()


def test_one_that_is_only_just_created_is_not_taken_for_that_of_a_dead_run(tmp_path):
    """Its file is there a moment before its content."""
    path = tmp_path / "lease"
    path.touch()
    first, second = (Lease(str(path), "demo") for _ in range(2))
    created = threading.Timer(0.1, lambda: path.write_bytes(lease_objects.stamp(first._owner)))
    created.start()
    with pytest.raises(BusyError, match="another run"):
        second.take()
    assert first.right.is_held()


def test_one_that_is_never_written_is_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "LEASE_REFRESH_S", 0.1)
    path = tmp_path / "lease"
    path.touch()
    killed_in_between = Lease(str(path), "demo")
    killed_in_between.take()
    assert killed_in_between.is_held()


def test_readers_never_see_half_a_stamp(tmp_path, monkeypatch):
    """It is written in place, so every one has the same length, and one is as good as another."""
    monkeypatch.setattr(leases, "LEASE_REFRESH_S", 0.001)
    with lease(str(tmp_path / "held"), "demo") as held:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            assert held.right.is_held()
        refreshed = json.loads((tmp_path / "held" / "lease").read_bytes())
    assert abs(float(refreshed["time"]) - time.time()) < 60


def test_a_folder_that_goes_with_the_lease_before_is_made_again(tmp_path, monkeypatch):
    """Whoever gives a lease back removes the folder that another one has just found there."""
    plain, gone = Path.mkdir, []

    def removed(self, *arguments, **options):
        plain(self, *arguments, **options)
        if not gone and self.name == "held":
            gone.append(self.rmdir())

    monkeypatch.setattr(Path, "mkdir", removed)
    with lease(str(tmp_path / "held"), "demo") as held:
        assert gone and held.is_held()
