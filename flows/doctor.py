"""Is this machine fit for the work? Each check says what it found and what to do about it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from flows.cluster_config import ClusterConfig
from flows.doctor_server import MOST_SKEW_S, examine_server
from flows.finding import FAILED, OK, WARNING, Finding
from flows.server import default_home
from seisproc.errors import SeisprocError

if TYPE_CHECKING:
    from distributed import Client

GIB = 1024**3
LEAST_MEMORY_GIB = 4.0
LEAST_DISK_GIB = 5.0
ANSWER_S = 60.0
"""A worker of a cluster has to run a small task within this time."""


def examine(cluster: ClusterConfig) -> Iterator[Finding]:
    """Run all checks, the quick ones first; each yields as soon as it is known."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        _packages,
        _cores,
        _memory,
        _disk,
        _home,
        _gpu,
    )
    for check in checks:
        yield check()
    if os.environ.get("SEISPROC_METRICS"):
        yield _metrics(Path(os.environ["SEISPROC_METRICS"]))
    yield from examine_server()
    yield _cluster(cluster)


def _python() -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}"
    return Finding("python", OK, found)


def _packages() -> Finding:
    """Installed packages against the ranges that this project declares."""
    from packaging.requirements import Requirement

    wrong, seen = [], []
    for line in importlib.metadata.requires("seisproc") or ():
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        seen.append(f"{wanted.name} {version}")
        if not wanted.specifier.contains(version, prereleases=True):
            wrong.append(f"{wanted.name} {version} (expected {wanted.specifier})")
    if wrong:
        return Finding(
            "packages",
            FAILED,
            "; ".join(wrong),
            "Install again: pip install -c constraints.txt -e .",
        )
    named = ("prefect", "distributed", "zarr", "torch")
    found = ", ".join(text for text in seen if text.split()[0] in named)
    return Finding("packages", OK, f"{len(seen)} within their ranges: {found}")


def _cores() -> Finding:
    from dask.system import CPU_COUNT

    return Finding("cores", OK, f"{CPU_COUNT} usable of {psutil.cpu_count()}")


def _memory() -> Finding:
    free = psutil.virtual_memory().available / GIB
    found = f"{free:.1f} GiB free of {psutil.virtual_memory().total / GIB:.1f}"
    if free < LEAST_MEMORY_GIB:
        return Finding(
            "memory", WARNING, found, "Close other programs, or use fewer workers (--workers 1)"
        )
    return Finding("memory", OK, found)


def _disk() -> Finding:
    places = {"here": Path.cwd(), "temporary": Path(tempfile.gettempdir())}
    free = {name: shutil.disk_usage(path).free / GIB for name, path in places.items()}
    found = ", ".join(f"{name} {size:.1f} GiB free" for name, size in free.items())
    if min(free.values()) < LEAST_DISK_GIB:
        return Finding(
            "disk",
            WARNING,
            found,
            "A store needs about the size of its SEG-Y, its products about twice that",
        )
    return Finding("disk", OK, found)


def _home() -> Finding:
    """Where the local Prefect server keeps its history."""
    home = default_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        return Finding(
            "home",
            FAILED,
            f"{home}: {error.strerror}",
            "Set SEISPROC_HOME to a folder that you may write to",
        )
    database = home / "prefect" / "prefect.db"
    size = (
        f"history of {database.stat().st_size / 1e6:.1f} MB"
        if database.exists()
        else "no history yet"
    )
    if sqlite3.sqlite_version_info < (3, 24):
        return Finding(
            "home",
            FAILED,
            f"SQLite {sqlite3.sqlite_version}",
            "Prefect needs SQLite 3.24: install a newer Python",
        )
    return Finding("home", OK, f"{home}: {size}, SQLite {sqlite3.sqlite_version}")


def _gpu() -> Finding:
    """Compute something on each GPU; a driver that is too old shows only then."""
    import torch

    if not torch.cuda.is_available():
        none = f"none; torch {torch.__version__} computes on the CPU"
        if shutil.which("nvidia-smi") is None:
            return Finding("gpu", OK, none)
        return Finding(
            "gpu",
            WARNING,
            f"{none}, though this machine has NVIDIA's driver",
            "Install torch's CUDA build, or a driver that is new enough for it",
        )
    found, wrong = [], []
    for number in range(torch.cuda.device_count()):
        name = torch.cuda.get_device_name(number)
        try:
            free, total = torch.cuda.mem_get_info(number)
            one = torch.ones(64, 64, device=f"cuda:{number}")
            if float((one @ one).sum()) != 64**3:
                wrong.append(f"{name} computes wrong sums")
        except RuntimeError as error:  # of CUDA's runtime and of its allocator
            wrong.append(f"{name}: {str(error).splitlines()[0]}")
            continue
        found.append(f"{name} with {free / GIB:.1f} GiB free of {total / GIB:.1f}")
    if wrong:
        do = "See nvidia-smi: who else uses it, and the driver's version"
        return Finding("gpu", FAILED, "; ".join(wrong), do)
    told = f"{', '.join(found)}; CUDA {torch.version.cuda}"
    if importlib.util.find_spec("pynvml") is None:
        told += "; pip install 'seisproc[nvidia]' lets runs tell how busy they are"
    return Finding("gpu", OK, told)


def _metrics(folder: Path) -> Finding:
    """See whether numbers for Prometheus can be written where they are wanted."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "metrics",
            FAILED,
            f"{folder}: {error.strerror}",
            "Let this user write there, or set SEISPROC_METRICS to another folder",
        )
    return Finding("metrics", OK, f"{folder} (from SEISPROC_METRICS)")


def _cluster(config: ClusterConfig) -> Finding:
    """Start or reach the cluster and run one task on it."""
    from seisproc.cluster import connect, open_cluster

    begin = time.monotonic()
    try:
        with open_cluster(config.spec()) as address, connect(address) as client:
            if client is None:
                return Finding("cluster", OK, "this process")
            client.submit(platform.node, pure=False).result(timeout=ANSWER_S)
            threads = client.nthreads()
            skew = _worst_skew(client)
    except SeisprocError as error:
        found = f"{error.what}: {error.found}" if error.found else error.what
        return Finding("cluster", FAILED, found, error.do or "")
    except TimeoutError:
        return Finding(
            "cluster",
            FAILED,
            f"{config.kind}: no worker has run a small task within {ANSWER_S:g} s",
            "See on Dask's dashboard what its workers do: a busy one takes no other task",
        )
    took = time.monotonic() - begin
    found = (
        f"{config.kind}: {len(threads)} workers, {sum(threads.values())} threads,"
        f" answered in {took:.1f} s"
    )
    if skew > MOST_SKEW_S:
        return Finding(
            "cluster",
            WARNING,
            f"{found}; a worker's clock differs by {skew:.0f} s",
            "Let all machines follow a time server (timedatectl set-ntp true)",
        )
    return Finding("cluster", OK, found)


def _worst_skew(client: Client) -> float:
    """Largest difference in seconds between the clocks of workers and this machine's.

    A clock that was read between question and answer differs by nothing.
    """
    from seisproc.cluster import ask

    before = time.time()
    told = ask(client, time.time)
    after = time.time()
    return max((max(before - each, each - after, 0.0) for each in told.values()), default=0.0)
