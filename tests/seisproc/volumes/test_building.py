"""Arrays become stores as SEG-Y files do: resumable, the same bytes always, in bounded memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import h5py
import numpy as np
import pytest
from distributed import Client, LocalCluster

from seisproc import building
from seisproc.building import build_store, prepare
from seisproc.errors import BusyError, OutputExistsError, SpaceError, VolumeError
from seisproc.records import Records, lease, work_url
from seisproc.survey import Survey
from seisproc.verify import verify
from seisproc.volumes import column
from seisproc.volumes.build import VolumeBuild
from seisproc.volumes.column import run_task
from seisproc.volumes.ingest import ingest_volume
from seisproc.volumes.opening import open_volume
from seisproc.volumes.reading import MappedArray

from .conftest import ingest_array, told, tree

Writer = Callable[..., Path]
AXES = "twt,inline,crossline"


@pytest.fixture
def wide(npy: Writer) -> Path:
    """Several columns and shards, 600 x 200 x 140, depth first, with dead traces."""
    values = np.random.default_rng(5).normal(size=(600, 200, 140)).astype("float32")
    values[:, :70, :70] = np.nan
    values[:, 150, 3] = np.nan
    return npy(values, "wide.npy")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as opened,
    ):
        yield opened


def test_two_workers_make_the_same_bytes_as_none(
    wide: Path, tmp_path: Path, client: Client
) -> None:
    calls: list[tuple[int, int]] = []
    ingest_volume(str(wide), str(tmp_path / "one.zarr"), settings=told(AXES),
                  on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(n, 4) for n in range(5)]
    ingest_volume(str(wide), str(tmp_path / "two.zarr"), settings=told(AXES), client=client)
    assert tree(tmp_path / "one.zarr") == tree(tmp_path / "two.zarr")
    stored = Survey(str(tmp_path / "one.zarr"))
    assert (~stored.live).sum() == 70 * 70 + 1
    expected = np.load(wide).transpose(1, 2, 0)
    np.testing.assert_array_equal(stored.amplitude[...], expected)
    live = expected[stored.live]
    np.testing.assert_allclose(stored.statistics["std"], live.std(dtype="f8"))
    rms = np.sqrt((live.astype("f8") ** 2).mean())
    np.testing.assert_allclose(stored.statistics["rms"], rms)
    assert verify(str(tmp_path / "one.zarr")).problems == ()


def test_compressed_members_too(tmp_path: Path, client: Client) -> None:
    values = np.random.default_rng(5).normal(size=(60, 200, 140)).astype("float32")
    np.savez_compressed(tmp_path / "wide.npz", values)
    settings = told(AXES)
    source = str(tmp_path / "wide.npz")
    ingest_volume(source, str(tmp_path / "one.zarr"), settings=settings, client=client)
    np.save(tmp_path / "wide.npy", values)
    ingest_volume(str(tmp_path / "wide.npy"), str(tmp_path / "two.zarr"), settings=settings)
    one, two = (Survey(str(tmp_path / name)) for name in ("one.zarr", "two.zarr"))
    assert one.fingerprint == two.fingerprint
    np.testing.assert_array_equal(one.amplitude[...], two.amplitude[...])
    assert not list(tmp_path.glob("*.work"))


def test_a_killed_run_continues_and_ends_the_same(wide: Path, tmp_path: Path) -> None:
    whole, store = tmp_path / "whole.zarr", tmp_path / "killed.zarr"
    ingest_array(wide, whole, AXES)
    script = textwrap.dedent(f"""
        import os, signal
        from seisproc.volumes.ingest import ingest_volume
        from seisproc.volumes.settings import VolumeSettings
        def stop(done, total):
            if done == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        settings = VolumeSettings(axes={tuple(AXES.split(','))!r}, interval=4.0)
        ingest_volume({str(wide)!r}, {str(store)!r}, settings=settings, on_progress=stop)
    """)
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert not (store / "zarr.json").exists()
    receipt = ingest_array(wide, store, AXES)
    assert receipt.resumed == 2
    assert tree(store) == tree(whole)
    assert not list(tmp_path.glob("*.work"))


def test_numbers_changed_between_kill_and_rerun_are_read_again(
    wide: Path, tmp_path: Path
) -> None:
    store = str(tmp_path / "s.zarr")
    build = VolumeBuild(open_volume(str(wide), told(AXES)))
    job = build.plan(store, work_url(store, "ingest", build.key))
    tasks = job.tasks()
    prepare(build, job, tasks, Records(job.work), store, None)
    for task in tasks[:3]:
        run_task(job, task)
    values = np.load(wide, mmap_mode="r+")
    values[300, 0, 100] = 77.0
    values.flush()
    receipt = ingest_array(wide, tmp_path / "s.zarr", AXES)
    assert receipt.resumed == 2
    assert Survey(store).amplitude[0, 100, 300] == 77.0
    ingest_array(wide, tmp_path / "fresh.zarr", AXES)
    assert tree(tmp_path / "s.zarr") == tree(tmp_path / "fresh.zarr")


def test_work_for_a_key_that_begins_alike_is_not_taken_over(wide: Path, tmp_path: Path) -> None:
    store, fresh = tmp_path / "s.zarr", tmp_path / "fresh.zarr"

    def build(source: Path, end: str) -> VolumeBuild:
        made = VolumeBuild(open_volume(str(source), told(AXES)))
        made.key = made.key[:8] + end * 56
        return made

    other = tmp_path / "other.npy"
    np.save(other, np.load(wide) + 1)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    first = build(other, "a")
    second = build(wide, "b")
    second.key = first.key[:8] + second.key[8:]
    with pytest.raises(KeyboardInterrupt):
        build_store(first, str(store), on_progress=stop)
    assert build_store(second, str(store)).resumed == 0
    build_store(second, str(fresh))
    assert tree(store) == tree(fresh)
    assert not list(tmp_path.glob("*.work"))


def test_the_same_content_is_reused_and_other_content_refused(
    npy: Writer, tmp_path: Path, cube: np.ndarray
) -> None:
    store = tmp_path / "s.zarr"
    path = npy(cube)
    ingest_array(path, store)
    before = tree(store)
    assert ingest_array(path, store).reused
    moved = path.rename(tmp_path / "renamed.npy")
    assert ingest_array(moved, store).reused
    with pytest.raises(OutputExistsError, match="--overwrite"):
        ingest_array(moved, store, first_sample=8.0)
    npy(-cube, "renamed.npy")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        ingest_array(moved, store)
    assert tree(store) == before
    ingest_volume(str(moved), str(store), settings=told(), overwrite=True)
    np.testing.assert_array_equal(Survey(str(store)).amplitude[...], -cube)


def test_an_array_that_changes_while_it_is_read_is_no_survey(
    wide: Path, tmp_path: Path
) -> None:
    def write(done: int, total: int) -> None:
        if done == 2:
            values = np.load(wide, mmap_mode="r+")
            values[0, 0, 100] = 1.0
            values.flush()

    with pytest.raises(VolumeError, match="changed while"):
        ingest_volume(
            str(wide), str(tmp_path / "s.zarr"), settings=told(AXES), on_progress=write
        )
    assert not (tmp_path / "s.zarr" / "zarr.json").exists()


@pytest.mark.parametrize("dead_value", [None, -1.0])
def test_blocks_of_any_size_make_the_same_store(
    wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead_value: float | None
) -> None:
    ingest_array(wide, tmp_path / "whole.zarr", AXES, dead_value=dead_value)
    read: list[int] = []
    plain = MappedArray.read

    def counting(self: MappedArray, box: tuple[slice, ...]) -> Any:
        block = plain(self, box)
        read.append(block.nbytes)
        return block

    monkeypatch.setattr(MappedArray, "read", counting)
    monkeypatch.setattr(column, "BLOCK_BYTES", 1)
    ingest_array(wide, tmp_path / "small.zarr", AXES, dead_value=dead_value)
    assert max(read) <= 128 * 128 * 512 * 4
    assert tree(tmp_path / "whole.zarr") == tree(tmp_path / "small.zarr")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_array(tmp_path: Path) -> None:
    """A sparse HDF5 file of 2.2 GiB goes through a process that may have 0.5 GB more."""
    with h5py.File(tmp_path / "large.h5", "w") as file:
        data = file.create_dataset("seismic", (600, 800, 1200), "f4", chunks=(60, 80, 120),
                                   fillvalue=0.5)
        data[0, 0, 0] = 1
    script = textwrap.dedent(f"""
        import resource
        from seisproc.volumes.ingest import ingest_volume
        from seisproc.volumes.settings import VolumeSettings
        settings = VolumeSettings(axes=("inline", "crossline", "twt"), interval=4.0)
        source, store = {str(tmp_path / "large.h5")!r}, {str(tmp_path / "s.zarr")!r}
        def limit(done, total):
            if done == 0:
                used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (used + 500_000_000,) * 2)
        print(ingest_volume(source, store, settings=settings, on_progress=limit).shape)
    """)
    ended = subprocess.run([sys.executable, "-c", script], check=True, timeout=280,
                           capture_output=True, text=True)
    assert ended.stdout.strip() == "(600, 800, 1200)"


def test_too_small_a_disk_is_refused_before_the_start(
    npy: Writer, tmp_path: Path, cube: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "free_bytes", lambda url: 1000)
    with pytest.raises(SpaceError, match="MiB free"):
        ingest_array(npy(cube), tmp_path / "s.zarr")
    assert not (tmp_path / "s.zarr").exists()


def test_two_runs_do_not_write_one_store(
    npy: Writer, tmp_path: Path, cube: np.ndarray
) -> None:
    store = str(tmp_path / "s.zarr")
    with lease(f"{store}.work/ingest", store), pytest.raises(BusyError):
        ingest_array(npy(cube), tmp_path / "s.zarr")


@pytest.mark.parametrize("form", ["npy", "npz", "h5"])
def test_other_file_systems(tmp_path: Path, cube: np.ndarray, form: str) -> None:
    local = tmp_path / f"cube.{form}"
    if form == "h5":
        with h5py.File(local, "w") as file:
            file["seismic"] = cube
    else:
        (np.save if form == "npy" else np.savez_compressed)(local, cube)
    root = f"memory://volumes-{os.getpid()}-{time.monotonic_ns()}"
    fs, path = fsspec.core.url_to_fs(f"{root}/{local.name}")
    fs.pipe_file(path, local.read_bytes())
    receipt = ingest_volume(f"{root}/{local.name}", f"{root}/s.zarr", settings=told())
    np.testing.assert_array_equal(Survey(receipt.store).amplitude[...], cube)
    assert receipt.fingerprint == ingest_array(local, tmp_path / "s.zarr").fingerprint
    assert ingest_volume(f"{root}/{local.name}", f"{root}/s.zarr", settings=told()).reused
