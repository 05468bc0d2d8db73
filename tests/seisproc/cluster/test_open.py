import logging
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import psutil
import pytest

from seisproc.cluster import WORKER_ENVIRONMENT, ClusterSpec, connect, open_cluster
from seisproc.errors import ClusterError


def test_in_process_has_an_empty_address_and_no_client():
    with open_cluster(ClusterSpec()) as address, connect(address) as client:
        assert address == ""
        assert client is None


def how_often_it_looks_at_itself(dask_worker=None, dask_scheduler=None):
    looks = (dask_worker or dask_scheduler).periodic_callbacks
    return {name: looks[name].callback_time for name in ("profile", "tick") if name in looks}


def test_local_workers_get_the_allocator_settings_and_this_process_keeps_its_own(monkeypatch):
    # as a cluster leaves it behind that Dask opened with its own defaults
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    before = dict(os.environ)
    spec = ClusterSpec("local", workers=2, memory_gib=0.5)
    with open_cluster(spec) as address, connect(address) as client:
        assert address.startswith("tcp://127.0.0.1:")
        assert list(client.nthreads().values()) == [1, 1]
        limits = client.run(lambda dask_worker: dask_worker.memory_manager.memory_limit)
        assert set(limits.values()) == {2**29}
        for looks in client.run(how_often_it_looks_at_itself).values():
            assert looks == {"profile": 100, "tick": 200}
        assert client.run_on_scheduler(how_often_it_looks_at_itself) == {"tick": 200}
        seen = client.run(lambda: dict(os.environ))
        for environment in seen.values():
            assert environment["MALLOC_TRIM_THRESHOLD_"] == str(256 * 1024**2)
            assert environment["OMP_NUM_THREADS"] == before.get("OMP_NUM_THREADS", "1")
        assert client.submit(sum, [1, 2]).result() == 3
    after = dict(os.environ)
    assert {k: after.get(k) for k in WORKER_ENVIRONMENT} == {
        k: before.get(k) for k in WORKER_ENVIRONMENT
    }


def test_what_a_scheduler_is_told_joins_what_closes_its_dashboard():
    spec = ClusterSpec("local", options={"scheduler_kwargs": {"idle_timeout": "1h"}})
    with open_cluster(spec) as address, connect(address) as client:
        assert client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.idle_timeout) == 3600


@pytest.mark.parametrize(
    ("named", "asked"),
    [("-1", False), ("NoDevFiles", False), ("0,1", True), ("GPU-9baca7f5", True), ("", True)],
)
def test_the_driver_is_not_asked_for_gpus_that_are_hidden(named, asked, monkeypatch):
    """Dask takes the name for a GPU, and neither its scheduler nor its workers would start."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    with open_cluster(ClusterSpec("local")) as address, connect(address) as client:
        told = client.run(lambda: dask.config.get("distributed.diagnostics.nvml"))
        assert list(told.values()) == [asked]


def test_what_workers_log_arrives_here(caplog):
    def speak():
        logger = logging.getLogger("seisproc.test")
        logger.setLevel(logging.INFO)
        logger.info("region done")

    with (
        caplog.at_level(logging.INFO, "seisproc"),
        open_cluster(ClusterSpec("local")) as address,
        connect(address) as client,
    ):
        client.submit(speak).result()
        deadline = time.monotonic() + 60
        while "region done" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "region done" in caplog.text


def test_a_running_cluster_is_used_by_its_address_and_left_running():
    with open_cluster(ClusterSpec("local")) as address:
        with open_cluster(ClusterSpec("address", address=address)) as same, connect(same) as client:
            assert client.submit(sum, [2, 3]).result() == 5
        with connect(address) as again:
            assert again.submit(sum, [1, 1]).result() == 2


def test_an_address_that_nobody_answers_is_one_line_within_the_timeout():
    start = time.monotonic()
    with pytest.raises(ClusterError, match=r"tcp://127.0.0.1:1") as caught:
        with connect("tcp://127.0.0.1:1", timeout_s=0.5):
            pass
    assert time.monotonic() - start < 3
    assert "\n" not in str(caught.value)


class Http(socketserver.BaseRequestHandler):
    """Answers whoever connects as a web server does that understands nothing."""

    def handle(self):
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


class Silent(socketserver.BaseRequestHandler):
    """Lets whoever connects wait, until he goes."""

    def handle(self):
        while self.request.recv(1024):
            pass


@pytest.mark.parametrize(
    ("answer", "words"), [(Http, "speaks otherwise"), (Silent, "said nothing for 1.2 s")]
)
def test_what_answers_and_is_no_scheduler_is_said_so(answer, words):
    """Such as its dashboard, by a wrong port; or a scheduler that hangs."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(ClusterError, match=words) as caught:
                with connect(f"tcp://127.0.0.1:{server.server_address[1]}", timeout_s=0.2):
                    pass
        finally:
            server.shutdown()
    assert "not its dashboard's" in str(caught.value)
    hangs = "Look at its process (stopped, or its machine swapping?)"
    assert (hangs in str(caught.value)) == (answer is Silent)
    assert "\n" not in str(caught.value)


def test_a_cluster_without_workers_is_said_so():
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
        with pytest.raises(ClusterError, match="no workers"):
            with connect(cluster.scheduler_address, workers_timeout_s=0.2):
                pass


@pytest.mark.parametrize(
    ("kind", "library"),
    [
        ("cuda", "dask_cuda"),
        ("slurm", "dask_jobqueue"),
        ("kubernetes", "dask_kubernetes"),
        ("gateway", "dask_gateway"),
    ],
)
def test_a_missing_library_names_the_extra_to_install(kind, library):
    if _installed(library):
        pytest.skip(f"{library} is installed here")
    with pytest.raises(ClusterError, match=r"seisproc\[(gpu|slurm|kubernetes|gateway)\]"):
        with open_cluster(ClusterSpec(kind)):
            pass


def _installed(library):
    import importlib.util

    return importlib.util.find_spec(library) is not None


def test_a_scheduler_is_reached_without_a_scheme_too():
    with open_cluster(ClusterSpec("local")) as address:
        bare = ClusterSpec("address", address=address.removeprefix("tcp://"))
        with open_cluster(bare) as same, connect(same) as client:
            assert client.submit(sum, [2, 3]).result() == 5


def test_values_that_a_class_does_not_take_are_one_clear_line():
    with pytest.raises(ClusterError, match="does not start") as caught:
        with open_cluster(ClusterSpec("local", options={"host": "no.such.host.example"})):
            pass
    assert "\n" not in str(caught.value)


_CLIENT = """
import os, time
from seisproc.cluster import ClusterSpec, connect, open_cluster
if __name__ == "__main__":
    with open_cluster(ClusterSpec("local")) as address, connect(address) as client:
        print(*client.run(os.getpid).values(), flush=True)
        time.sleep(60)
"""


def test_workers_do_not_outlive_a_killed_client_and_are_spared_ctrl_c(tmp_path: Path):
    script = tmp_path / "client.py"
    script.write_text(_CLIENT)
    client = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    worker = psutil.Process(int(client.stdout.readline()))
    # Ctrl-C at a terminal reaches all processes: this one ends the work, workers are not to.
    held = _blocked_signals(worker.pid)
    client.kill()
    client.wait()
    client.stdout.close()
    try:
        worker.wait(timeout=20)
    except psutil.TimeoutExpired:
        worker.kill()
        raise
    assert signal.SIGINT in held


def _blocked_signals(pid: int) -> set[int]:
    """Signals that are held back from the main thread of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.partition("SigBlk:")[2].split()[0], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


_TWO_CLUSTERS = """
from seisproc.cluster import ClusterSpec, connect, open_cluster
if __name__ == "__main__":
    for _ in range(2):
        with open_cluster(ClusterSpec("local")) as address, connect(address) as client:
            print(client.submit(sum, [1, 2]).result())
"""


def test_a_process_opens_one_cluster_after_another(tmp_path: Path):
    """A process of its own: in this one Dask has long been imported."""
    script = tmp_path / "client.py"
    script.write_text(_TWO_CLUSTERS)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["3", "3"], done.stderr
