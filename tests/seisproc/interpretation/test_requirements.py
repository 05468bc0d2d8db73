"""What is refused of the parameters of a plan and of the networks in it, before anything runs."""

import dataclasses
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import BundleError, ConfigError, SeisprocError
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.survey import Survey

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")
NumpyRecipe = recipes.NumpyRecipe


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"orientations": "inline"}, "orientations.*found: 'inline'.*list"),
        ({"orientations": 2}, "orientations.*found: 2"),
        ({"region": 2}, r"region.*found: 2; expected: 2 whole numbers, 1 or more"),
        ({"region": [1]}, r"region.*found: \[1\]; expected: 2 whole"),
        ({"region": (1.5, 1)}, r"region.*found: \(1.5, 1\)"),
        ({"region": (1, 1, 1)}, r"region.*found: \(1, 1, 1\)"),
        ({"region": (0, 1)}, "region"),
        ({"region": "11"}, "region.*'11'"),
        ({"shards": (8, 8)}, r"shards.*found: \(8, 8\); expected: 3 whole"),
        ({"shards": (8.0, 8, 8)}, r"shards.*found: \(8.0, 8, 8\)"),
        ({"shards": (8, 8, -8)}, "shards"),
        ({"overlap": "0.5"}, "overlap.*found: '0.5'"),
        ({"overlap": float("nan")}, "overlap"),
    ],
)
def test_parameters_of_another_kind_are_refused_in_one_line(survey, options, words):
    with pytest.raises(ConfigError, match=words) as caught:
        plan_interpretation(survey, [NumpyRecipe()], run="main", **options)
    assert caught.value.expected and "\n" not in str(caught.value)


@pytest.mark.parametrize("window", [(8,), (8, 8, 8, 8), (8, 0), (8.0, 8), 8])
def test_a_network_whose_window_has_neither_two_nor_three_extents_is_named(survey, window):
    with pytest.raises(ConfigError, match="window of numpy.*whole numbers"):
        plan_interpretation(survey, [NumpyRecipe(window=window)], run="main")


def test_whole_numbers_of_numpy_and_lists_will_do(survey):
    usual = plan_interpretation(survey, [NumpyRecipe()], run="main", shards=(8, 8, 16))
    shards, region = np.array([8, 8, 16]), [np.int64(1), 1]
    told = plan_interpretation(survey, [NumpyRecipe()], run="main", shards=shards, region=region)
    assert told.fingerprint == usual.fingerprint
    assert told.shards == usual.shards


def of_classes(*names):
    return NumpyRecipe(classes=names, name="named")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([f"unit {n}" for n in range(256)], "named has more classes.*found: 256.*at most 255"),
        (["", "sand"], "named.*name of a class.*found: ''.*card.json"),
        (["sand", "\t"], "named.*name of a class"),
        (["a b", "sand", "a\t b"], "named.*name of a class.*found: 'a b'.*'a_b'"),
        (["none", "sand"], "named.*found: 'none'"),
    ],
)
def test_classes_that_no_product_can_tell_apart_are_refused(survey, names, words):
    with pytest.raises(BundleError, match=words) as caught:
        plan_interpretation(survey, [of_classes(*names)], run="main")
    assert isinstance(caught.value, SeisprocError) and len(str(caught.value)) < 300


def test_255_classes_are_stored_as_they_are(survey):
    recipe = of_classes(*(f"unit {n}" for n in range(255)))
    constant = (*[0.0] * 254, 1.0)
    plan = plan_interpretation(
        survey, [dataclasses.replace(recipe, constant=constant)], run="main"
    )
    interpret(plan)
    attributes = Survey(survey).array("interpretation/main/facies").attrs
    assert len(attributes["flag_meanings"].split()) == len(attributes["flag_values"]) == 256
    assert set(np.unique(recipes.volumes(survey)["facies"])) == {254, 255}


def test_a_run_of_blanks_in_a_class_is_one_underscore_in_its_flag(survey):
    interpret(plan_interpretation(survey, [of_classes("salt  dome", " sand\t1")], run="main"))
    attributes = Survey(survey).array("interpretation/main/facies").attrs
    assert attributes["flag_meanings"] == "salt_dome sand_1 none"
    assert attributes["classes"] == ["salt  dome", " sand\t1"]
