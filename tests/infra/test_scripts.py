"""The scripts of infra/bin where something is missing."""

import os
import socket
import subprocess
import sys
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
