"""Stages on GPUs take turns where a site has made a limit for them, and nowhere else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.futures import wait

from tasks import gpu_slots
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


@flow
def hold(held: Event) -> None:
    @task
    def holding() -> None:
        with gpu_slot("cuda", None):
            held.set()
            time.sleep(600)

    holding()


@pytest.mark.slow
def test_whoever_dies_leaves_the_slot_to_others(
    limit: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_slots, "LEASE_S", 60.0)  # the shortest that Prefect knows
    fork = multiprocessing.get_context("fork")
    held = fork.Event()
    holder = fork.Process(target=hold, args=(held,))
    holder.start()
    assert held.wait(60)
    os.kill(holder.pid or 0, signal.SIGKILL)
    begin = time.monotonic()
    assert not two("cuda")
    assert time.monotonic() - begin < 120
