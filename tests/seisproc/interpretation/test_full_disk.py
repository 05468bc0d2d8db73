"""A disk that fills up in the middle of a run ends it with one clear error; then it goes on."""

import contextlib
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from seisproc.cluster import ClusterSpec, connect, open_cluster
from seisproc.errors import SpaceError
from seisproc.interpretation.run import interpret, plan_interpretation
from seisproc.survey import Survey, is_published

sys.path.append(str(Path(__file__).parent))
recipes = importlib.import_module("recipes")

MIB = 2**20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={8 * MIB}", "seisproc-test", str(disk)]
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
    free = 8 * MIB - _used(small_disk)
    ballast.write_bytes(b"x" * (free - MIB))
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


def _used(folder):
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


@contextlib.contextmanager
def _cluster(workers):
    if not workers:
        yield None
        return
    with open_cluster(ClusterSpec("local", workers=workers)) as address, connect(address) as client:
        yield client
