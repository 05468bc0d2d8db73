"""Is this machine fit for the work? Each check says what it found and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from flows.config import ClusterConfig
from flows.server import default_home, running_server, ui_url
from seisproc.errors import SeisprocError

OK, WARNING, FAILED = "ok", "warning", "failed"

GIB = 1024**3
LEAST_MEMORY_GIB = 4.0
LEAST_DISK_GIB = 5.0


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, how it stands, what was found, what to do."""

    name: str
    state: str
    found: str
    do: str = ""


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
        _server,
        lambda: _cluster(cluster),
    )
    for check in checks:
        yield check()


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
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return Finding("gpu", OK, ", ".join(names))
    return Finding("gpu", OK, f"none; torch {torch.__version__} computes on the CPU")


def _server() -> Finding:
    """Find the Prefect server that the next run would use."""
    given = os.environ.get("PREFECT_API_URL")
    if given:
        from flows.server import prefect_server

        try:
            with prefect_server():
                return Finding("prefect server", OK, f"{given} answers (from PREFECT_API_URL)")
        except SeisprocError as error:
            return Finding("prefect server", FAILED, error.found or str(error), error.do or "")
    url = running_server()
    if url:
        return Finding("prefect server", OK, f"a local one runs: {ui_url(url)}")
    return Finding("prefect server", OK, "none runs; each command starts its own")


def _cluster(config: ClusterConfig) -> Finding:
    """Start or reach the cluster and run one task on it."""
    from seisproc.cluster import connect, open_cluster

    begin = time.monotonic()
    try:
        with open_cluster(config.spec()) as address, connect(address) as client:
            if client is None:
                return Finding("cluster", OK, "this process")
            client.submit(platform.node, pure=False).result(timeout=60)
            threads = client.nthreads()
    except SeisprocError as error:
        found = f"{error.what}: {error.found}" if error.found else error.what
        return Finding("cluster", FAILED, found, error.do or "")
    took = time.monotonic() - begin
    return Finding(
        "cluster",
        OK,
        f"{config.kind}: {len(threads)} workers, {sum(threads.values())} threads,"
        f" answered in {took:.1f} s",
    )
