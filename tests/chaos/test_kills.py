"""Whoever is killed or stopped, and whenever: the same volumes, nothing done twice, nothing left.

``SEISPROC_CHAOS`` sets the number of runs of the campaign, ``SEISPROC_CHAOS_SEED`` their seed::

    SEISPROC_CHAOS=200 pytest -m slow tests/chaos/test_kills.py
"""

import importlib
import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
cases, scenes = importlib.import_module("cases"), importlib.import_module("scene")

RUNS = int(os.environ.get("SEISPROC_CHAOS", "18"))
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
