from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from distributed import Client, LocalCluster

from seisproc import building
from seisproc.building import CREATED, prepare
from seisproc.errors import BusyError, IncompleteError, OutputExistsError, SpaceError
from seisproc.grid import Grid
from seisproc.records import Records, lease, work_url
from seisproc.segy import ingest as ingest_module
from seisproc.segy.column import run_task
from seisproc.segy.ingest import SegyBuild, ingest
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.plan import IngestJob, plan_ingest, source_key
from seisproc.segy.scan import scan
from seisproc.shards import ShardedArray
from seisproc.survey import Survey, publish

from .conftest import patch

Writer = Callable[..., Path]


def tree(store: Path) -> dict[str, bytes]:
    """Every file of a store with its bytes."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def wide(segy: Writer) -> Path:
    """A survey of several columns and shards: 200 x 140 x 600, with holes."""
    rng = np.random.default_rng(5)
    shape = (200, 140, 600)
    grid = Grid(np.arange(200, dtype="int32"), np.arange(140, dtype="int32"), 4.0 * np.arange(600))
    volume = rng.normal(size=shape).astype("float32")
    live = np.ones(shape[:2], bool)
    live[:70, :70] = False
    live[150, 3] = False
    return segy("wide.sgy", grid=grid, amplitude=volume, live=live, sample_format=5)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as opened,
    ):
        yield opened


@pytest.mark.parametrize("byte_order", ["big", "little"])
@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16])
def test_every_format_is_ingested_in_its_native_type(
    segy: Writer, tmp_path: Path, grid: Grid, amplitude: np.ndarray, code: int, byte_order: str
) -> None:
    volume = np.abs(amplitude) if code in (8, 10, 11, 12, 15, 16) else amplitude
    volume = np.clip(volume, -127, 127)
    store = tmp_path / "s.zarr"
    receipt = ingest(
        [str(segy(amplitude=volume, sample_format=code, byte_order=byte_order))], str(store)
    )
    survey = Survey(str(store))
    grid.require_same(survey.grid, "store")
    np.testing.assert_array_equal(survey.amplitude[...], volume)
    assert str(survey.amplitude.dtype) == receipt.dtype
    statistics = survey.statistics
    assert statistics["count"] == volume.size
    assert statistics["min"] == volume.min()
    assert statistics["max"] == volume.max()
    np.testing.assert_allclose(statistics["mean"], volume.mean(dtype="float64"), rtol=1e-9)
    np.testing.assert_allclose(statistics["std"], volume.std(dtype="float64"), rtol=1e-9)


def test_plain_xarray_opens_the_store(segy: Writer, tmp_path: Path, grid: Grid) -> None:
    live = np.ones(grid.shape[:2], bool)
    live[0, :2] = False
    flat = np.full(grid.shape[:2], 5.0)
    ingest([str(segy(live=live, cdp_x=flat, cdp_y=flat))], str(tmp_path / "s.zarr"))
    with xr.open_zarr(tmp_path / "s.zarr", consolidated=False) as opened:
        assert opened.amplitude.dims == ("inline", "crossline", "twt")
        assert opened.twt.attrs["units"] == "ms"
        assert np.isnan(opened.amplitude.sel(inline=100, crossline=-4)).all()
        assert not opened.live.sel(inline=100, crossline=-4)
        assert opened.cdp_x.sel(inline=101, crossline=0) == 5.0
        assert opened.attrs["segy"]["sample_format"] == 1
    tree_of = xr.open_datatree(tmp_path / "s.zarr", engine="zarr", consolidated=False)
    assert {"labels", "interpretation"} <= set(tree_of.children)


def test_zero_and_not_finite_samples_are_counted_apart(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray
) -> None:
    volume = amplitude.copy()
    volume[1, 2] = 0
    volume[3, 3, 5] = np.nan
    volume[3, 3, 6] = -np.inf
    store = str(tmp_path / "s.zarr")
    assert ingest([str(segy(amplitude=volume, sample_format=5))], store).zero_traces == 1
    statistics = Survey(store).statistics
    finite = volume[np.isfinite(volume)]
    assert (statistics["count"], statistics["nonfinite"]) == (finite.size, 2)
    assert (statistics["min"], statistics["max"]) == (finite.min(), finite.max())
    np.testing.assert_array_equal(Survey(store).amplitude[...], volume)


def test_two_workers_make_the_same_bytes_as_none(
    wide: Path, tmp_path: Path, client: Client
) -> None:
    calls: list[tuple[int, int]] = []
    ingest([str(wide)], str(tmp_path / "one.zarr"),
           on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(n, 5) for n in range(6)]
    ingest([str(wide)], str(tmp_path / "two.zarr"), client=client)
    one, two = tree(tmp_path / "one.zarr"), tree(tmp_path / "two.zarr")
    assert one == two
    stored = Survey(str(tmp_path / "one.zarr"))
    live = stored.live
    assert (~live).sum() == 70 * 70 + 1
    values = stored.amplitude[...]
    assert np.isnan(values[~live]).all()
    np.testing.assert_allclose(stored.statistics["std"], values[live].std(dtype="float64"))
    percentiles = stored.statistics["percentiles"]
    expected = np.percentile(values[live], [5, 50, 95])
    np.testing.assert_allclose([percentiles[p] for p in ("5", "50", "95")], expected, atol=0.003)


def test_a_killed_run_continues_and_ends_the_same(wide: Path, tmp_path: Path) -> None:
    whole, store = tmp_path / "whole.zarr", tmp_path / "killed.zarr"
    ingest([str(wide)], str(whole))
    script = textwrap.dedent(f"""
        import os, signal
        from seisproc.segy.ingest import ingest
        def stop(done, total):
            if done == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        ingest([{str(wide)!r}], {str(store)!r}, on_progress=stop)
    """)
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert not (store / "zarr.json").exists()
    receipt = ingest([str(wide)], str(store))
    assert receipt.resumed == 2
    assert tree(store) == tree(whole)
    assert not list(tmp_path.glob("*.work"))


def test_samples_changed_between_kill_and_rerun_are_done_again(
    wide: Path, tmp_path: Path
) -> None:
    store = tmp_path / "s.zarr"
    scanned = scan([str(wide)])
    _start(scanned, str(store), pieces=3)
    patch(wide, wide.stat().st_size - 400, bytes(400))
    receipt = ingest([str(wide)], str(store))
    assert receipt.resumed == 2
    ingest([str(wide)], str(tmp_path / "fresh.zarr"))
    assert tree(store) == tree(tmp_path / "fresh.zarr")


def _start(scanned: object, store: str, pieces: int) -> IngestJob:
    """Do the first pieces of an ingest, from the last backwards, then stop as if killed."""
    key = source_key(scanned)
    job = plan_ingest(scanned, store, work_url(store, "ingest", key))
    records = Records(job.work)
    prepare(SegyBuild(scanned), job, job.tasks(), records, store, None)
    for task in job.tasks()[::-1][:pieces]:
        run_task(job, task)
    assert CREATED in records.read()
    return job


def test_another_survey_does_not_continue_from_leftovers(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray
) -> None:
    store = str(tmp_path / "s.zarr")
    first, second = segy("a.sgy"), segy("b.sgy", amplitude=amplitude[..., ::-1], sample_format=3)
    _start(scan([str(first)]), store, pieces=1)
    _start(scan([str(second)]), store, pieces=1)
    assert ingest([str(first)], store).resumed == 0
    np.testing.assert_array_equal(Survey(store).amplitude[...], amplitude)


@pytest.mark.parametrize("kind", ["column", "headers"])
def test_a_worker_that_outlives_its_run_writes_nothing_into_the_next_ones_store(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A lasting cluster ends what it is at when its client is killed."""
    store = str(tmp_path / "s.zarr")
    first, second = segy("a.sgy"), segy("b.sgy", amplitude=amplitude[..., ::-1], sample_format=3)
    scanned = scan([str(first)])
    job = _start(scanned, store, pieces=0)
    encode = ShardedArray.encode

    def all_happens_meanwhile(array: ShardedArray, chunk: np.ndarray) -> bytes | None:
        monkeypatch.undo()
        ingest([str(second)], store)
        return encode(array, chunk)

    monkeypatch.setattr(ShardedArray, "encode", all_happens_meanwhile)
    piece = next(task for task in job.tasks() if task.kind == kind)
    with pytest.raises(BusyError, match="has ended"):
        run_task(job, piece)
    ingest([str(second)], str(tmp_path / "fresh.zarr"))
    assert tree(tmp_path / "s.zarr") == tree(tmp_path / "fresh.zarr")
    assert not Path(job.work).exists()


def test_the_same_content_is_reused_and_other_content_refused(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray
) -> None:
    store = tmp_path / "s.zarr"
    path = segy(sample_format=5)
    first = ingest([str(path)], str(store))
    before = tree(store)
    again = ingest([str(path)], str(store))
    assert again.reused
    assert again.fingerprint == first.fingerprint
    patch(path, path.stat().st_size - 4, b"\x40\x00\x00\x00")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        ingest([str(path)], str(store))
    assert tree(store) == before
    changed = ingest([str(path)], str(store), overwrite=True)
    assert not changed.reused
    assert changed.fingerprint != first.fingerprint
    assert Survey(str(store)).amplitude[-1, -1, -1] == 2.0
    assert not list(tmp_path.glob("*.work"))


def test_overrides_are_part_of_the_fingerprint(segy: Writer, tmp_path: Path) -> None:
    path = str(segy())
    plain = ingest([path], str(tmp_path / "a.zarr"))
    moved = ingest([path], str(tmp_path / "b.zarr"), overrides=HeaderOverrides(first_sample=0.0))
    assert plain.fingerprint != moved.fingerprint


def test_an_old_store_answers_until_the_new_one_is_complete(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray
) -> None:
    store = tmp_path / "s.zarr"
    ingest([str(segy("a.sgy"))], str(store))
    before = tree(store)
    other = segy("b.sgy", amplitude=-amplitude)

    def look(done: int, total: int) -> None:
        assert tree(store) == before

    ingest([str(other)], str(store), overwrite=True, on_progress=look)
    np.testing.assert_array_equal(Survey(str(store)).amplitude[...], -amplitude)


def test_foreign_folders_and_files_are_left_alone(segy: Writer, tmp_path: Path) -> None:
    path = str(segy())
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputExistsError, match=r"thesis\.tex"):
        ingest([path], str(folder))
    assert (folder / "thesis.tex").exists()
    with pytest.raises(OutputExistsError, match="is a file"):
        ingest([path], str(folder / "thesis.tex"))


def test_two_runs_do_not_write_one_store(segy: Writer, tmp_path: Path) -> None:
    store = str(tmp_path / "s.zarr")
    path = str(segy())
    holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with lease(f"{store}.work/ingest", store), pytest.raises(BusyError):
            ingest([path], store)
    finally:
        holder.kill()
        holder.wait()


def test_too_small_a_disk_is_refused_before_the_start(
    segy: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "free_bytes", lambda url: 1000)
    with pytest.raises(SpaceError, match="MiB free"):
        ingest([str(segy())], str(tmp_path / "s.zarr"))
    assert not (tmp_path / "s.zarr").exists()


def test_a_write_that_the_system_refuses_is_one_error_and_a_rerun_continues(
    wide: Path, tmp_path: Path
) -> None:
    store = tmp_path / "s.zarr"
    script = textwrap.dedent(f"""
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
        from seisproc.segy.ingest import ingest
        try:
            ingest([{str(wide)!r}], {str(store)!r})
        except Exception as error:
            print(type(error).__name__)
    """)
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, timeout=120, capture_output=True, text=True
    )
    assert ended.stdout.split() == ["IncompleteError"]
    assert not (store / "zarr.json").exists()
    assert ingest([str(wide)], str(store)).resumed > 0


def test_a_full_disk_stops_the_run_at_once(
    wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: object, part: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("seisproc.shards._write_all", full)
    with pytest.raises(SpaceError, match="disk is full"):
        ingest([str(wide)], str(tmp_path / "s.zarr"))
    assert not (tmp_path / "s.zarr" / "zarr.json").exists()


def test_failed_pieces_leave_nothing_that_looks_finished(
    wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "s.zarr"

    def fail(job: object, task: object) -> object:
        if task.first == (0, 128):
            raise ValueError("broken disk")
        return run_task(job, task)

    with monkeypatch.context() as patched:
        patched.setattr(ingest_module, "run_task", fail)
        with pytest.raises(IncompleteError, match="1 of 5 pieces failed"):
            ingest([str(wide)], str(store))
    assert not (store / "zarr.json").exists()
    assert ingest([str(wide)], str(store)).resumed == 4


def test_stores_on_object_storage_are_the_same(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray
) -> None:
    url = f"memory://ingest-{os.getpid()}-{time.monotonic_ns()}/s.zarr"
    receipt = ingest([str(segy())], url)
    assert ingest([str(segy())], str(tmp_path / "s.zarr")).fingerprint == receipt.fingerprint
    np.testing.assert_array_equal(Survey(url).amplitude[...], amplitude)
    other = segy("b.sgy", amplitude=-amplitude)
    ingest([str(other)], url, overwrite=True)
    np.testing.assert_array_equal(Survey(url).amplitude[...], -amplitude)


def test_sources_on_object_storage_are_read_by_ranges(
    segy: Writer, tmp_path: Path, amplitude: np.ndarray
) -> None:
    import fsspec

    url = f"memory://source-{time.monotonic_ns()}/survey.sgy"
    fs, path = fsspec.core.url_to_fs(url)
    fs.pipe_file(path, segy().read_bytes())
    receipt = ingest([url], str(tmp_path / "s.zarr"))
    np.testing.assert_array_equal(Survey(str(tmp_path / "s.zarr")).amplitude[...], amplitude)
    assert receipt.fingerprint == ingest([str(segy())], str(tmp_path / "l.zarr")).fingerprint


def test_shards_read_back_through_zarr_bit_by_bit(wide: Path, tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    ingest([str(wide)], str(store))
    scanned = scan([str(wide)])
    raw = np.fromfile(wide, "uint8")[3600:].reshape(scanned.trace_count, -1)[:, 240:]
    samples = np.ascontiguousarray(raw).view(">u4")
    array = zarr.open_array(str(store / "amplitude"), mode="r")
    stored = np.asarray(array[...]).view("uint32")
    np.testing.assert_array_equal(stored[scanned.live], samples[scanned.trace_index[scanned.live]])


def test_what_is_no_survey_is_never_replaced(segy: Writer, tmp_path: Path) -> None:
    path, store = segy(), tmp_path / "s.zarr"
    ingest([str(path)], str(store))
    before = tree(store)
    for inside in ("labels", "labels/mine", "mine"):
        with pytest.raises(OutputExistsError, match="lies inside the store"):
            ingest([str(path)], str(store / inside), overwrite=True)
    for name in ("labels", "patches"):
        (tmp_path / name).mkdir()
        publish(str(tmp_path / name), {"seisproc_kind": name})
        with pytest.raises(OutputExistsError, match="is no survey"):
            ingest([str(path)], str(tmp_path / name), overwrite=True)
    assert tree(store) == before
    assert not list(tmp_path.rglob("*.work"))


def test_a_trailer_is_part_of_the_content(segy: Writer, tmp_path: Path) -> None:
    path, store = segy(), str(tmp_path / "s.zarr")
    path.write_bytes(path.read_bytes() + b"E" * 3200)
    patch(path, 3500, bytes([2, 0]))  # rev 2
    patch(path, 3528, (1).to_bytes(4, "big"))  # trailers of 3200 bytes
    ingest([str(path)], store)
    assert ingest([str(path)], store).reused
    patch(path, path.stat().st_size - 1, b"F")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        ingest([str(path)], store)


def test_a_replacement_that_was_not_begun_waits_for_overwrite(
    segy: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amplitude: np.ndarray
) -> None:
    """The old survey may have got labels since; it is replaced only by a run that says so."""
    path, store = segy(), tmp_path / "s.zarr"
    other = segy("other.sgy", amplitude=amplitude + 1)
    ingest([str(path)], str(store))
    before = tree(store)

    def killed(*_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(building, "put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest([str(other)], str(store), overwrite=True)
    with pytest.raises(OutputExistsError, match="--overwrite"):
        ingest([str(other)], str(store))
    assert tree(store) == before
    ingest([str(other)], str(store), overwrite=True)
    np.testing.assert_array_equal(Survey(str(store)).amplitude[...], amplitude + 1)
    assert not Path(f"{store}.work").exists()


def test_a_small_budget_lets_fewer_pieces_run_at_a_time(
    wide: Path, tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is the same; what is asked of the cluster is not."""
    asked: list[int | None] = []
    real = building.map_bounded

    def spy(*arguments: Any, in_flight: int | None = None) -> Any:
        asked.append(in_flight)
        return real(*arguments, in_flight=in_flight)

    monkeypatch.setattr(building, "map_bounded", spy)
    receipts = [
        ingest([str(wide)], str(tmp_path / f"{mib}.zarr"), client=client, budget_mib=mib)
        for mib in (1, 512)
    ]
    assert asked == [1, None]
    assert tree(tmp_path / "1.zarr") == tree(tmp_path / "512.zarr")
    assert receipts[0].fingerprint == receipts[1].fingerprint
