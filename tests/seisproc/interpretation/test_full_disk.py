"""A disk that fills up in the middle of a run ends it with one clear error; then it goes on."""

import contextlib
import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.interpret_config import InterpretConfig
from models import shipped
from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.errors import SpaceError
from seisproc.interpretation.room import Rehearsal, require_room
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.interpretation.stock import Stock
from seisproc.records import Records
from seisproc.survey import Survey, is_published
from tasks.interpret import interpret_survey, plan_survey

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

MIB = 2**20
DISK = 16 * MIB


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with 16 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "seisproc-test", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if mounted.returncode:
        pytest.skip(f"no right to mount: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_full_disk_ends_the_run_and_with_room_again_it_goes_on(small_disk, tmp_path, workers):
    shape = (40, 48, 64)
    recipes.make_survey(tmp_path / "survey.zarr", shape)
    recipes.make_survey(small_disk / "survey.zarr", shape)

    def plan_of(folder):
        return plan_interpretation(
            str(folder / "survey.zarr"), [recipes.NumpyRecipe()], run="main", shards=(8, 8, 16)
        )

    expected = interpret(plan_of(tmp_path)).checksum
    plan, ballast = plan_of(small_disk), small_disk / "ballast"
    _leave_free(ballast, MIB)
    with _cluster(workers) as client, pytest.raises(SpaceError, match="no space left") as caught:
        interpret(plan, client)
    assert "it resumes" in str(caught.value)
    assert not is_published(plan.url)
    assert Survey(plan.store_url).groups("interpretation") == []
    ballast.unlink()
    receipt = interpret(plan)
    assert receipt.windows < plan.windows
    assert receipt.checksum == expected
    assert [path.name for path in small_disk.iterdir()] == ["survey.zarr"]


def test_a_disk_with_room_for_the_volumes_alone_is_refused(small_disk):
    """What regions hand over meanwhile takes more than they do, and a run would end in the middle.

    The network answers noise, which compresses worse than what networks say of geology.
    """
    store = recipes.make_survey(small_disk / "survey.zarr", (64, 128, 64), chunk=32)
    network = recipes.NumpyRecipe(window=(32, 32, 32))
    plan = plan_interpretation(store, [network], run="main", shards=(32, 32, 64))
    ballast = small_disk / "ballast"
    _leave_free(ballast, plan.output_bytes + MIB)
    with pytest.raises(SpaceError, match="what regions hand over meanwhile") as caught:
        require_room(plan)
    assert "for the regions that are missing" not in str(caught.value)
    with pytest.raises(SpaceError, match="no space left"):
        interpret(plan)
    # What it left is used; and room for that, as it was counted, suffices.
    shutil.rmtree(f"{store}.work")
    ballast.unlink()
    counted = Rehearsal(plan, Stock(plan, Records(f"{store}.work/none")), 1).peak
    _leave_free(ballast, counted + MIB // 8)  # leases and records take a little
    require_room(plan)
    interpret(plan)


class CutOffError(Exception):
    """What a kill is to the run; all that it leaves behind is the same."""


def test_the_stage_asks_for_room_only_for_what_is_not_written(small_disk):
    store = recipes.make_survey(small_disk / "survey.zarr", (64, 256, 64), chunk=64)
    settings = InterpretConfig(samples=1).settings()
    models, ballast = [shipped.url("fault-3d")], small_disk / "ballast"
    plan = plan_survey(store, models, "main", settings)

    def stage():
        return interpret_survey.fn(store, models, "main", settings, "")

    _leave_free(ballast, plan.output_bytes - MIB)
    with pytest.raises(SpaceError, match="may not fit") as caught:
        stage()
    assert "for the regions that are missing" not in str(caught.value)
    ballast.unlink()

    def cut_off(done, total, note):
        if done == total - 1:
            raise CutOffError

    with pytest.raises(CutOffError):
        interpret(plan, on_progress=cut_off)
    _leave_free(ballast, plan.output_bytes // 8)
    with pytest.raises(SpaceError, match="for the regions that are missing.*it resumes"):
        stage()
    _leave_free(ballast, plan.output_bytes - MIB)
    assert 0 < stage().regions_reused < len(plan.regions)
    _leave_free(ballast, MIB // 8)  # the lease takes a little
    assert stage().regions_reused == len(plan.regions)


def _leave_free(ballast, free):
    """Fill the disk up to so many free bytes."""
    ballast.unlink(missing_ok=True)
    ballast.write_bytes(b"x" * max(0, shutil.disk_usage(ballast.parent).free - free))


@contextlib.contextmanager
def _cluster(workers):
    if not workers:
        yield None
        return
    with open_cluster(ClusterSpec("local", workers=workers)) as address, connect(address) as client:
        yield client
