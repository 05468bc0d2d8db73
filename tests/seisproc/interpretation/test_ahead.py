import dataclasses
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from seisproc.interpretation.compute_region import load_network
from seisproc.interpretation.run import interpret, plan_interpretation

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

SHAPE = (22, 19, 40)


@pytest.mark.parametrize(("size", "stride"), [(1, 0.25), (4, 0.6), (3, 0.0)])
@pytest.mark.parametrize("known", [True, False])
def test_batches_ahead_find_their_samples_however_deep_a_survey_is(tmp_path, size, stride, known):
    """One column of windows, so that batches of several end in the next slab and the next but one.

    Where the plan does not know how far the loaded network runs ahead, more is held when needed.
    """
    url = recipes.make_survey(tmp_path / "survey.zarr", (8, 8, 200))

    def run(recipe, name):
        plan = plan_interpretation(url, [recipe], run=name, shards=(8, 8, 8), overlap=stride)
        network = dataclasses.replace(plan.networks[0], batch_size=size)
        return interpret(dataclasses.replace(plan, networks=(network,))).checksum

    ahead = recipes.ThreadedRecipe(name=f"threaded-{known}")
    if known:
        object.__setattr__(ahead, "ahead", 2)
    assert run(ahead, "ahead") == run(recipes.NumpyRecipe(), "plain")


def test_batches_under_way_on_a_device_change_nothing_and_its_notes_reach_the_product(tmp_path):
    url = recipes.make_survey(tmp_path / "survey.zarr", SHAPE, live=np.ones(SHAPE[:2], bool))

    def run(recipe, name):
        plan = plan_interpretation(url, [recipe], run=name, shards=(8, 8, 16))
        few = dataclasses.replace(plan.networks[0], batch_size=1)
        return interpret(dataclasses.replace(plan, networks=(few,)))

    ahead = recipes.ThreadedRecipe(name="threaded")
    told, plain = run(ahead, "ahead"), run(recipes.NumpyRecipe(), "plain")
    assert told.checksum == plain.checksum
    assert load_network(ahead).most == 3  # two ahead of the one that is waited for
    assert told.notes == ("batches of 4, halved",)
    assert plain.notes == ()
