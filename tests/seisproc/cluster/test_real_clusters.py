"""Clusters of other kinds, really started where this machine has what they need.

SSH needs an sshd, which root may start, and the extra ``ssh``; SLURM a cluster that ``sinfo``
shows, with this user allowed to submit, and the extra ``slurm``; a gateway its server and proxy,
and the extra ``gateway``; see docs/clusters.md.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.fixture
def sshd(tmp_path, wait_until):
    """Serve SSH on this machine, with keys of its own; yield asyncssh's options."""
    pytest.importorskip("asyncssh")
    server = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")
    if server is None or shutil.which("ssh-keygen") is None or os.geteuid():
        pytest.skip("no sshd that this user may start")
    for name in ("host", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name]
        subprocess.run(command, check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    port = free_port()
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": tmp_path / "host",
        "AuthorizedKeysFile": tmp_path / "key.pub",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "yes",
        "PidFile": "none",
    }
    options = [f"-o{name}={value}" for name, value in settings.items()]
    process = subprocess.Popen([server, "-D", "-f", "/dev/null", *options])
    wait_until(lambda: _listens(port), 10)
    yield {"port": port, "client_keys": [str(tmp_path / "key")], "known_hosts": None}
    process.terminate()
    process.wait()


def _listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_workers_over_ssh(sshd):
    spec = ClusterSpec(
        "ssh", workers=2, memory_gib=1, idle_timeout_s=60,
        options={"hosts": ["127.0.0.1"], "connect_options": sshd},
    )
    with open_cluster(spec) as address, connect(address) as client:
        client.wait_for_workers(2, timeout=60)
        seen = client.run(lambda: dict(os.environ))
        assert len(seen) == 2
        for environment in seen.values():
            assert environment["MALLOC_TRIM_THRESHOLD_"] == str(256 * 1024**2)
        looks = client.run(lambda dask_worker: [
            each.callback_time for name, each in dask_worker.periodic_callbacks.items()
            if name == "profile"
        ])
        assert list(looks.values()) == [[100]] * 2
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3


@pytest.fixture
def slurm():
    pytest.importorskip("dask_jobqueue")
    if shutil.which("sinfo") is None:
        pytest.skip("no SLURM here")
    found = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False)
    if "idle" not in found.stdout:
        pytest.skip(f"no idle SLURM node: {found.stdout or found.stderr}")


@pytest.mark.slow
def test_workers_as_jobs_of_slurm(slurm, tmp_path):
    spec = ClusterSpec(
        "slurm", minimum=1, maximum=2, memory_gib=0.5, wait_s=120,
        options={
            "log_directory": str(tmp_path), "walltime": "00:10:00", "interface": "lo",
            "local_directory": str(tmp_path),
        },
    )
    with open_cluster(spec) as address, connect(address) as client:
        work = [client.submit(time.sleep, 3, pure=False) for _ in range(16)]
        client.wait_for_workers(2, timeout=60)
        environments = list(client.run(lambda: dict(os.environ)).values())
        assert {each["MALLOC_TRIM_THRESHOLD_"] for each in environments} == {str(256 * 1024**2)}
        jobs = [each["SLURM_JOB_ID"] for each in environments]
        subprocess.run(["scancel", jobs[0]], check=True)  # as if it were preempted
        assert client.gather(work) == [None] * 16
    deadline = time.monotonic() + 60
    while _jobs() and time.monotonic() < deadline:
        time.sleep(1)
    assert not _jobs(), "jobs outlive the cluster"


def _jobs():
    return subprocess.run(["squeue", "-h"], capture_output=True, text=True, check=True).stdout


_GATEWAY = """
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.address = "127.0.0.1:{private}"
c.Proxy.address = "127.0.0.1:{public}"
c.UnsafeLocalBackend.clusters_directory = "{folder}"
c.ClusterConfig.scheduler_cmd = ["{python}", "-m", "dask", "scheduler"]
c.ClusterConfig.worker_cmd = ["{python}", "-m", "dask", "worker"]
"""


@pytest.fixture
def gateway(tmp_path):
    """Run a gateway on this machine; yield its address."""
    pytest.importorskip("dask_gateway")
    if not (shutil.which("dask-gateway-server") and shutil.which("dask-gateway-proxy")):
        pytest.skip("no dask-gateway-server with its proxy")
    public = free_port()
    config, log = tmp_path / "config.py", tmp_path / "log"
    (tmp_path / "clusters").mkdir()
    config.write_text(
        _GATEWAY.format(
            private=free_port(), public=public, folder=tmp_path / "clusters",
            python=sys.executable,
        )
    )
    with log.open("w") as file:
        server = subprocess.Popen(
            ["dask-gateway-server", "-f", str(config)],
            stdout=file,
            stderr=file,
        )
    deadline = time.monotonic() + 30
    while not _answers(f"http://127.0.0.1:{public}/api/health") and time.monotonic() < deadline:
        time.sleep(0.2)
    yield f"http://127.0.0.1:{public}"
    server.terminate()
    server.wait(timeout=30)


def _answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


@pytest.mark.slow
def test_workers_through_a_gateway(gateway):
    with open_cluster(ClusterSpec("gateway", workers=2, address=gateway)) as address:
        assert address.startswith(f"gateway+{gateway}#")
        with connect(address) as client:
            client.wait_for_workers(2, timeout=60)
            assert client.submit(sum, [1, 2]).result(timeout=30) == 3
        with connect(address) as client:  # the next stage of the same run
            assert client.submit(sum, [2, 3]).result(timeout=30) == 5
