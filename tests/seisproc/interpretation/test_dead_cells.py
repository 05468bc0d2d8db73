"""Cells where no trace exists: whatever is stored there changes no bit of any volume."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.schema import NONE
from seisproc.sections.context import Context

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")
make_survey = recipes.make_survey

SHAPE = (11, 9, 20)
HUGE = (0.0, -1.0, 1e30, -3e38, np.inf, -np.inf, np.nan, 1e-40)


class DeepRecipe(recipes.NumpyRecipe):
    """Is told depth too, and adds it to what it sees."""

    inputs = Context(depth=True).inputs

    def make_predict(self):
        predict = super().make_predict()
        return lambda windows, index: predict(windows.sum(axis=1), index)


NETWORKS = {
    "3-D": recipes.NumpyRecipe(window=(4, 6, 8)),
    "2-D": recipes.NumpyRecipe("fault", ("no", "yes"), window=(5, 8)),
    "2-D told of depth": DeepRecipe(window=(5, 8)),
}


def checksum(url, networks, run):
    plan = plan_interpretation(url, networks, run=run, shards=(4, 8, 8), variance=True)
    made = interpret(plan)
    live = zarr.open_array(f"{url}/live", mode="r")[...]
    for name in plan.volumes:
        values = zarr.open_array(f"{made.url}/{name}", mode="r")[...]
        assert (values[~live] == NONE).all()
        assert (values[live] != NONE).all()
    return made.checksum


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
@settings(max_examples=10)
@given(data=st.data())
def test_what_is_stored_where_nothing_is_live_changes_no_bit(tmp_path_factory, kind, data):
    folder = tmp_path_factory.mktemp("dead")
    live = data.draw(arrays(bool, SHAPE[:2]).filter(np.any))
    dtype = data.draw(st.sampled_from(["float32", "int16"]))
    values = st.sampled_from(HUGE) if dtype == "float32" else st.integers(-(2**15), 2**15 - 1)
    stored = data.draw(arrays(dtype, SHAPE, elements=values, fill=values))
    one = make_survey(folder / "one.zarr", SHAPE, live=live, dtype=dtype)
    other = make_survey(folder / "other.zarr", SHAPE, live=live, dtype=dtype)
    amplitude = zarr.open_array(f"{other}/amplitude", mode="r+")
    amplitude[...] = np.where(live[..., None], amplitude[...], stored)
    network = [NETWORKS[kind]]
    assert checksum(one, network, "main") == checksum(other, network, "main")
