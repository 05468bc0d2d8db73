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


def clear_amid_its_step(plan, work, monkeypatch, meanwhile):
    """Do a region's step; when some of its shards are written, what it worked in is cleared."""
    calls, call = [], recipes.NumpyPredict.__call__

    def clear_amid(*arguments):
        calls.append(None)
        if Path(work, "product/facies/c/0/0/1").exists() and not done:
            done.append(None)
            meanwhile()
        return call(*arguments)

    done = []
    monkeypatch.setattr(recipes.NumpyPredict, "__call__", clear_amid)
    with pytest.raises(FileNotFoundError):
        compute_region(plan, work, (0, 0))
    assert done


def test_a_step_in_a_folder_that_was_cleared_and_made_anew_records_no_hole(tmp_path, monkeypatch):
    """Its run was killed, another one published and cleared, and the same run began again."""
    url = recipes.make_survey(tmp_path / "survey.zarr", (16, 16, 80))
    plan, other = (
        plan_interpretation(url, [recipes.NumpyRecipe(salt=n)], run="main", shards=(16, 16, 16))
        for n in range(2)
    )
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    create_product(plan, work)

    def all_happens_meanwhile():
        monkeypatch.undo()
        interpret(other)
        assert not Path(work).exists()
        create_product(plan, work)

    clear_amid_its_step(plan, work, monkeypatch, all_happens_meanwhile)
    assert interpret(plan, overwrite=True).regions_reused == 0
    stored = recipes.volumes(url)["facies"]
    assert (stored != 255).all()


def test_a_step_makes_no_folder_again_after_its_first_shard(tmp_path, monkeypatch):
    url = recipes.make_survey(tmp_path / "survey.zarr", (16, 16, 80))
    plan = plan_interpretation(url, [recipes.NumpyRecipe()], run="main", shards=(16, 16, 16))
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    create_product(plan, work)

    def clear_up():
        while Path(work).exists():  # what is on its way may come between
            shutil.rmtree(work, ignore_errors=True)

    clear_amid_its_step(plan, work, monkeypatch, clear_up)
    assert not Path(work).exists()


def test_a_finished_product_that_is_asked_for_again_costs_no_other_plan_its_work(plan, work):
    interpret(plan)
    other = plan_interpretation(
        plan.store_url, [recipes.NumpyRecipe(salt=1)], run="main", shards=SHARDS
    )
    others = work_url(other.store_url, other.product, other.fingerprint)
    create_product(other, others)
    compute_region(other, others, (0, 0))
    before = files(others)
    Records(f"{work}/records").mark("0-0", "done", "0", {})  # a kill before it was cleared
    assert interpret(plan).regions_done == 0
    assert files(others) == before
    assert not Path(work).exists()
    interpret(other, overwrite=True)
    assert not Path(others).exists()


def test_a_product_that_was_moved_aside_when_its_run_was_killed_is_put_back(
    plan, work, monkeypatch
):
    interpret(plan)
    before = recipes.volumes(plan.store_url)["facies"]
    other = plan_interpretation(
        plan.store_url, [recipes.NumpyRecipe(constant=(0.0, 1.0, 0.0))], run="main", shards=SHARDS
    )
    rename = Path.rename

    def killed_between(path, target):
        if path.name == "product":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed_between)
    with pytest.raises(KeyboardInterrupt):
        interpret(other, overwrite=True)
    monkeypatch.undo()
    assert not Path(plan.url).exists()
    assert interpret(plan).regions_reused == len(plan.regions)
    assert (recipes.volumes(plan.store_url)["facies"] == before).all()
    assert interpret(other, overwrite=True).windows == 0
    assert (recipes.volumes(plan.store_url)["facies"] != before).any()
    assert names_in(Path(plan.store_url).parent) == ["survey.zarr"]
