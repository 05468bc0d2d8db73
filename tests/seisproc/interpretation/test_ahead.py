import dataclasses
import importlib
import sys
from pathlib import Path

import numpy as np

from seisproc.interpretation.compute_region import load_network
from seisproc.interpretation.run import interpret, plan_interpretation

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

SHAPE = (22, 19, 40)


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
