"""Stages on GPUs take turns where a site has made a limit for them, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.futures import wait

from flows.server import prefect_server, running_server
from tasks.gpu_slots import LIMIT, gpu_slot


@pytest.fixture
def limit(prefect_harness: str) -> Iterator[None]:
    """One slot for GPU work."""
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name=LIMIT, limit=1)
        )
        yield
        client.delete_global_concurrency_limit_by_name(LIMIT)


@task
def compute(device: str) -> tuple[float, float]:
    with gpu_slot(device, None):
        begin = time.monotonic()
        time.sleep(1.0)
        return begin, time.monotonic()


@flow
def two(device: str) -> bool:
    """Whether two stages computed at the same time."""
    futures = [compute.submit(device) for _ in range(2)]
    wait(futures)
    (first, first_end), (second, second_end) = (future.result() for future in futures)
    return first < second_end and second < first_end


def test_stages_on_gpus_take_turns(limit: None) -> None:
    assert not two("cuda")


def test_stages_on_cpus_do_not(limit: None) -> None:
    assert two("cpu")


def test_without_a_limit_nobody_waits(prefect_harness: str) -> None:
    assert two("cuda")


STAGE = """
import sys, time
from pathlib import Path
from prefect import flow, task
from flows.server import prefect_server
from tasks import gpu_slots

gpu_slots.LEASE_S = 60.0  # the shortest that Prefect knows

@task
def stage():
    with gpu_slots.gpu_slot("cuda", None):
        print("held", flush=True)
        time.sleep(float(sys.argv[2]))

@flow
def one_stage():
    stage()

with prefect_server(Path(sys.argv[1])):
    one_stage()
"""


def start_stage(home: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", STAGE, str(home), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_slot_outlives_the_server_and_not_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with prefect_server(tmp_path), get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=LIMIT, limit=1))
        holder = start_stage(tmp_path, 600)
        assert holder.stdout and holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
    began = time.monotonic()
    assert running_server(tmp_path) is None  # it was stopped, and starts anew
    with start_stage(tmp_path, 0) as waiting:
        assert waiting.stdout and waiting.stdout.readline() == "held\n"
        waited = time.monotonic() - began
    assert waiting.returncode == 0
    assert 30 < waited < 150
