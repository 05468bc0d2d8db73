"""Work waits for a Prefect server that is away for a moment, and for none that says no."""

from __future__ import annotations

import http.server
import socket
import threading
import time

import httpx
import pytest

from tasks import outages
from tasks.outages import patiently


def test_a_server_that_is_away_for_a_moment_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outages, "PAUSE_S", 0.2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        answers = http.server.HTTPServer(
            ("127.0.0.1", port), http.server.SimpleHTTPRequestHandler, bind_and_activate=False
        )
    threading.Timer(1.0, lambda: serve(answers)).start()
    try:
        url = f"http://127.0.0.1:{port}/"
        assert patiently(lambda: httpx.head(url).raise_for_status().status_code) == 200
        assert "it gave no answer: ConnectError" in caplog.text
        with pytest.raises(httpx.HTTPStatusError, match="404"):  # asking again is of no use
            patiently(lambda: httpx.head(f"{url}nothing-there").raise_for_status())
    finally:
        answers.shutdown()
        answers.server_close()


def serve(answers: http.server.HTTPServer) -> None:
    answers.server_bind()
    answers.server_activate()
    answers.serve_forever()


def test_who_was_told_to_wait_for_long_has_all_patience_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outages, "PAUSE_S", 0.01)
    monkeypatch.setattr(outages, "PATIENCE_S", 0.2)
    tries = iter([0.3, 0.0, 0.0])

    def ask() -> str:
        seconds = next(tries, None)
        if seconds is None:
            return "a slot"
        time.sleep(seconds)
        raise httpx.ConnectError("the server restarts")

    assert patiently(ask) == "a slot"
