"""A real S3 endpoint (moto's server): what ingest and export do there, and when they are killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest
import xarray as xr
import zarr
from distributed import Client, LocalCluster

from seisproc import leases
from seisproc.errors import BusyError, SegyError, StoreError
from seisproc.grid import Grid
from seisproc.places import AccessError
from seisproc.records import Records, lease, write_atomic
from seisproc.replace import finish_replacement, put_in_place
from seisproc.segy.export import export
from seisproc.segy.ingest import ingest
from seisproc.segy.scan import scan
from seisproc.segy.source import Source
from seisproc.survey import Survey, is_published

Writer = Callable[..., Path]


@pytest.fixture
def bucket(s3_endpoint: str) -> str:
    """URL of an empty bucket."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"


@pytest.fixture
def wide(segy: Writer) -> Path:
    """A survey of four columns, with a hole: 200 x 140 x 100."""
    rng = np.random.default_rng(5)
    grid = Grid(np.arange(200, dtype="int32"), np.arange(140, dtype="int32"), 4.0 * np.arange(100))
    live = np.ones((200, 140), bool)
    live[:70, :70] = False
    volume = rng.normal(size=grid.shape).astype("float32")
    return segy("wide.sgy", grid=grid, amplitude=volume, live=live, sample_format=1)


def upload(path: Path, url: str) -> str:
    with fsspec.open(url, "wb") as file:
        file.write(path.read_bytes())
    return url


def tree(url: str) -> dict[str, bytes]:
    """Every object below a URL with its bytes, listed afresh."""
    fs, path = fsspec.core.url_to_fs(url, skip_instance_cache=True)
    return {str(found)[len(path) :]: fs.cat_file(found) for found in sorted(fs.find(path))}


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )


def test_every_way_between_disk_and_s3_gives_the_same_bytes(
    wide: Path, tmp_path: Path, bucket: str
) -> None:
    local = str(tmp_path / "local.zarr")
    ingest([str(wide)], local)
    remote = upload(wide, f"{bucket}/in/wide.sgy")
    ingest([str(wide)], f"{bucket}/a.zarr")
    ingest([remote], f"{bucket}/b.zarr")
    ingest([remote], str(tmp_path / "c.zarr"))
    expected = tree(local)
    for store in (f"{bucket}/a.zarr", f"{bucket}/b.zarr", str(tmp_path / "c.zarr")):
        assert tree(store) == expected
    export(f"{bucket}/a.zarr", f"{bucket}/out/wide.sgy")
    export(f"{bucket}/a.zarr", str(tmp_path / "out.sgy"))
    source = wide.read_bytes()
    assert fsspec.filesystem("s3").cat_file(f"{bucket}/out/wide.sgy") == source
    assert (tmp_path / "out.sgy").read_bytes() == source
    left = {path.split("/")[1] for path in tree(bucket)}
    assert left == {"in", "a.zarr", "b.zarr", "out"}


def test_xarray_opens_a_store_on_s3(wide: Path, bucket: str) -> None:
    ingest([str(wide)], f"{bucket}/s.zarr")
    with xr.open_zarr(f"{bucket}/s.zarr", consolidated=False) as opened:
        assert opened.amplitude.dims == ("inline", "crossline", "twt")
        assert np.isnan(opened.amplitude.sel(inline=0, crossline=0)).all()


def test_a_killed_run_is_continued_and_the_store_is_the_same(
    wide: Path, tmp_path: Path, bucket: str
) -> None:
    ingest([str(wide)], str(tmp_path / "whole.zarr"))
    source, store = upload(wide, f"{bucket}/wide.sgy"), f"{bucket}/s.zarr"
    died = run_python(f"""
        import os
        from seisproc.segy.ingest import ingest
        def die(done, total):
            if done == 2:
                os.kill(os.getpid(), 9)
        ingest([{source!r}], {store!r}, on_progress=die)
    """)
    assert died.returncode == -9, died.stderr
    assert not is_published(store)
    with pytest.raises(StoreError):
        Survey(store)
    receipt = ingest([source], store)
    assert receipt.resumed == 2
    assert tree(store) == tree(str(tmp_path / "whole.zarr"))
    assert not tree(f"{store}.work")


def test_a_killed_worker_costs_nothing_but_time(wide: Path, tmp_path: Path, bucket: str) -> None:
    ingest([str(wide)], str(tmp_path / "whole.zarr"))
    source, store = upload(wide, f"{bucket}/wide.sgy"), f"{bucket}/s.zarr"
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        victims = list(client.run(os.getpid).values())[:1]

        def kill(done: int, total: int) -> None:
            if done and victims:
                os.kill(victims.pop(), 9)

        ingest([source], store, client=client, on_progress=kill)
    assert not victims
    assert tree(store) == tree(str(tmp_path / "whole.zarr"))


def test_one_of_two_runs_is_turned_away(bucket: str) -> None:
    url = f"{bucket}/s.zarr.work/ingest"
    with lease(url, "demo"):
        other = run_python(f"""
            from seisproc.records import lease
            with lease({url!r}, "demo"):
                print("in")
        """)
        assert "in" not in other.stdout
        assert "BusyError" in other.stderr
    with lease(url, "demo"):
        pass
    assert not tree(url)


def test_of_many_that_come_at_once_one_gets_the_lease(bucket: str) -> None:
    url = f"{bucket}/s.zarr.work/ingest"
    code = f"""
        import time
        from seisproc.errors import BusyError
        from seisproc.records import lease
        time.sleep(max(0, {time.time() + 4} - time.time()))
        try:
            with lease({url!r}, "demo"):
                print("in")
                time.sleep(3)
        except BusyError:
            print("out")
    """
    runs = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    said = sorted(run.communicate()[0].decode().strip() for run in runs)
    assert said == ["in", "out", "out", "out"]


def test_the_lease_of_a_host_that_is_silent_is_taken_over_but_not_of_one_whose_clock_is_wrong(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_REFRESH_S", 0.5)
    url = f"{bucket}/s.zarr.work/ingest"
    stamp = {"host": "elsewhere", "pid": 1, "id": "x", "time": time.time() - 3600}
    write_atomic(f"{url}/lease", json.dumps(stamp).encode())
    with lease(url, "demo"):
        held = json.loads(fsspec.filesystem("s3").cat_file(f"{url}/lease"))
        assert held["pid"] == os.getpid()
    write_atomic(f"{url}/lease", json.dumps(stamp).encode())
    refresher = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            import json, time
            from seisproc.records import write_atomic
            stamp = {stamp!r}
            for n in range(60):
                stamp["time"] += 0.5
                write_atomic({url + "/lease"!r}, json.dumps(stamp).encode())
                print(n, flush=True)
                time.sleep(0.2)
        """)],
        stdout=subprocess.PIPE,
    )
    assert refresher.stdout is not None
    refresher.stdout.readline()
    try:
        with pytest.raises(BusyError, match="elsewhere"), lease(url, "demo"):
            pass
    finally:
        refresher.kill()
        refresher.wait()


def test_a_listing_that_grew_stale_decides_nothing(wide: Path, bucket: str) -> None:
    store = f"{bucket}/s.zarr"
    fs = fsspec.filesystem("s3")
    assert not is_published(store)
    assert fs.ls(bucket) == []
    made = run_python(f"""
        from seisproc.segy.ingest import ingest
        ingest([{str(wide)!r}], {store!r})
    """)
    assert made.returncode == 0, made.stderr
    assert is_published(store)
    assert Survey(store).groups("interpretation") == []
    assert zarr.open_group(store, mode="r").attrs["domain"] == "twt"
    assert "amplitude" in dict(zarr.open_group(store, mode="r").arrays())
    gone = run_python(f"from seisproc.folders import remove_tree; remove_tree({store!r})")
    assert gone.returncode == 0, gone.stderr
    assert not is_published(store)
    assert Records(f"{store}.work/x").read() == {}


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.mark.parametrize("step", range(7))
def test_a_replacement_that_is_cut_off_anywhere_is_brought_to_its_end(
    bucket: str, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    staged, target = f"{bucket}/s.zarr.work/ingest-1/store", f"{bucket}/s.zarr"
    fs = fsspec.filesystem("s3")
    for name in ("zarr.json", "a/zarr.json", "a/c/0", "gone/c/0"):
        fs.pipe_file(f"{target}/{name}", b"old")
    for name in ("zarr.json", "a/zarr.json", "a/c/0", "b/c/0"):
        fs.pipe_file(f"{staged}/{name}", b"new")
    calls = 0

    def cut(name: str) -> None:
        method = getattr(fs, name)

        def counted(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step:
                if name == "copy":  # some objects made it
                    method(arguments[0][:1], arguments[1][:1])
                if name == "call_s3":  # one object is gone
                    asked = options["Delete"]["Objects"][:1]
                    method(*arguments, **{**options, "Delete": {"Objects": asked}})
                raise Killed
            return method(*arguments, **options)

        monkeypatch.setattr(fs, name, counted)

    for name in ("call_s3", "rm_file", "copy", "cp_file"):
        cut(name)
    try:
        put_in_place(staged, target)
        finished = True
    except Killed:
        finished = False
    monkeypatch.undo()
    assert finished == (step == 0)
    found = set(tree(target).values()) if is_published(target) else set()
    assert len(found) <= 1, "a published group is the old one or the new one"
    finish_replacement(staged, target)
    assert tree(target) == {
        f"/{name}": b"new" for name in ("zarr.json", "a/zarr.json", "a/c/0", "b/c/0")
    }
    assert not is_published(staged)


def test_an_old_survey_is_replaced_by_another(
    segy: Writer, amplitude: np.ndarray, tmp_path: Path, bucket: str
) -> None:
    store = f"{bucket}/s.zarr"
    ingest([str(segy("old.sgy"))], store)
    newer = str(segy("new.sgy", amplitude=amplitude + 1))
    ingest([newer], store, overwrite=True)
    ingest([newer], str(tmp_path / "new.zarr"))
    assert tree(store) == tree(str(tmp_path / "new.zarr"))
    assert not tree(f"{store}.work")


def test_a_file_that_is_written_to_meanwhile_is_noticed(segy: Writer, bucket: str) -> None:
    url = upload(segy(), f"{bucket}/f.sgy")
    source = Source(url)
    before = source.identity()
    source.require_unchanged()
    upload(segy("f2.sgy", sample_format=5), url)
    with pytest.raises(SegyError, match="changed while it was being read"):
        source.require_unchanged()
    assert Source(url).identity() != before


def test_what_is_missing_is_said_in_one_line(segy: Writer, bucket: str) -> None:
    with pytest.raises(AccessError, match=r"b-.*/none.sgy: there is no such file"):
        scan([f"{bucket}/none.sgy"])
    with pytest.raises(AccessError, match=r"s3://nowhere-42/f.sgy: there is no such bucket"):
        scan(["s3://nowhere-42/f.sgy"])
    with pytest.raises(AccessError, match=r"s3://nowhere-42/s.zarr.*no such bucket"):
        ingest([str(segy())], "s3://nowhere-42/s.zarr")
    with pytest.raises(AccessError, match=r"s3://nowhere-42/a.sgy.*no such bucket"):
        store = f"{bucket}/s.zarr"
        ingest([str(segy())], store)
        export(store, "s3://nowhere-42/a.sgy")


def test_a_store_is_not_named_with_credentials(segy: Writer) -> None:
    with pytest.raises(AccessError, match="credentials") as caught:
        ingest([str(segy())], "s3://key:hunter2@bucket/s.zarr")
    assert "hunter2" not in str(caught.value)
