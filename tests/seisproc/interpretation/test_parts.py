"""Regions that reach over a cross hold no more than that, or run it in parts, to the same bytes."""

import importlib
import itertools
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.background import Outbox
from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.errors import IncompleteError
from seisproc.grid import Grid
from seisproc.interpretation import memory
from seisproc.interpretation.areas import joined, read_areas, summed_areas, windows_to_run
from seisproc.interpretation.handover import BundleReader, BundleWriter, HandOverError
from seisproc.interpretation.memory import WHOLE, part_memory, samples_held
from seisproc.interpretation.parts import in_parts
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.running_sums import RunningSums
from seisproc.records import work_url
from seisproc.survey import create_array, publish, write_array, write_coordinates

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")
NumpyRecipe = recipes.NumpyRecipe

SECTIONS = NumpyRecipe(window=(12, 16))
VOLUMES = NumpyRecipe("fault", ("background", "fault"), window=(8, 12, 16), name="volumes")

ends = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda t: (t[0], t[0] + t[1]))


@given(st.lists(st.tuples(ends, ends), max_size=4))
def test_joined_areas_are_all_of_their_rectangles_and_share_no_trace(rectangles):
    expected = np.zeros((24, 24), int)
    for i, j in rectangles:
        expected[slice(*i), slice(*j)] = 1
    found = np.zeros_like(expected)
    areas = joined([i for i, _ in rectangles], [j for _, j in rectangles])
    for area in areas:
        found[area.i_start : area.i_stop, area.j_start : area.j_stop] += 1
    np.testing.assert_array_equal(found, expected)
    largest = max(((i[1] - i[0]) * (j[1] - j[0]) for i, j in rectangles), default=0)
    assert not areas or areas[0].size == largest


def plan_of(url, networks=(SECTIONS,), shards=(16, 8, 16), **options):
    return plan_interpretation(url, networks, run="main", shards=shards, **options)


@pytest.fixture
def thin(monkeypatch):
    """Everything is done in parts, of four sections at most."""
    monkeypatch.setattr(memory, "LARGEST_PART", 0)
    monkeypatch.setattr(memory, "THINNEST", 4)


@pytest.mark.parametrize("thickness", [1, 3, 16])
def test_each_window_is_run_in_one_part(survey, thickness):
    plan = plan_of(survey, [SECTIONS, VOLUMES])
    for network, number in itertools.product(plan.networks, plan.regions):
        for lattice in network.lattices:
            found = np.zeros(lattice.counts[:2], int)
            expected = np.zeros_like(found)
            for run, parts in ((expected, WHOLE), (found, in_parts(plan, thickness))):
                for part in parts:
                    i, j = (windows_to_run(plan, lattice, number, axis, part) for axis in (0, 1))
                    run[i, j] += 1
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("networks", "options"),
    [
        ([SECTIONS], {"variance": True, "probability": True}),
        ([SECTIONS], {"orientations": ["crossline"]}),
        ([SECTIONS, recipes.FAULT], {}),
        ([SECTIONS, VOLUMES], {"overlap": 0.5}),
        ([SECTIONS], {"shards": (64, 64, 64)}),  # one region, without neighbours
        ([NumpyRecipe(window=(40, 36))], {}),
    ],
)
def test_parts_make_the_same_volumes(survey, tmp_path, monkeypatch, networks, options):
    whole = plan_of(survey, networks, **options)
    assert whole.parts == WHOLE
    before = interpret(whole)
    expected = recipes.volumes(survey)
    monkeypatch.setattr(memory, "LARGEST_PART", 0)
    monkeypatch.setattr(memory, "THINNEST", 4)
    other = recipes.make_survey(
        tmp_path / "other.zarr", recipes.SHAPE, live=recipes.LIVE, garbage=1e30
    )
    plan = plan_of(other, networks, **options)
    assert len(plan.parts) > 1
    after = interpret(plan)
    assert (plan.fingerprint, after.checksum) == (whole.fingerprint, before.checksum)
    assert after.windows == before.windows
    found = recipes.volumes(other)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    assert not Path(work_url(plan.store_url, plan.product, plan.fingerprint)).exists()


def test_workers_do_the_parts_of_the_plan_they_are_sent(survey, tmp_path, thin):
    receipt = interpret(plan_of(survey))
    other = recipes.make_survey(
        tmp_path / "other.zarr", recipes.SHAPE, live=recipes.LIVE, garbage=1e30
    )
    with open_cluster(ClusterSpec("local", workers=2)) as address, connect(address) as client:
        plan = plan_of(other)
        assert plan.memory.held
        assert interpret(plan, client).checksum == receipt.checksum


def test_a_region_that_fails_in_its_last_part_is_done_anew(survey, tmp_path, thin):
    recipe = NumpyRecipe(window=(12, 16), poison=str(tmp_path / "poison"), poisoned=(302,))
    plan = plan_of(survey, [recipe])
    assert sum(lattice.size for lattice in plan.networks[0].lattices) > 302
    (tmp_path / "poison").touch()
    with pytest.raises(IncompleteError, match="poisoned"):
        interpret(plan)
    (tmp_path / "poison").unlink()
    interpret(plan)
    found = recipes.volumes(survey)
    other = recipes.make_survey(
        tmp_path / "other.zarr", recipes.SHAPE, live=recipes.LIVE, garbage=1e30
    )
    interpret(plan_of(other))
    np.testing.assert_array_equal(found["facies"], recipes.volumes(other)["facies"])


def test_what_was_handed_over_in_other_parts_is_made_again(survey, tmp_path, monkeypatch):
    """As after a change of version: a run is interrupted, and goes on with others."""
    recipe = NumpyRecipe(window=(12, 16), poison=str(tmp_path / "poison"), poisoned=(302,))
    plan = plan_of(survey, [recipe])
    assert plan.parts == WHOLE
    (tmp_path / "poison").touch()
    with pytest.raises(IncompleteError, match="poisoned"):
        interpret(plan)
    (tmp_path / "poison").unlink()
    monkeypatch.setattr(memory, "LARGEST_PART", 0)
    resumed = plan_of(survey, [recipe])
    assert resumed.parts != WHOLE
    assert resumed.fingerprint == plan.fingerprint
    receipt = interpret(resumed)
    other = recipes.make_survey(
        tmp_path / "other.zarr", recipes.SHAPE, live=recipes.LIVE, garbage=1e30
    )
    assert interpret(plan_of(other, [recipe])).checksum == receipt.checksum


@pytest.mark.parametrize("size", [5, 7])
def test_sums_of_other_extents_are_not_misread(tmp_path, size):
    with ThreadPoolExecutor(1) as threads:
        outbox = Outbox(threads, 1 << 20)
        BundleWriter(f"{tmp_path}/from-0-0-a", outbox).write(0, [np.zeros(size, np.uint32)])
        outbox.settle()
    reader = BundleReader(f"{tmp_path}/from-0-0-a", "uint32", (0, 0))
    packed = reader.fetch(0)
    assert reader.parts(0, packed, [(size,)])[0].tolist() == [0] * size
    with pytest.raises(HandOverError, match="is lost"):
        reader.parts(0, packed, [(2, 3)])


def empty_survey(url, shape):
    """Publish a survey without samples: enough to plan with."""
    grid = Grid(
        np.arange(shape[0], dtype="int32"), np.arange(shape[1], dtype="int32"),
        np.arange(shape[2], dtype="float64"),
    )
    create_array(
        url, "amplitude", shape, "float32", grid.dims, chunks=(64,) * 3, shards=(128, 128, 512),
        attributes={"statistics": {"mean": 0.0, "std": 1.0}},
    )
    write_array(url, "live", np.ones(shape[:2], bool), ("inline", "crossline"))
    write_coordinates(url, grid)
    publish(url, {"domain": "twt", "fingerprint": str(shape)})
    return url


@pytest.mark.parametrize(
    ("shape", "window", "classes", "parts", "most_mib"),
    [
        ((601, 951, 462), (640, 464), 6, 8, 680),
        ((1536,) * 3, (640, 464), 6, 8, 760),
        ((1536,) * 3, (640, 464), 10, 16, 760),
        ((1536,) * 3, (192, 256), 1, 1, 650),
        ((1536,) * 3, (128, 128, 128), 1, 1, 640),
    ],
)
def test_a_worker_needs_less_than_a_gib_whatever_the_windows(
    tmp_path, shape, window, classes, parts, most_mib
):
    """Less by what a network needs itself: 300 MiB of a large one. A cross's hull took 9,000."""
    names = tuple(f"unit {n}" for n in range(classes)) if classes > 1 else ("background", "fault")
    recipe = NumpyRecipe("facies" if classes > 1 else "fault", names, window=window)
    url = empty_survey(f"{tmp_path}/survey.zarr", shape)
    plan = plan_interpretation(url, [recipe], run="main")
    assert len(plan.parts) == parts
    assert plan.memory.worker_bytes < most_mib << 20


@pytest.mark.parametrize("window", [(12, 16), (40, 36), (5, 7)])
@pytest.mark.parametrize("parts", [WHOLE, "thin"])
def test_the_plan_counts_what_the_largest_region_holds(survey, window, parts):
    plan = plan_of(survey, [NumpyRecipe(window=window), VOLUMES])
    for part in in_parts(plan, 4) if parts == "thin" else parts:
        held = []
        for number in plan.regions:
            traces = sum(area.size for area in read_areas(plan, number, part))
            sums = [
                RunningSums(network, area, plan.slab).values.nbytes
                for network in plan.networks
                for area in summed_areas(plan, network, number, part)
            ]
            held.append(sum(sums) + 4 * traces * samples_held(plan))
        of_one = part_memory(plan, part).held
        assert max(held) <= of_one <= 1.2 * max(held)
