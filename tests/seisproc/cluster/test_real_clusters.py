"""Clusters of other kinds, really started where this machine has what they need.

SSH needs an sshd and the extra ``ssh``; SLURM a cluster that ``sinfo`` shows, with this user
allowed to submit, and the extra ``slurm``; see docs/clusters.md.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.fixture
def sshd(tmp_path):
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
    yield {"port": port, "client_keys": [str(tmp_path / "key")], "known_hosts": None}
    process.terminate()
    process.wait()


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
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3


@pytest.fixture
def slurm():
    pytest.importorskip("dask_jobqueue")
    if shutil.which("sinfo") is None:
        pytest.skip("no SLURM here")
    found = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False)
    if "idle" not in found.stdout:
        pytest.skip(f"no idle SLURM node: {found.stdout or found.stderr}")


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
