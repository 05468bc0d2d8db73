"""A scheduler that hangs while a client begins: real processes of Dask, stopped at that moment."""

import contextlib
import http.server
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from seisproc.cluster import ClusterSpec, connect, connection, open_cluster
from seisproc.errors import ClusterError

TIMEOUT_S = 0.5
GREETING_S = TIMEOUT_S * connection.GREETING


@pytest.fixture
def start_scheduler():
    """Factory: start_scheduler(*options) -> the process of ``dask scheduler``, and its address."""
    started = []

    def start(*options):
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0", *options],
            stderr=subprocess.PIPE, text=True,
        )
        started.append(process)
        told = (re.search(r"Scheduler at: +(\S+)", line) for line in process.stderr)
        return process, next(found[1] for found in told if found)

    yield start
    for process in started:
        os.kill(process.pid, signal.SIGCONT)
        process.terminate()
        process.wait(timeout=30)
        process.stderr.close()


@contextlib.contextmanager
def refusal_without_a_trace(caplog):
    """Expect one line in little more time than a greeting may take, no noise, no thread left."""
    before, start = set(threading.enumerate()), time.monotonic()
    with caplog.at_level(logging.WARNING), pytest.raises(ClusterError) as caught:
        yield caught
    assert time.monotonic() - start < GREETING_S + 3
    assert "\n" not in str(caught.value)
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
    left = [each for each in threading.enumerate() if each not in before and each.is_alive()]
    assert not [each for each in left if "IO loop" in each.name]


def test_a_scheduler_that_hangs_once_it_has_answered(start_scheduler, monkeypatch, caplog):
    process, address = start_scheduler()
    answered = connection._require_answer

    def answers_and_hangs(*told):
        answered(*told)
        os.kill(process.pid, signal.SIGSTOP)

    monkeypatch.setattr(connection, "_require_answer", answers_and_hangs)
    with refusal_without_a_trace(caplog) as caught, connect(address, timeout_s=TIMEOUT_S):
        pass
    assert f"scheduler at {address} hangs; found: " in str(caught.value)
    assert "said nothing for 3 s" in str(caught.value)


@pytest.fixture
def gateway(tmp_path, start_scheduler):
    """Answer as a gateway's server that knows one cluster, whose scheduler is a real one.

    Yields the scheduler's process, the cluster's address, and what to do before it is told of.
    """
    pytest.importorskip("dask_gateway")
    from distributed import Security

    trusted = Security.temporary()
    certificate, key = trusted.tls_client_cert, trusted.tls_client_key
    (tmp_path / "certificate").write_text(certificate)
    (tmp_path / "key").write_text(key)
    files = {"ca-file": "certificate", "cert": "certificate", "key": "key"}
    options = [f"--tls-{name}={tmp_path / file}" for name, file in files.items()]
    process, address = start_scheduler("--protocol", "tls", *options)
    report = {
        "name": "one", "status": "RUNNING", "options": {}, "start_time": 0, "stop_time": None,
        "dashboard_route": None, "tls_cert": certificate, "tls_key": key,
    }
    first = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            for each in first:
                each()
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(json.dumps(report).encode())

        do_POST = do_DELETE = do_GET

        def log_message(self, *arguments):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url, proxy = f"http://127.0.0.1:{server.server_port}", address.replace("tls", "gateway")
        yield process, f"gateway+{url}?proxy={proxy}#one", first
        server.shutdown()


def test_a_scheduler_that_answers_through_a_gateway(gateway):
    _, address, _ = gateway
    with pytest.raises(ClusterError, match="has no workers"):
        with connect(address, workers_timeout_s=0.2):
            pass


def test_a_scheduler_that_hangs_behind_a_gateway(gateway, caplog):
    process, address, first = gateway
    first.append(lambda: os.kill(process.pid, signal.SIGSTOP))
    with refusal_without_a_trace(caplog) as caught, connect(address, timeout_s=TIMEOUT_S):
        pass
    assert "lead to the cluster one; found: nothing for 3 s" in str(caught.value)


def test_a_scheduler_that_hangs_once_a_gateway_has_led_to_it(gateway, monkeypatch, caplog):
    import dask_gateway

    process, address, _ = gateway
    found = dask_gateway.GatewayCluster._init_internals

    async def found_and_hangs(cluster):
        await found(cluster)
        os.kill(process.pid, signal.SIGSTOP)

    monkeypatch.setattr(dask_gateway.GatewayCluster, "_init_internals", found_and_hangs)
    with refusal_without_a_trace(caplog) as caught, connect(address, timeout_s=TIMEOUT_S):
        pass
    assert "lead to the cluster one; found: nothing for 3 s" in str(caught.value)


def test_a_gateway_that_hangs(gateway, caplog):
    _, address, first = gateway
    until = threading.Event()
    first.append(until.wait)
    with refusal_without_a_trace(caplog) as caught, connect(address, timeout_s=TIMEOUT_S):
        pass
    until.set()
    assert "found: nothing for 3 s" in str(caught.value)


def test_a_gateway_that_starts_no_scheduler_is_waited_for_no_longer_than_told(gateway, caplog):
    process, address, _ = gateway
    url, _, proxy = address.removeprefix("gateway+").partition("?proxy=")
    os.kill(process.pid, signal.SIGSTOP)
    spec = ClusterSpec(
        "gateway", address=url, wait_s=GREETING_S, options={"proxy_address": proxy[:-4]}
    )
    with refusal_without_a_trace(caplog) as caught, open_cluster(spec):
        pass
    assert "no scheduler; found: none after 3 s" in str(caught.value)
