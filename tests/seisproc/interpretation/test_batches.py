"""Batches run on from slab to slab; plans count what stays empty in them, and products too."""

import dataclasses
import importlib
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.interpretation import memory
from seisproc.interpretation.batches import LEAST, batch_ends, fitting_size, slots
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.tiling import Lattice
from seisproc.survey import Survey

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

SHAPE = (22, 19, 70)


@given(
    depth=st.integers(1, 300), stride=st.integers(1, 16), lateral=st.integers(1, 12),
    size=st.integers(1, 70), slab=st.sampled_from([16, 32, 128]),
)
def test_batches_are_full_but_where_two_slabs_end_them(depth, stride, lateral, size, slab):
    lattice = Lattice((16, 16, depth), (16, 16, 16), (16, 16, stride))
    total = lateral * lattice.counts[2]
    slab_of = np.repeat(lattice.origins(2) // slab, lateral)
    ends = list(batch_ends(lattice, lateral, size, slab))
    assert ends[-1] == total
    for start, end in itertools.pairwise([0, *ends]):
        assert 0 < end - start <= size
        assert slab_of[end - 1] <= slab_of[start] + 1
        full = end - start == size or end == total
        assert full or slab_of[end] == slab_of[start] + 2
    by_slab = sum(-(-int(n) // size) * size for n in np.bincount(slab_of))
    assert total <= slots(lattice, lateral, size, slab, size) <= by_slab


@given(st.lists(st.integers(1, 200), min_size=1, max_size=5), st.integers(1, 64))
def test_batches_of_a_gpu_are_cut_to_what_regions_have(regions, most):
    def slots_of(size):
        return sum(-(-n // size) * size for n in regions)

    found = fitting_size(slots_of, sum(regions), most)
    assert found <= most
    if most >= 2 * LEAST and min(regions) >= 10 * LEAST:
        assert slots_of(found) <= 1.1 * sum(regions), "the smallest would do"


@dataclass(frozen=True)
class SizedRecipe(recipes.NumpyRecipe):
    """A network that pads batches, of which it says whether they may be smaller."""

    window: tuple[int, ...] = (8, 8, 64)  # large enough to be given one of its batches at a time
    batch_size: int = 64
    batch_is_free: bool = False

    def with_batch_size(self, size):
        return dataclasses.replace(self, batch_size=size, batch_is_free=False)

    def make_predict(self):
        return Sized(self)


class Sized(recipes.NumpyPredict):
    given = ()

    def __call__(self, windows, window_index):
        type(self).given += (len(windows),)
        return super().__call__(windows, window_index)


@pytest.fixture
def survey(tmp_path):
    return recipes.make_survey(tmp_path / "survey.zarr", SHAPE)


@pytest.mark.parametrize("borders", ["hand over", "recompute"])
def test_what_stays_empty_is_what_the_plan_says(survey, borders):
    options = {"run": borders[0], "shards": (8, 16, 8), "overlap": 0.75, "borders": borders}
    plan = plan_interpretation(survey, [SizedRecipe(batch_size=5)], **options)
    batches = dataclasses.replace(plan.networks[0], batch_size=5)
    plan = dataclasses.replace(plan, networks=(batches,))
    Sized.given = ()
    receipt = interpret(plan)
    assert sum(Sized.given) == receipt.windows == plan.windows
    told = Survey(survey).group_attributes(f"interpretation/{plan.run}")
    assert told["batch_slots"] == 5 * len(Sized.given)
    assert receipt.empty_slots == told["batch_slots"] - plan.windows > 0
    assert f"batches have {plan.padded:,} empty slots" in str(plan)
    assert receipt.checksum == interpret(
        plan_interpretation(survey, [SizedRecipe(batch_size=1)], run="one", shards=(8, 16, 8),
                            overlap=0.75)
    ).checksum


@pytest.mark.parametrize("free", [False, True])
def test_what_stays_empty_in_the_last_batch_of_each_part_is_counted(survey, monkeypatch, free):
    monkeypatch.setattr(memory, "LARGEST_PART", 0)
    monkeypatch.setattr(memory, "THINNEST", 4)
    sections = SizedRecipe(window=(12, 64), batch_size=64, batch_is_free=free)
    volumes = SizedRecipe("fault", ("background", "fault"), batch_size=5, name="volumes")
    plan = plan_interpretation(survey, [sections, volumes], run="main", shards=(16, 16, 32))
    assert len(plan.parts) > 2
    assert interpret(plan).empty_slots == plan.padded


def test_a_network_that_leaves_it_open_gets_batches_that_fit_the_regions(survey):
    asked = plan_interpretation(survey, [SizedRecipe()], run="main", shards=(8, 8, 16))
    left = plan_interpretation(
        survey, [SizedRecipe(batch_is_free=True)], run="main", shards=(8, 8, 16)
    )
    assert asked.networks[0].recipe.batch_size == 64
    assert left.networks[0].recipe.batch_size < 64
    assert left.padding < asked.padding
    assert left.windows == asked.windows
    assert left.fingerprint != asked.fingerprint
