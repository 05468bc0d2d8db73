"""Nothing that was read of one survey is taken for another's, whatever lies at a URL by and by."""

import importlib
import shutil
import sys
from pathlib import Path

import pytest

from seisproc.errors import IncompleteError, StoreError
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.survey import Survey

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

SHAPE = (12, 10, 300)


@pytest.fixture
def url(tmp_path):
    return recipes.make_survey(tmp_path / "survey.zarr", SHAPE)


def plan_of(url):
    return plan_interpretation(url, [recipes.NumpyRecipe()], run="main", shards=(8, 8, 16))


def test_a_survey_that_takes_the_place_of_one_gets_nothing_of_it(url):
    plan = plan_of(url)

    def replace(done, total, note):
        if done == 1:
            shutil.rmtree(url)
            recipes.make_survey(url, SHAPE, seed=1)

    with pytest.raises(StoreError, match=r"survey\.zarr was replaced while it was interpreted"):
        interpret(plan, on_progress=replace)
    assert Survey(url).volumes() == ["amplitude"]
    assert interpret(plan_of(url)).regions_done == len(plan.regions)


@pytest.mark.parametrize("other", [{"seed": 1}, {"chunk": 150}])  # the same one stored anew
def test_what_was_read_of_another_survey_is_not_recorded(url, tmp_path, monkeypatch, other):
    """The first one comes back, and its run goes on with what was recorded."""
    expected = interpret(plan_of(url)).checksum
    shutil.rmtree(f"{url}/interpretation")
    aside, calls, call = tmp_path / "aside.zarr", [], recipes.NumpyPredict.__call__

    def replace(*arguments):
        calls.append(None)
        if len(calls) == 3:  # amid the first region
            shutil.move(url, aside)
            recipes.make_survey(url, SHAPE, **other)
        return call(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(recipes.NumpyPredict, "__call__", replace)
        with pytest.raises((StoreError, IncompleteError), match=r"was (replaced|stored anew)"):
            interpret(plan_of(url))
    shutil.rmtree(url)
    shutil.move(aside, url)
    assert interpret(plan_of(url)).checksum == expected


@pytest.mark.parametrize("changed", [{"chunk": 16}, {"dtype": "float64"}])
def test_a_process_reads_a_survey_as_it_is_now_stored(url, changed):
    """The same source and fingerprint, ingested again in another layout."""
    interpret(plan_of(url))
    shutil.rmtree(url)
    recipes.make_survey(url, SHAPE, **changed)
    receipt = interpret(plan_of(url))
    fresh = recipes.make_survey(f"{url}-fresh", SHAPE, **changed)
    assert receipt.checksum == interpret(plan_of(fresh)).checksum
