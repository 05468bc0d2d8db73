"""Whoever is killed or stopped, and whenever: the same volumes, nothing done twice, nothing left.

``SEISPROC_CHAOS`` sets the number of runs (200 unless told), ``SEISPROC_CHAOS_SEED``
their seed::

    SEISPROC_CHAOS=40 pytest -m slow tests/chaos/test_kills.py
"""

import importlib
import os
import sys
from pathlib import Path

import psutil
import pytest
from distributed import Client

sys.path.append(str(Path(__file__).parent))
cases, scenes = importlib.import_module("cases"), importlib.import_module("scene")

RUNS = int(os.environ.get("SEISPROC_CHAOS", "200"))
SEED = os.environ.get("SEISPROC_CHAOS_SEED", "1")


def check(case, tmp_path, survey, undisturbed):
    scene = scenes.Scene(tmp_path, survey)
    try:
        story, recorded = cases.disturb(scene, case)
    finally:
        for process in scene.processes:
            process.kill()
    scene.require_untouched(recorded, undisturbed)
    return story


@pytest.mark.parametrize(("role", "name"), [("client", "SIGKILL"), ("worker", "SIGTERM")])
def test_a_disturbed_run_ends_as_if_nothing_had_been(role, name, tmp_path, survey, undisturbed):
    case = cases.Case("plain", role, getattr(cases.signal, name), 7, 0.02, 0.6)
    assert check(case, tmp_path, survey, undisturbed).landed == "amid"


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [cases.Case.drawn(f"{SEED}-{number}") for number in range(RUNS)], ids=str
)
def test_whoever_is_disturbed_whenever(case, tmp_path, survey, undisturbed, stories):
    stories.append(check(case, tmp_path, survey, undisturbed))


def worker_of(machine):
    """The process that a nanny watches over."""
    children = psutil.Process(machine.pid).children()
    (worker,) = (each for each in children if "--multiprocessing-fork" in each.cmdline())
    return worker


@pytest.mark.slow
def test_lent_machines_are_taken_away_with_notice_and_without(tmp_path, survey, undisturbed):
    """The work hangs by what is left of them: a process that follows a dead one, and a newcomer."""
    scene = scenes.Scene(tmp_path, survey)
    try:
        cluster = scene.start_cluster(workers=0)
        first, second = scene.add_machine(cluster), scene.add_machine(cluster)
        with Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            run = scene.start_run(cluster)
            run.wait_for_step(1)
            worker_of(first).kill()  # its nanny starts another
            second.terminate()
            run.wait_for_step(6)
            assert scene.state() == "amid"
            recorded = scene.recorded()
            for process in (worker_of(first), first):
                process.kill()
            second.join(scenes.PATIENCE_S)
            assert second.exitcode == 0, "it did not leave in order"
            scene.add_machine(cluster)
            outcome = run.outcome()
            assert len(client.nthreads()) == 1
        assert outcome.regions_done == 9
        scene.end()
    finally:
        for process in scene.processes:
            process.kill()
    scene.require_untouched(recorded, undisturbed)
