import json
import pickle
import signal
import socket
import subprocess
import sys
import time

import fsspec
import pytest

from seisproc.errors import BusyError
from seisproc.records import Records, lease, work_url, write_atomic


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path):
    if request.param == "local":
        yield str(tmp_path / "survey.zarr.work" / "product-1")
        return
    url = "memory://records/survey.zarr.work/product-1"
    yield url
    fsspec.filesystem("memory").store.clear()


def test_records_come_back_with_state_checksum_and_payload(folder):
    records = Records(folder)
    assert records.read() == {}
    records.mark("0-128-0", "done", "abc", {"voxels": 3})
    records.mark("0-0-0", "failed", "0", {"error": "disk"})
    found = Records(folder).read()
    assert found["0-128-0"].state == "done"
    assert found["0-128-0"].checksum == "abc"
    assert found["0-128-0"].payload == {"voxels": 3}
    assert found["0-0-0"].state == "failed"


def test_a_redone_region_counts_as_done(folder):
    records = Records(folder)
    records.mark("0-0-0", "failed", "0", {})
    records.mark("0-0-0", "done", "1", {})
    assert records.read()["0-0-0"].state == "done"


def test_clear_leaves_nothing(folder):
    records = Records(folder)
    records.mark("0-0-0", "done", "1", {})
    records.clear()
    fs, path = fsspec.core.url_to_fs(folder)
    assert not fs.exists(path)
    if "memory" not in folder:
        assert not fs.exists(path.rsplit("/", 1)[0])


def test_a_half_written_object_is_never_seen(tmp_path):
    target = tmp_path / "a" / "b.json"
    write_atomic(str(target), b"{}")
    assert target.read_bytes() == b"{}"
    assert [p.name for p in target.parent.iterdir()] == ["b.json"]


def test_a_second_run_is_turned_away_while_the_first_lives(folder):
    with lease(folder, "demo"):
        with pytest.raises(BusyError, match="another run"), lease(folder, "demo"):
            pass
    with lease(folder, "demo"):
        pass


def test_the_lease_of_a_dead_process_is_taken_over(tmp_path):
    folder = str(tmp_path / "work")
    code = f"""
import os
from seisproc.records import lease
with lease({folder!r}, "demo"):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert (tmp_path / "work" / "lease").exists()
    (tmp_path / "work" / ".lease.0a1b2c3d").write_text("torn while it was refreshed")
    with lease(folder, "demo"):
        pass
    assert not (tmp_path / "work").exists()


@pytest.mark.slow
def test_the_lease_of_a_silent_host_is_taken_over(tmp_path):
    folder = str(tmp_path / "work")
    silent = {"host": "elsewhere", "pid": 1, "id": "x", "time": time.time() - 3600}
    write_atomic(f"{folder}/lease", json.dumps(silent).encode())
    with lease(folder, "demo"):
        pass


def test_products_with_other_fingerprints_have_other_folders():
    folders = {work_url("s.zarr", "interpretation/a", mark)
               for mark in ("1" * 64, "2" * 64, "1" * 63 + "2")}
    assert len(folders) == 3


def test_a_lease_leaves_no_folder_behind_not_even_after_an_error(tmp_path):
    folder = tmp_path / "survey.zarr.work" / "ingest"
    with pytest.raises(ZeroDivisionError), lease(str(folder), "demo"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_stands_still_keeps_its_lease_until_it_is_dead(tmp_path):
    folder = tmp_path / "work"
    code = f"""
import time
from seisproc.records import lease
with lease({str(folder)!r}, "demo"):
    print("held", flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGSTOP)
        stamp = json.loads((folder / "lease").read_bytes())
        (folder / "lease").write_text(json.dumps({**stamp, "time": time.time() - 3600}))
        with pytest.raises(BusyError, match="another run"), lease(str(folder), "demo"):
            pass
    finally:
        process.kill()
        process.wait()
    with lease(str(folder), "demo"):
        pass


def test_a_number_that_another_process_got_is_no_owner(tmp_path):
    """Process 1 lives, but it is not the one that took the lease."""
    stamp = {"host": socket.gethostname(), "pid": 1, "id": "x", "time": time.time(), "started": 5.0}
    write_atomic(str(tmp_path / "held" / "lease"), json.dumps(stamp).encode())
    with lease(str(tmp_path / "held"), "demo"):
        pass


def test_who_lost_the_lease_may_not_publish(folder):
    with lease(folder, "demo") as held:
        held.require(ask=True)
        other = {"host": "elsewhere", "pid": 1, "id": "x", "time": time.time()}
        write_atomic(f"{folder}/lease", json.dumps(other).encode())
        with pytest.raises(BusyError, match="taken over by another run"):
            held.require(ask=True)
        assert not held.refresh()
        with pytest.raises(BusyError, match="taken over"):
            held.require()


def test_many_records_lie_in_a_folder_a_row_and_are_listed_without_being_opened(folder):
    records = Records(folder)
    for i in range(3):
        for j in range(4):
            records.mark(f"sums-{i}-{j}", "done", f"{i}{j}", {"j": j})
    records.mark("created", "done", "0", {})
    fs, path = fsspec.core.url_to_fs(folder)
    assert sorted(name.rsplit("/", 1)[-1] for name in fs.ls(path, detail=False)) == [
        "0", "1", "2", "created.done.0.json"
    ]
    names = {name.key: name.checksum for name in records.names()}
    assert names["sums-2-3"] == "23"
    assert len(names) == 13
    assert sum(record.payload.get("j", 0) for record in records.each()) == 18


def test_one_record_is_forgotten_by_its_key(folder):
    records = Records(folder)
    records.mark("3-14", "failed", "0", {})
    records.mark("3-1", "done", "1", {})
    records.mark("3-14", "done", "f00", {})
    records.forget("3-14")
    assert [name.key for name in records.names()] == ["3-1"]


def test_what_a_worker_is_told_of_a_lease_holds_as_long_as_its_run(folder):
    with lease(folder, "demo") as held:
        right = pickle.loads(pickle.dumps(held.right))
        right.require()
    with pytest.raises(BusyError, match="has ended"):
        right.require()
    with lease(folder, "demo"):
        assert not right.is_held()
