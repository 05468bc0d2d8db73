"""The survey that most tests of interpretation look at."""

import importlib
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")


@pytest.fixture
def survey(tmp_path):
    """A small survey, part of it dead, with garbage where no trace exists; its URL."""
    url = tmp_path / "survey.zarr"
    return recipes.make_survey(url, recipes.SHAPE, live=recipes.LIVE, garbage=1e30)
