"""What a run of a plan would find is told before it, on a disk and in a bucket."""

import importlib
import itertools
import sys
import uuid
from contextlib import suppress
from pathlib import Path

import fsspec
import pytest

from seisproc.errors import IncompleteError, OutputExistsError
from seisproc.interpretation import run as runs
from seisproc.interpretation.forecast import forecast
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.standing import published, require_free_name, standing
from seisproc.records import Records, work_url

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")
NumpyRecipe = recipes.NumpyRecipe


@pytest.fixture
def bucket(survey, s3_endpoint):
    """The same survey in a bucket; its URL."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    fs = fsspec.filesystem("s3")
    fs.mkdir(name)
    fs.put(survey, f"{name}/survey.zarr", recursive=True)
    return f"s3://{name}/survey.zarr"


@pytest.fixture(params=["survey", pytest.param("bucket", marks=pytest.mark.slow)])
def store(request):
    return request.getfixturevalue(request.param)


def plan_of(url, *networks, **more):
    return plan_interpretation(
        url, networks or (NumpyRecipe(),), run="main", shards=(8, 8, 16), **more
    )


def stands(plan):
    return standing(plan, published(plan))


def cut_off(plan, steps):
    """Interpret until so many steps are done; each is told of, and the beginning."""
    told = itertools.count()

    def stop(done, total, note):
        if next(told) == steps:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        interpret(plan, on_progress=stop)


def test_it_is_told_from_nothing_to_the_finished_product(store, monkeypatch):
    plan = plan_of(store)
    monkeypatch.setattr(Records, "each", None)  # no record is opened for it
    assert str(stands(plan)) == "nothing yet"
    assert stands(plan).shares == (1.0,)
    cut_off(plan, 5)
    there = stands(plan)
    assert there.is_begun and 0 < there.to_run < 9 and there.regions == 9
    assert str(there) == (
        f"{there.finished} of 9 regions recorded as finished; left: the windows of {there.to_run}"
        f" to run, {9 - there.finished} to write"
    )
    monkeypatch.undo()
    receipt = interpret(plan)
    assert receipt.regions_reused == there.finished
    assert receipt.windows == round(there.shares[0] * plan.windows), "the rest, to the window"
    assert str(stands(plan)) == "the finished product of this plan: a run would do nothing"
    assert (stands(plan).to_run, stands(plan).shares) == (0, (0.0,))
    assert interpret(plan).regions_done == 0


def test_records_in_a_bucket_are_listed_and_none_is_read(bucket, monkeypatch):
    plan = plan_of(bucket)
    cut_off(plan, 1)
    monkeypatch.setattr(Records, "each", None)
    there = stands(plan)
    assert there.is_begun and there.to_run == 8
    assert "of 9 regions recorded as finished" in str(there)


@pytest.mark.parametrize("how", [
    {"borders": "recompute"},
    {"orientations": ["crossline"]},
    {},
])
def test_windows_that_are_left_are_those_of_the_regions_to_run(survey, how):
    plan = plan_of(survey, recipes.FAULT, **how)
    cut_off(plan, 4)
    left = stands(plan).shares[0]
    assert 0.0 < left < 1.0
    assert interpret(plan).windows == round(left * plan.windows)


def test_time_is_that_of_the_windows_which_are_left(survey):
    plan = plan_of(survey, NumpyRecipe(delay_s=0.002), recipes.FAULT)
    whole = forecast(plan).task_seconds
    # One of the two networks waits, and takes nearly all of it.
    assert forecast(plan, 1, (0.25, 1.0)).task_seconds < 0.5 * whole


def test_what_is_recorded_but_not_published_is_told(survey, monkeypatch):
    plan = plan_of(survey)
    with monkeypatch.context() as cut, pytest.raises(TypeError):
        cut.setattr(runs, "publish_product", None)  # killed before it
        interpret(plan)
    said = str(stands(plan))
    assert said == "9 of 9 regions recorded as finished; left: to publish them"


def test_an_incomplete_product_is_told_with_what_a_run_does_again(store, tmp_path):
    (poison := tmp_path / "poison").touch()
    plan = plan_of(store, NumpyRecipe(poison=str(poison), poisoned=(6,)))
    with pytest.raises(IncompleteError):
        interpret(plan)
    there = stands(plan)
    missing = 9 - there.finished
    assert str(there) == (
        f"an incomplete product, {missing} of 9 regions missing."
        f" {there.finished} of 9 regions recorded as finished; left: the windows of"
        f" {there.to_run} to run, {missing} to write"
    )
    other = plan_of(store)
    require_free_name(other, published(other))
    assert str(stands(other)) == (
        "an incomplete product made from something else, "
        f"{missing} of 9 regions missing, which gives way."
        " Nothing is recorded of this plan: a run does all of it"
    )
    assert not stands(other).is_begun
    # as of a store that was copied without the folder beside it
    fs, work = fsspec.core.url_to_fs(work_url(plan.store_url, plan.product, plan.fingerprint))
    fs.rm(work, recursive=True)
    assert str(stands(plan)) == (
        f"an incomplete product, {missing} of 9 regions missing."
        " Nothing is recorded of this plan: a run does all of it"
    )


def test_a_name_that_is_taken_is_refused_in_the_words_of_a_run(store):
    made = plan_of(store)
    interpret(made)
    other = plan_of(store, NumpyRecipe(salt=1))
    with pytest.raises(OutputExistsError) as caught:
        require_free_name(other, published(other))
    with pytest.raises(OutputExistsError) as run:
        interpret(other)
    assert str(caught.value) == str(run.value)
    require_free_name(made, published(made))
    require_free_name(other, published(other), overwrite=True)
    assert "something else, replaced with --overwrite alone" in str(stands(other))


def test_a_product_that_does_not_say_whether_it_is_whole_is(survey):
    """As those of older versions."""
    plan = plan_of(survey)
    with pytest.raises(OutputExistsError, match="made from something else"):
        require_free_name(plan, {"fingerprint": "0123"})
    require_free_name(plan, {"fingerprint": plan.fingerprint})
    assert standing(plan, {"fingerprint": plan.fingerprint}).is_finished
