"""A store that may only be read is refused before anything is computed."""

import contextlib
import importlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

from seisproc.interpretation.permission import require_permission
from seisproc.interpretation.planner import plan_interpretation
from seisproc.places import AccessError
from seisproc.records import work_url

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

NOBODY = 65534


@contextlib.contextmanager
def as_owner(*places):
    """Act as somebody who is not root, for whom there is no permission, and owns some places."""
    if os.geteuid():
        yield
        return
    for place in places:
        os.chown(place, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def folder():
    """Folder that others may see, unlike those that pytest makes."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def plan(folder):
    url = recipes.make_survey(folder / "survey.zarr", (16, 16, 16))
    return plan_interpretation(url, [recipes.NumpyRecipe()], run="main", shards=(8, 8, 8))


def test_a_store_that_may_be_written_to_is_not_refused_and_not_touched(folder, plan):
    store = Path(plan.store_url)
    with as_owner(folder, store):
        before = sorted(folder.rglob("*")), store.stat().st_mtime_ns
        require_permission(plan)
        assert before == (sorted(folder.rglob("*")), store.stat().st_mtime_ns)


@pytest.mark.parametrize(
    "readable",
    ["", "survey.zarr", "survey.zarr/interpretation", "survey.zarr/interpretation/main",
     "survey.zarr.work", "WORK"],
)
def test_the_folder_that_may_only_be_read_is_named(folder, plan, readable):
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    shut = folder / readable.replace("WORK", work)
    shut.mkdir(parents=True, exist_ok=True)
    ours = {folder, Path(plan.store_url), *shut.parents} & {folder, *folder.rglob("*")}
    with as_owner(shut, *ours):
        shut.chmod(0o555)
        try:
            with pytest.raises(AccessError, match=rf"^{shut} cannot be written to; found: no perm"):
                require_permission(plan)
        finally:
            shut.chmod(0o755)


def test_what_lies_on_an_object_store_is_left_to_it(plan):
    import dataclasses

    require_permission(dataclasses.replace(plan, store_url="memory://survey.zarr"))
