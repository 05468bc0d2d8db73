"""Whose lease is taken over: clocks that are set anew, that run ahead, containers, other hosts."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from seisproc import leases
from seisproc.atomic import write_atomic
from seisproc.errors import BusyError
from seisproc.leases import lease

TAKE = """
import os, sys
from pathlib import Path
import psutil
from seisproc.errors import BusyError
from seisproc.leases import lease
psutil.PROCFS_PATH = sys.argv[2]
if not Path(sys.argv[2], str(os.getpid())).exists():
    Path(sys.argv[2], str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
try:
    with lease(sys.argv[1], "demo"):
        print("taken over")
except BusyError as error:
    print(error)
"""


@pytest.fixture
def hasty(monkeypatch):
    """Leases that are refreshed, and taken over, in less than two seconds."""
    monkeypatch.setattr(leases, "LEASE_REFRESH_S", 0.2)
    monkeypatch.setattr(leases, "LEASE_STALE_S", 1.2)


def write_lease(folder, ahead_s, name="x"):
    """Write a lease of a process elsewhere, whose clock is ahead."""
    stamp = {"host": "elsewhere", "pid": 1, "id": name, "started": 5.0}
    stamp["time"] = f"{time.time() + ahead_s:.3f}"
    write_atomic(f"{folder}/lease", json.dumps(stamp).encode())


def take_elsewhere(folder, *prefix, proc="/proc"):
    """Let another process try to get a lease; return what it says."""
    command = [*prefix, sys.executable, "-c", TAKE, folder, str(proc)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    return made.stdout + made.stderr


def proc_after_a_step(folder, seconds):
    """Make what ``/proc`` is once the clock has been set anew: only the time of boot is another."""
    folder.mkdir()
    for path in Path("/proc").iterdir():
        if path.name != "stat":
            (folder / path.name).symlink_to(path)
    lines = Path("/proc/stat").read_text().splitlines()
    moved = [
        f"btime {int(line.split()[1]) + seconds}" if line.startswith("btime ") else line
        for line in lines
    ]
    (folder / "stat").write_text("\n".join(moved) + "\n")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="the time of boot is Linux's way")
def test_a_clock_that_is_set_anew_makes_no_dead_of_the_living(tmp_path):
    proc = proc_after_a_step(tmp_path / "proc", seconds=2)
    folder = str(tmp_path / "held")
    with lease(folder, "demo") as held:
        assert "being written by another run" in take_elsewhere(folder, proc=proc)
        assert held.is_held()


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces of processes are Linux's")
def test_a_number_of_another_container_means_nothing_here(tmp_path):
    """Containers may have the name of their machine, and its processes are not to be seen there."""
    inside = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no namespace of processes can be made here")
    folder = str(tmp_path / "held")
    with lease(folder, "demo") as held:
        assert "being written by another run" in take_elsewhere(folder, *inside)
        assert held.is_held()


def test_one_of_the_version_before_is_judged_by_its_process_alone(tmp_path):
    """It does not say since which boot, nor in which container, its process has its number."""
    folder = str(tmp_path / "held")
    with lease(folder, "demo"):
        stamp = json.loads(Path(folder, "lease").read_bytes())
        of_before = {key: stamp[key] for key in ("host", "pid", "id", "started", "time")}
        write_atomic(f"{folder}/lease", json.dumps(of_before).encode())
        assert "being written by another run" in take_elsewhere(folder)
        of_before["started"] -= 60
        write_atomic(f"{folder}/lease", json.dumps(of_before).encode())
        assert take_elsewhere(folder) == "taken over\n"


@pytest.mark.parametrize("ahead_s", [-3600, 0, 3600])
def test_one_that_is_not_refreshed_is_taken_over_whatever_clock_wrote_it(tmp_path, ahead_s, hasty):
    folder = str(tmp_path / "held")
    write_lease(folder, ahead_s)
    began = time.monotonic()
    with lease(folder, "demo") as held:
        assert held.is_held()
        if ahead_s >= 0:
            assert time.monotonic() - began > leases.LEASE_STALE_S


@pytest.mark.parametrize("ahead_s", [-3600, 0, 3600])
def test_one_that_is_refreshed_is_not_taken_over_whatever_clock_wrote_it(tmp_path, ahead_s, hasty):
    folder = str(tmp_path / "held")
    write_lease(folder, ahead_s)
    ended = threading.Event()

    def refresh():
        while not ended.wait(leases.LEASE_REFRESH_S):
            write_lease(folder, ahead_s)

    owner = threading.Thread(target=refresh)
    owner.start()
    try:
        with pytest.raises(BusyError, match="process 1 on elsewhere"), lease(folder, "demo"):
            pass
    finally:
        ended.set()
        owner.join()


def test_one_that_is_given_back_while_it_is_watched_is_free(tmp_path, hasty):
    folder = str(tmp_path / "held")
    write_lease(folder, 0)
    threading.Timer(0.5, Path(folder, "lease").unlink).start()
    with lease(folder, "demo") as held:
        assert held.is_held()


def test_who_gives_way_says_to_whom(tmp_path):
    folder = str(tmp_path / "held")
    with lease(folder, "demo") as held:
        write_lease(folder, 0)
        with pytest.raises(BusyError, match="process 1 on elsewhere") as caught:
            held.require(ask=True)
        assert "since this one stood still" not in str(caught.value)
        Path(folder, "lease").unlink()
        with pytest.raises(BusyError, match="its lease is gone"):
            held.require(ask=True)
