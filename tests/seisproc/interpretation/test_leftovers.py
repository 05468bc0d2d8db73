"""Steps that come twice, and workers that wake when all is over."""

import contextlib
import importlib
import shutil
import sys
from pathlib import Path

import cloudpickle
import pytest

from seisproc.errors import BusyError
from seisproc.interpretation.compute_region import compute_region
from seisproc.interpretation.finish_region import finish_region
from seisproc.interpretation.job import Step, do_step
from seisproc.interpretation.leftovers import clear, sweep
from seisproc.interpretation.product import create_product
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.leases import lease
from seisproc.records import Records, work_url

sys.path.append(str(Path(__file__).parent))  # as the other tests here import them
recipes = importlib.import_module("recipes")

SHARDS = (8, 8, 8)
NUMBERS = [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.fixture
def plan(tmp_path):
    url = recipes.make_survey(tmp_path / "survey.zarr", (16, 16, 16))
    return plan_interpretation(url, [recipes.NumpyRecipe()], run="main", shards=SHARDS)


@pytest.fixture
def work(plan):
    return work_url(plan.store_url, plan.product, plan.fingerprint)


def files(folder):
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in Path(folder).rglob("*")}


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_step_that_was_recorded_is_not_done_again(plan, work):
    """Its result may have gone with the worker that did it."""
    create_product(plan, work)
    attempts = {number: compute_region(plan, work, number)[0] for number in NUMBERS}
    before = files(work)
    assert [compute_region(plan, work, number) for number in NUMBERS] == [
        (attempts[number], 0) for number in NUMBERS
    ]
    assert files(work) == before
    finish_region(plan, work, (1, 1), attempts)
    before = files(work)
    finish_region(plan, work, (1, 1), attempts)
    assert files(work) == before
    receipt = interpret(plan)
    assert receipt.windows == 0
    assert receipt.regions_reused == 1


def test_a_run_that_wakes_while_it_creates_the_product_spoils_nothing(plan, work, monkeypatch):
    """Another one has taken over meanwhile, and written shards."""
    product = importlib.import_module("seisproc.interpretation.product")
    create, written = product.create_array, {}

    def all_happens_meanwhile(*arguments, **options):
        monkeypatch.undo()
        create_product(plan, work)
        attempts = {number: compute_region(plan, work, number)[0] for number in NUMBERS}
        finish_region(plan, work, (1, 1), attempts)
        written.update(files(work))
        return create(*arguments, **options)

    monkeypatch.setattr(product, "create_array", all_happens_meanwhile)
    create_product(plan, work)
    assert written
    assert files(work) == written


def test_only_the_work_of_a_published_product_is_swept_up(plan, work):
    create_product(plan, work)
    before = files(work)
    sweep(plan, work)
    assert files(work) == before
    interpret(plan)
    Records(f"{work}/records").mark("0-0", "done", "0", {})
    (Path(work).parent / "another-product").mkdir()
    sweep(plan, work)
    assert names_in(Path(work).parent) == ["another-product"]


def test_the_last_sweeper_takes_the_folder_too(plan, work):
    interpret(plan)
    Records(f"{work}/records").mark("0-0", "done", "0", {})
    sweep(plan, work)
    sweep(plan, work)
    assert not Path(work).parent.exists()


def test_other_products_keep_their_work(plan, work):
    """``main-2`` is no work of ``main``, and a lease is none either."""
    names = [f"{plan.product.replace('/', '-')}{end}" for end in ("-2-0123456789", "-01234567")]
    for name in [*names, "lease-interpretation-main"]:
        (Path(work).parent / name).mkdir(parents=True)
    clear(plan)
    assert names_in(Path(work).parent) == [names[0], "lease-interpretation-main"]


def test_a_worker_that_wakes_after_publishing_leaves_nothing(plan, work, monkeypatch):
    """It had begun to write a shard when it was stopped, and had been given up for dead."""
    packed = cloudpickle.dumps(plan)

    def everything_happens_meanwhile(*arguments):
        monkeypatch.undo()
        run.close()
        interpret(plan)
        result = compute_region(*arguments)
        assert Path(work).exists()
        return result

    create_product(plan, work)
    run = contextlib.ExitStack()
    place = f"{plan.store_url}.work/lease-interpretation-main"
    right = run.enter_context(lease(place, plan.product)).right
    job = importlib.import_module("seisproc.interpretation.job")
    monkeypatch.setattr(job, "compute_region", everything_happens_meanwhile)
    do_step(packed, work, right, Step((0, 0)))
    assert names_in(Path(plan.store_url).parent) == ["survey.zarr"]
    with pytest.raises(BusyError, match="has ended"):
        do_step(packed, work, right, Step((0, 1)))


def test_a_step_whose_folder_is_cleared_ends_and_makes_it_no_more(tmp_path, monkeypatch):
    """It goes on slab by slab, each of which is written by itself."""
    url = recipes.make_survey(tmp_path / "survey.zarr", (16, 16, 200))
    plan = plan_interpretation(url, [recipes.NumpyRecipe()], run="main", shards=SHARDS)
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    create_product(plan, work)
    calls, call = [], recipes.NumpyPredict.__call__

    def clear_amid(*arguments):
        calls.append(None)
        if len(calls) == 3:
            while Path(work).exists():  # what is on its way may come between
                shutil.rmtree(work, ignore_errors=True)
        return call(*arguments)

    monkeypatch.setattr(recipes.NumpyPredict, "__call__", clear_amid)
    with pytest.raises(FileNotFoundError):
        compute_region(plan, work, (0, 0))
    assert not Path(work).exists()
