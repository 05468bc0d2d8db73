"""What fails in an interpretation: what is tried again, what is redone, what the rest becomes."""

import dataclasses
import importlib
import math
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import BundleError, IncompleteError, OutputExistsError
from seisproc.interpretation import failures
from seisproc.interpretation.failures import TRIES, Retries, Step
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.places import AccessError
from seisproc.survey import Survey

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")
NumpyRecipe, volumes = recipes.NumpyRecipe, recipes.volumes
FAULT, LIVE = recipes.FAULT, recipes.LIVE


def run(url, networks, name="main"):
    return interpret(plan_interpretation(url, networks, run=name, shards=(8, 8, 16)))


def poisoned_plan(url, recipe):
    """A plan whose network stumbles over a window that runs (the last one of its lattice)."""
    plan = plan_interpretation(url, [recipe], run="main", shards=(8, 8, 16))
    bad = dataclasses.replace(recipe, poisoned=(plan.networks[0].lattices[-1].size - 1,))
    return plan_interpretation(url, [bad], run="main", shards=(8, 8, 16))


def test_a_failed_region_is_all_that_is_redone(survey, tmp_path):
    poison = tmp_path / "poison"
    poison.touch()
    recipe = NumpyRecipe(poison=str(poison), log=str(tmp_path / "log"))
    plan = poisoned_plan(survey, recipe)
    progress = []
    with pytest.raises(IncompleteError, match="1 of 9 regions") as caught:
        interpret(plan, on_progress=lambda *step: progress.append(step))
    assert "poisoned window" in str(caught.value)
    assert progress[-1][0] < progress[-1][1]
    ran = (tmp_path / "log").read_text().count("window")
    (hit, *_) = plan.networks[0].recipe.poisoned
    assert (tmp_path / "log").read_text().count(f"window {hit}\n") == TRIES
    poison.unlink()
    (tmp_path / "log").unlink()
    receipt = interpret(plan, on_progress=lambda *step: progress.append(step))
    assert progress[-1][0] == progress[-1][1]
    assert receipt.regions_reused > 0
    assert receipt.windows == (tmp_path / "log").read_text().count("window") < ran
    clean = run(survey, [NumpyRecipe()], name="clean")
    assert receipt.checksum == clean.checksum


@pytest.mark.parametrize("times", [TRIES, 2 * TRIES])
def test_an_error_that_passes_costs_no_region(survey, tmp_path, monkeypatch, times):
    """So often the store asks to slow down; what lasts longer has one more round, and no more."""
    monkeypatch.setattr(failures, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(failures, "PAUSE_S", 0.5)
    poison = tmp_path / "poison"
    poison.write_text("1" * times)
    plan = poisoned_plan(survey, NumpyRecipe(poison=str(poison)))
    start = time.monotonic()
    if times == 2 * TRIES:
        with pytest.raises(IncompleteError, match="slow down"):
            interpret(plan)
    else:
        receipt = interpret(plan)
        assert receipt.checksum == run(survey, [NumpyRecipe()], name="clean").checksum
    assert not poison.exists()
    assert time.monotonic() - start > 0.5


def test_a_network_that_gives_no_probabilities_is_an_error_not_a_product(survey):
    with pytest.raises(IncompleteError, match="numpy: probability is out of range"):
        run(survey, [NumpyRecipe(constant=(math.nan, 0.5, 0.5))])
    assert not Survey(survey).groups("interpretation")


def test_another_product_of_that_name_is_replaced_only_when_allowed_and_whole(survey, tmp_path):
    first = run(survey, [NumpyRecipe(), FAULT])
    before = volumes(survey)
    poison = tmp_path / "poison"
    poison.touch()
    other = NumpyRecipe(salt=1, classes=("a", "b"), poison=str(poison))
    plan = poisoned_plan(survey, other)
    with pytest.raises(OutputExistsError, match="made from something else"):
        interpret(plan)
    with pytest.raises(IncompleteError):
        interpret(plan, overwrite=True)
    for name, values in volumes(survey).items():  # the old one still answers
        np.testing.assert_array_equal(values, before[name])
    poison.unlink()
    second = interpret(plan, overwrite=True)
    assert second.checksum != first.checksum
    assert volumes(survey).keys() == {"facies", "facies_uncertainty", "facies_disagreement"}
    assert volumes(survey)["facies"][LIVE].max() == 1
    assert [path.name for path in Path(survey).parent.iterdir()] == ["survey.zarr"]


class ModelError(Exception):
    """As ``models`` raises it, which is not imported by ``seisproc``."""


def tries(error, workers, has_others):
    """Fail at one step again and again; return how often, and whether it is put off."""
    retries, step, count = Retries(), Step((0, 0)), 1
    while retries.note(step, error, workers[count % len(workers)], has_others):
        count += 1
        if math.isinf(retries.due_s()):
            return count - 1, True
        assert retries.take() is step
    return count, False


@pytest.mark.parametrize(
    ("error", "alone", "among_others"),
    [
        (ModelError("the bundle is of another network"), (1, False), (2, False)),
        (BundleError("damaged"), (1, False), (2, False)),
        (ValueError("who knows"), (3, False), (3, False)),
        (FileNotFoundError("no such bundle"), (3, False), (3, False)),
        (OSError("the store asks to slow down"), (3, True), (3, True)),
        (AccessError("nobody answers"), (3, True), (3, True)),
        (type("KilledWorker", (Exception,), {})(), (1, False), (1, False)),
    ],
)
def test_how_often_a_region_is_tried_depends_on_what_it_failed_with(error, alone, among_others):
    assert tries(error, [""], False) == alone
    assert tries(error, ["tcp://a", "tcp://b"], True) == among_others


def test_a_region_is_not_tried_where_it_has_failed():
    retries, step = Retries(), Step((2, 3))
    retries.note(step, ValueError("dead context"), "tcp://a", True)
    assert retries.failed_on((2, 3)) == {"tcp://a"}
    assert not retries.failed_on((0, 0))
    retries.forget((2, 3))
    assert not retries.failed_on((2, 3))
