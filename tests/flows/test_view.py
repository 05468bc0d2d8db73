"""`seisproc view`: what it refuses before it runs, and that it runs until it is told to end."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest

from seisproc.grid import Grid
from seisproc.survey import create_array, ensure_group, publish, write_array, write_coordinates


@pytest.fixture
def store(tmp_path):
    url = str(tmp_path / "basin" / "f3.zarr")
    grid = Grid(np.arange(8, dtype="int32"), np.arange(9, dtype="int32"), np.arange(10) * 4.0)
    array = create_array(url, "amplitude", grid.shape, "float32", grid.dims)
    array[...] = 1.0
    write_coordinates(url, grid)
    write_array(url, "live", np.ones((8, 9), bool), ("inline", "crossline"))
    ensure_group(f"{url}/interpretation")
    ensure_group(f"{url}/labels")
    publish(url, {"domain": "twt", "fingerprint": "f" * 16})
    return url


def test_what_cannot_be_shown_is_refused_in_one_line(command, store, tmp_path):
    line = command.refuses("view", tmp_path / "none", "--no-open")
    assert "nothing to look at" in line
    line = command.refuses("view", store, "--run", "best", "--no-open")
    assert "no interpretation 'best'" in line
    (tmp_path / "empty").mkdir()
    assert "--run is about one survey" in command.refuses("view", tmp_path / "empty", "--run", "a")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = command.refuses("view", store, "--port", port, "--no-open")
    assert f"port {port}" in line and "--port" in line


def test_without_neuroglancer_it_says_how_to_get_it(command, store, monkeypatch):
    monkeypatch.setattr("seisproc.viewer.client.find_spec", lambda name: None)
    line = command.refuses("view", store, "--port", 0, "--no-open")
    assert "pip install 'seisproc[viewer]'" in line


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_it_serves_a_survey_to_this_machine_until_it_is_told_to_end(store, host):
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "view", store, "--port", "0", "--host", host],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={name: value for name, value in os.environ.items() if "DISPLAY" not in name},
    )
    try:
        url = process.stdout.readline().split()[1]
        assert url.endswith("/open?store=f3.zarr")
        with urllib.request.urlopen(url) as page:
            assert page.url.startswith(url.split("/open")[0] + "/v/look/")
        other = urllib.request.Request(url, headers={"Host": "evil.example.com"})
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(other)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, err.strip()) == (0, "")
