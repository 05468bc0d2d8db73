"""The same command gives the same bytes: on 1 and 2 workers, in any order, after any kill."""

import hashlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seisproc.patches import pieces
from seisproc.patches.make import PatchConfig, SyntheticSource, make_patches
from seisproc.patches.volumes import make_volumes
from seisproc.synthetic.config import SyntheticConfig
from seisproc.volume import map_bounded

SYNTHETIC = SyntheticConfig(shape=(24, 24, 40), seed=5)
CONFIG = PatchConfig(shape=(16, 24), count=(30, 6, 4), seed=3)


def patches(url, **options):
    make_patches(CONFIG, [SyntheticSource(SYNTHETIC, volumes=3)], url, **options)


def volumes(url, **options):
    make_volumes(SYNTHETIC, 4, url, **options)


MAKERS = {"patches": patches, "volumes": volumes}

DYING = """
import os, signal, sys
import zarr
import test_same_bytes
from seisproc.patches import make, plan, volumes

make.patch_layout = plan.patch_layout = lambda shape, count: (2, 4)
kind, url, left = sys.argv[1], sys.argv[2], int(sys.argv[3])
module = make if kind == "patches" else volumes
name = "write_shard" if kind == "patches" else "write_volume"
write = getattr(module, name)


def dying(piece):
    global left
    left -= 1
    if left == 0:
        # in the middle of a piece: one array is written, and wrongly
        array = "seismic" if kind == "patches" else "amplitude"
        rows = slice(piece.start, piece.start + 4) if kind == "patches" else piece.number
        zarr.open_array(f"{piece.group_url}/{array}", mode="r+")[rows] = 7.0
        os.kill(os.getpid(), signal.SIGKILL)
    return write(piece)


setattr(module, name, dying)
test_same_bytes.MAKERS[kind](url)
"""


def digests(url):
    return {str(path.relative_to(url)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(url).rglob("*")) if path.is_file()}


@pytest.fixture
def small_shards(monkeypatch):
    for module in ("make", "plan"):
        monkeypatch.setattr(f"seisproc.patches.{module}.patch_layout", lambda shape, count: (2, 4))


@pytest.fixture(params=sorted(MAKERS))
def kind(request, small_shards):
    return request.param


@pytest.fixture
def expected(kind, tmp_path):
    url = str(tmp_path / "expected.zarr")
    MAKERS[kind](url)
    return digests(url)


def test_after_kills(kind, expected, tmp_path):
    url, killed = str(tmp_path / "torn.zarr"), 0
    for pieces_until in (2, 3, 100):
        command = [sys.executable, "-c", DYING, kind, url, str(pieces_until)]
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True,
                              check=False)
        killed += done.returncode == -signal.SIGKILL
    assert killed == 2 and done.returncode == 0, done.stderr
    assert digests(url) == expected
    assert not Path(f"{url}.work").exists()


def test_in_any_order(kind, expected, tmp_path, monkeypatch):
    def disordered(function, items, client):
        items = list(items)
        random.Random(4).shuffle(items)
        return map_bounded(function, items, client)

    monkeypatch.setattr(pieces, "map_bounded", disordered)
    url = str(tmp_path / "disordered.zarr")
    MAKERS[kind](url)
    assert digests(url) == expected


@pytest.mark.parametrize("workers", [1, 2])
def test_on_worker_processes(kind, expected, tmp_path, workers):
    from distributed import Client, LocalCluster

    url = str(tmp_path / f"{workers}.zarr")
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        MAKERS[kind](url, client=client)
    assert digests(url) == expected


def test_over_another_store(kind, expected, tmp_path):
    url = str(tmp_path / "replaced.zarr")
    make_volumes(SyntheticConfig(shape=(16, 16, 16)), 1, url)
    MAKERS[kind](url, overwrite=True)
    assert digests(url) == expected
