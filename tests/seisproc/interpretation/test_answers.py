"""A network that answers with no probability, entropy or variance is named, and so is which."""

import importlib
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import IncompleteError
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.survey import Survey

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")


@dataclass(frozen=True)
class WrongRecipe(recipes.NumpyRecipe):
    """A network that answers with another value in one of the quantities."""

    quantity: str = "mean"
    value: float = math.nan

    def make_predict(self):
        return Wrong(self)


class Wrong(recipes.NumpyPredict):
    def __call__(self, windows, window_index):
        told = super().__call__(windows, window_index)
        wrong = getattr(told, self.recipe.quantity).copy()
        wrong[..., 3] = self.recipe.value
        return told._replace(**{self.recipe.quantity: wrong})


def refused(survey, recipe, **options):
    plan = plan_interpretation(survey, [recipes.NumpyRecipe(), recipe], run="main", **options)
    with pytest.raises(IncompleteError) as caught:
        interpret(plan)
    assert not Survey(survey).groups("interpretation")
    return str(caught.value)


@pytest.mark.parametrize(
    ("quantity", "value", "words"),
    [
        ("mean", math.nan, ("probability", "0 to 1")),
        ("mean", 1.5, ("probability", "0 to 1")),
        ("expected_entropy", -0.5, ("expected entropy", "0 to 0.6931")),
        ("expected_entropy", math.inf, ("expected entropy", "0 to 0.6931")),
        ("variance", 0.3, ("variance", "0 to 0.25")),
    ],
)
def test_the_network_and_the_quantity_are_named(survey, quantity, value, words):
    recipe = WrongRecipe(
        "fault", ("background", "fault"), name="third", quantity=quantity, value=value
    )
    told = refused(survey, recipe, variance=True)
    assert "third" in told
    assert "numpy" not in told
    for each in words:
        assert each in told


class Unnormalised(recipes.NumpyPredict):
    def __call__(self, windows, window_index):
        told = super().__call__(windows, window_index)
        return told._replace(mean=told.mean * np.float32(self.recipe.value))


@dataclass(frozen=True)
class UnnormalisedRecipe(WrongRecipe):
    def make_predict(self):
        return Unnormalised(self)


def test_facies_that_do_not_sum_to_1_are_refused(survey):
    recipe = UnnormalisedRecipe(name="logits", value=0.9)
    plan = plan_interpretation(survey, [recipe, recipes.FAULT], run="main")
    with pytest.raises(IncompleteError, match="logits.*sum to 1.*found: 0.9") as caught:
        interpret(plan)
    assert "softmax" in str(caught.value)


@pytest.mark.parametrize("value", [0.995, 1.0])
def test_what_half_precision_rounds_off_is_put_up_with(survey, value):
    recipe = UnnormalisedRecipe(name="rounded", value=value)
    assert interpret(plan_interpretation(survey, [recipe], run="main")).windows
