"""A store that fails one call in twenty, and kills on top: the same objects, and none too many.

    pytest -m slow tests/chaos/test_faulty_s3.py
"""

import importlib
import os
import random
import sys
from pathlib import Path

import pytest

from seisproc.places import AccessError

pytest.importorskip("moto.server")
pytest.importorskip("s3fs")

sys.path.append(str(Path(__file__).parent))
cases, scenes = importlib.import_module("cases"), importlib.import_module("scene")
buckets, faulty = importlib.import_module("scene_s3"), importlib.import_module("faulty_s3")

RUNS = int(os.environ.get("SEISPROC_CHAOS", "50"))
SEED = os.environ.get("SEISPROC_CHAOS_SEED", "1")
FAILS = 0.05


@pytest.fixture(scope="module")
def s3():
    with faulty.faulty_s3() as running:
        yield running


def check(case, attempts, folder, survey, expected, s3):
    scene = buckets.BucketScene(folder, survey, s3, attempts)
    s3.fails, s3.draw = FAILS, random.Random(case.seed)
    try:
        story, recorded = cases.disturb(scene, case)
    finally:
        s3.fails = 0.0
        for process in scene.processes:
            process.kill()
    scene.require_untouched(recorded, expected)
    return story


@pytest.mark.slow
def test_a_product_of_which_an_object_cannot_be_copied_is_not_published(
    tmp_path, small_survey, small_undisturbed, s3
):
    """Its metadata, which make it one, come after all others, not with them."""
    scene = buckets.BucketScene(tmp_path, small_survey, s3, attempts=1)
    s3.refused = "interpretation/main/twt/zarr.json"
    try:
        assert isinstance(scene.start_run_here().outcome(), AccessError)
        assert scene.state() == "amid"
    finally:
        s3.refused = ""
    assert scene.start_run_here().outcome().windows == 0
    scene.require_untouched(scenes.Recorded(0, {}), small_undisturbed[1])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", range(RUNS))
def test_whoever_is_disturbed_while_the_store_fails(
    number, tmp_path, small_survey, small_undisturbed, s3, stories
):
    """In every other run the library itself tries a call twice, else five times as it does."""
    case = cases.Case.drawn(f"s3-{SEED}-{number}", cases.FEW_STEPS)
    attempts, (_, expected) = 2 + 3 * (number % 2), small_undisturbed
    stories.append(check(case, attempts, tmp_path, small_survey, expected, s3))
    assert s3.failed > 0
