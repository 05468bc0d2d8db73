"""Worker processes as somebody else would start them: ``dask worker ADDRESS``."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def start_worker(tmp_path):
    """Factory: start_worker(address, *options, path=None) -> the process of the nanny."""
    started = []

    def start(address, *options, path=None, environment=None):
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
        with (tmp_path / f"worker-{len(started)}.log").open("w") as log:
            process = subprocess.Popen(
                [*command, "--no-dashboard", "--local-directory", str(tmp_path), *options],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(path or ROOT), **(environment or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        started.append(psutil.Process(process.pid))
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in [*process.children(recursive=True), process]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()


@pytest.fixture
def other_code(tmp_path):
    """Folder with our packages as another version has them: one file differs."""
    folder = tmp_path / "other"
    for package in ("seisproc", "models", "tasks"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    with (folder / "seisproc" / "grid.py").open("a") as file:
        file.write("# another version\n")
    return folder


@pytest.fixture
def wait_until():
    """Wait for something to become true: wait_until(condition, seconds)."""

    def wait(condition, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.1)
        return found

    return wait
