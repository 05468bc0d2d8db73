import importlib
import shutil
import sys
from pathlib import Path

import pytest

from seisproc.interpretation.region_names import RegionNames
from seisproc.interpretation.run import plan_interpretation

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")


@pytest.fixture
def plan(survey):
    return plan_interpretation(survey, [recipes.NumpyRecipe()], run="main", shards=(8, 8, 16))


def test_a_region_is_named_by_its_first_and_last_lines(plan):
    name = RegionNames(plan)
    assert name((0, 1)) == "0-1 (inlines 100 to 107, crosslines 508 to 515)"
    assert name((2, 2)) == "2-2 (inlines 116 to 121, crosslines 516 to 518)"


def test_names_stay_though_the_survey_cannot_be_read_any_more(plan):
    name = RegionNames(plan)
    shutil.rmtree(plan.store_url)
    assert name((1, 0)) == "1-0 (inlines 108 to 115, crosslines 500 to 507)"


@pytest.mark.parametrize("gone", ["inline", "amplitude/zarr.json", "."])
def test_where_lines_cannot_be_read_the_number_is_the_name(plan, gone):
    path = Path(plan.store_url) / gone
    path.unlink() if path.is_file() else shutil.rmtree(path)
    assert RegionNames(plan)((1, 0)) == "1-0"
