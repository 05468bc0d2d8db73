"""The scripts of infra/bin where something is missing."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

BIN = Path(__file__).parents[2] / "infra" / "bin"


def run(name, *arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SEISPROC_"))}
    return subprocess.run(
        [BIN / name, *arguments], env={**clean, "PYTHON": sys.executable, **environment},
        capture_output=True, text=True, check=False, timeout=60,
    )


@pytest.mark.parametrize("name", ["server", "worker", "deploy"])
def test_a_secret_that_cannot_be_read_is_named_and_nothing_starts(name, tmp_path):
    ended = run(
        name, PREFECT_API_URL="http://127.0.0.1:9/api",
        PREFECT_API_AUTH_STRING_FILE=str(tmp_path / "none"),
    )
    assert ended.returncode == 78  # EX_CONFIG
    assert ended.stderr.count("\n") == 1
    assert "PREFECT_API_AUTH_STRING_FILE" in ended.stderr and str(tmp_path) in ended.stderr


def test_a_worker_that_was_told_no_server_says_so():
    ended = run("worker")
    assert ended.returncode != 0
    assert "PREFECT_API_URL" in ended.stderr


def test_a_server_that_does_not_answer_is_one_line():
    ended = run("wait-for-server", "--once", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert ended.returncode == 1
    assert ended.stderr.startswith("http://127.0.0.1:9/api: no healthy Prefect server; found: ")
    assert ended.stderr.count("\n") == 1


def test_a_server_whose_port_is_taken_says_so_at_once():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = run("server", PREFECT_SERVER_API_PORT=port)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"127.0.0.1:{port}: cannot listen there")
    assert ended.stderr.count("\n") == 1 and "PREFECT_SERVER_API_PORT" in ended.stderr


def test_a_missing_python_is_no_taken_port(tmp_path):
    ended = run("server", PYTHON=str(tmp_path / "python"), PREFECT_HOME=str(tmp_path))
    assert ended.returncode == 127
    assert str(tmp_path / "python") in ended.stderr and "port" not in ended.stderr


def test_a_second_users_worker_has_a_temporary_folder_that_is_always_the_same():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are for one user alone
        folder = Path(name)
        (folder / "bin").mkdir()
        for script in ("worker", "secrets.sh"):
            shutil.copy(BIN / script, folder / "bin")
        python, temporary = folder / "python", folder / "tmp"
        python.write_text('#!/bin/sh\necho "$TMPDIR"\n')
        (temporary / "runner_storage").mkdir(parents=True)
        for path, mode in ((folder, 0o755), (python, 0o755), (temporary, 0o777),
                           (temporary / "runner_storage", 0o555)):
            path.chmod(mode)
        told = {"PYTHON": str(python), "TMPDIR": str(temporary), "PATH": os.environ["PATH"],
                "PREFECT_API_URL": "http://127.0.0.1:9/api"}
        other = {"user": 65534} if os.getuid() == 0 else {}  # root may write everywhere
        printed = [
            subprocess.run([folder / "bin/worker"], env=told, check=True, timeout=60,
                           capture_output=True, text=True, **other).stdout.split()
            for _ in range(2)
        ]
        (own,) = {path.name for path in temporary.iterdir()} - {"runner_storage"}
        assert set(sum(printed, [])) == {str(temporary / own)}
        assert stat.S_IMODE((temporary / own).stat().st_mode) == 0o700


@pytest.mark.slow
def test_a_server_copies_its_ui_to_its_own_home_and_serves_that(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    told = {"PYTHON": sys.executable, "PREFECT_HOME": str(tmp_path)}
    told["PREFECT_SERVER_API_PORT"] = port
    server = subprocess.Popen([BIN / "server"], env={**os.environ, **told},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        assert run("wait-for-server", PREFECT_API_URL=f"{url}/api").returncode == 0
        page = urllib.request.urlopen(url, timeout=10).read()
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert page and page == (tmp_path / "ui" / "v1" / "index.html").read_bytes()
