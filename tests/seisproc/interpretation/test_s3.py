"""An interpretation on a real S3 endpoint (moto's server) is the one that a disk gets."""

import collections
import importlib
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import fsspec
import numpy as np
import pytest
import s3fs

from seisproc.errors import BusyError, IncompleteError
from seisproc.interpretation import job
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.places import open_place, read_object
from seisproc.survey import Survey, is_published
from seisproc.verify import verify

HERE = Path(__file__).parent
sys.path.append(str(HERE))
recipes = importlib.import_module("recipes")

SHAPE = (22, 19, 40)


@pytest.fixture
def stores(tmp_path, s3_endpoint):
    """The same survey on disk and in a bucket: two URLs."""
    local = str(tmp_path / "survey.zarr")
    recipes.make_survey(Path(local), SHAPE)
    name = f"b-{uuid.uuid4().hex[:12]}"
    fs = fsspec.filesystem("s3")
    fs.mkdir(name)
    fs.put(local, f"{name}/survey.zarr", recursive=True)
    return local, f"s3://{name}/survey.zarr"


def run(url):
    networks = (recipes.NumpyRecipe(),)
    return interpret(plan_interpretation(url, networks, run="main", shards=(8, 8, 16)))


def volumes(url):
    survey = Survey(url)
    names = [path for path in survey.volumes() if path.startswith("interpretation/")]
    return {name: survey.array(name)[...] for name in names}


def test_the_volumes_are_the_same_to_the_bit(stores):
    local, remote = stores
    expected = run(local)
    assert run(remote).checksum == expected.checksum
    here, there = volumes(local), volumes(remote)
    assert here.keys() == there.keys()
    assert len(here) > 1
    for name, values in here.items():
        np.testing.assert_array_equal(there[name], values)
    assert run(remote).regions_done == 0, "a finished product is not made again"
    fs, path = fsspec.core.url_to_fs(f"{remote}.work", skip_instance_cache=True)
    assert fs.find(path) == []


@pytest.mark.slow
def test_an_incomplete_product_is_shown_and_replaced(stores, tmp_path):
    local, remote = stores
    (poison := tmp_path / "poison").touch()
    recipe = recipes.NumpyRecipe(poison=str(poison), poisoned=(0,))
    plan = plan_interpretation(remote, (recipe,), run="main", shards=(8, 8, 16))
    with pytest.raises(IncompleteError, match="1 of 9 regions"):
        interpret(plan)
    assert Survey(remote).group_attributes(plan.product)["complete"] is False
    missing = volumes(remote)
    poison.unlink()
    assert interpret(plan).checksum == run(local).checksum
    assert Survey(remote).group_attributes(plan.product)["complete"] is True
    for name, values in volumes(remote).items():
        np.testing.assert_array_equal(values[16:], missing[name][16:])
        assert (missing[name][:8, :8] == 255).all()
    fs, path = fsspec.core.url_to_fs(f"{remote}.work", skip_instance_cache=True)
    assert fs.find(path) == []


@pytest.mark.slow
def test_who_is_overtaken_while_publishing_removes_nothing_when_it_wakes(stores, monkeypatch):
    _, remote = stores
    run(remote)
    recipe = recipes.NumpyRecipe(classes=("a", "b"))
    plan = plan_interpretation(remote, (recipe,), run="main", shards=(8, 8, 16))
    fs, target = fsspec.core.url_to_fs(plan.url)
    exists, overtakers, receipts = fs.exists, iter([interpret]), []

    def all_happens_meanwhile(path, **options):
        if path == target and (overtake := next(overtakers, None)):
            fs.rm_file(fsspec.core.url_to_fs(f"{remote}.work/lease-interpretation-main/lease")[1])
            receipts.append(overtake(plan, overwrite=True))
        return exists(path, **options)

    monkeypatch.setattr(fs, "exists", all_happens_meanwhile)
    with pytest.raises(BusyError):
        interpret(plan, overwrite=True)
    assert Survey(remote).group_attributes(plan.product)["checksum"] == receipts[0].checksum
    verify(remote).require_sound()
    assert fs.find(f"{target.split('/')[0]}/survey.zarr.work") == []


@pytest.mark.slow
def test_after_a_kill_it_goes_on(stores):
    local, remote = stores
    code = f"""
        import os, sys
        sys.path.append({str(HERE)!r})
        from recipes import NumpyRecipe
        from seisproc.interpretation.run import interpret, plan_interpretation
        def die(done, total, note):
            if done >= total - 3:
                os.kill(os.getpid(), 9)
        plan = plan_interpretation(
            {remote!r}, (NumpyRecipe(),), run="main", shards=(8, 8, 16))
        interpret(plan, on_progress=die)
    """
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert died.returncode == -9, died.stderr
    assert not is_published(f"{remote}/interpretation/main")
    receipt = run(remote)
    assert receipt.regions_reused > 0
    assert receipt.checksum == run(local).checksum


def test_a_step_asks_for_little_but_what_it_reads_and_writes(stores, monkeypatch):
    """Each request takes an object store tens of milliseconds: a hundred, longer than a region."""
    asked, of_steps = collections.Counter(), []
    call, do_step = s3fs.S3FileSystem._call_s3, job.do_step

    async def count(self, method, *arguments, **options):
        asked[method] += 1
        return await call(self, method, *arguments, **options)

    def counted(*arguments):
        before = asked.copy()
        told = do_step(*arguments)
        of_steps.append(asked - before)
        return told

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", count)
    monkeypatch.setattr(job, "do_step", counted)
    plan = plan_interpretation(
        stores[1], (recipes.NumpyRecipe(),), run="main", shards=(8, 8, 16)
    )
    interpret(plan)
    _, *others = of_steps  # the first opens what the process keeps open
    assert len(others) >= len(plan.regions)
    for step in others:
        assert step["put_object"] > 1
        assert sum(step.values()) - step["get_object"] - step["put_object"] <= 12


def test_small_objects_are_read_whole_and_in_one_request(stores, monkeypatch):
    fs, path = open_place(f"{stores[1]}/some")
    fs.pipe_file(path, b"word")
    asked, call = [], s3fs.S3FileSystem._call_s3

    async def note(self, method, *arguments, **options):
        asked.append(method)
        return await call(self, method, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(s3fs.S3FileSystem, "_call_s3", note)
        assert read_object(fs, path) == b"word"
    assert asked == ["get_object"]
    fs.pipe_file(path, b"")
    assert read_object(fs, path) == b"", "no range of it can be had"
    with pytest.raises(FileNotFoundError):
        read_object(fs, f"{path}-that-is-not-there")
