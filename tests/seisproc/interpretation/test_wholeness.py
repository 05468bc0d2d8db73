"""What was recorded and has been lost since, by a power loss or a bad disk, is done again."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from seisproc.errors import IncompleteError, StoreError
from seisproc.interpretation.compute_region import compute_region
from seisproc.interpretation.finish_region import finish_region
from seisproc.interpretation.product import create_product
from seisproc.interpretation.region_steps import RAN
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.records import Records, work_url
from seisproc.survey import Survey, is_published
from seisproc.verify import verify

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

SHAPE = (24, 16, 16)
NUMBERS = [(i, j) for i in range(3) for j in range(2)]


def make_plan(folder, **options):
    url = recipes.make_survey(folder / "survey.zarr", SHAPE)
    recipe = recipes.NumpyRecipe(**options)
    return plan_interpretation(url, [recipe], run="main", shards=(8, 8, 8), overlap=0.25)


def volumes(plan):
    survey = Survey(plan.store_url)
    return {name: survey.read(f"{plan.product}/{name}") for name in plan.volumes}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    plan = make_plan(tmp_path_factory.mktemp("undisturbed"))
    return interpret(plan), volumes(plan)


@pytest.fixture
def plan(tmp_path):
    """All windows have run, and the region at one end is finished."""
    plan = make_plan(tmp_path)
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    create_product(plan, work)
    attempts = {number: compute_region(plan, work, number)[0] for number in NUMBERS}
    givers = {number: attempts[number] for number in NUMBERS[:4]}
    finish_region(plan, work, (0, 0), givers)
    return plan


def under_work(plan, pattern):
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    return sorted(Path(work).glob(pattern))


def windows_of(plan, numbers):
    records = Records(work_url(plan.store_url, plan.product, plan.fingerprint) + "/records").read()
    keys = {f"{start}{i}-{j}" for i, j in numbers for start in (RAN, "")}
    return sum(records[key].payload["windows"] for key in keys & set(records))


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [Path.unlink, cut])
def test_a_region_whose_shards_have_gone_is_done_again(plan, undisturbed, damage):
    receipt, expected = undisturbed
    damage(under_work(plan, "product/facies/c/0/0/1")[0])
    windows = windows_of(plan, NUMBERS[:4])
    again = interpret(plan)
    assert (again.checksum, again.windows, again.regions_reused) == (receipt.checksum, windows, 1)
    for name, values in volumes(plan).items():
        np.testing.assert_array_equal(values, expected[name])
    verify(plan.store_url).require_sound()


@pytest.mark.parametrize(
    ("damage", "bundle"),
    [(flip, "from-1-1"), (cut, "interior"), (Path.unlink, "from-2-0"), (flip, "from-2-1")],
)
def test_who_handed_over_what_is_damaged_runs_again_and_nobody_else(
    plan, undisturbed, damage, bundle
):
    receipt, expected = undisturbed
    """It may be a region without seams, which is finished, and yet hands over to others."""
    damaged = under_work(plan, f"handover/1-0/{bundle}-*.0")[0]
    giver = (1, 0) if bundle == "interior" else (int(bundle[-3]), int(bundle[-1]))
    damage(damaged)
    windows = windows_of(plan, [giver])
    again = interpret(plan)
    assert (again.checksum, again.windows) == (receipt.checksum, windows)
    for name, values in volumes(plan).items():
        np.testing.assert_array_equal(values, expected[name])


def test_all_bundles_of_an_older_version_or_a_bad_disk_are_made_again(plan, undisturbed):
    for path in under_work(plan, "handover/*/*"):
        cut(path)
    assert interpret(plan).checksum == undisturbed[0].checksum


def test_a_disk_that_loses_all_is_told_of_and_nothing_published(plan):
    def lose(done, total, note):
        for path in under_work(plan, "product/facies/c/0/0/1"):
            path.unlink()

    with pytest.raises(StoreError, match="region 0-0 .* done twice"):
        interpret(plan, on_progress=lose)
    assert not is_published(plan.url)


@pytest.mark.slow
def test_a_lost_region_is_done_again_where_others_fail(tmp_path):
    (poison := tmp_path / "poison").touch()
    plan = make_plan(tmp_path, poison=str(poison), poisoned=(0,))
    with pytest.raises(IncompleteError):
        interpret(plan)
    under_work(plan, "product/facies/c/2/1/1")[0].unlink()
    with pytest.raises(IncompleteError):
        interpret(plan)
    told = Survey(plan.store_url).group_attributes(plan.product)
    assert not told["complete"]
    assert (volumes(plan)["facies"][16:, 8:, 8:] != 255).all()
    poison.unlink()
    interpret(plan)
    verify(plan.store_url).require_sound()
