"""Where the killing takes place: a survey, clusters of processes, clients, and what must be true.

A *scene* is one survey store on which runs of the same interpretation are disturbed and repeated.
Whatever happened, at its end every process has gone, and :meth:`Scene.require_untouched` compares
the product with that of an undisturbed run, file by file.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
victim = importlib.import_module("victim")

SMALL = (24, 24, 16)
"""Shape of the smaller survey: four regions, all with seams."""

WINDOWS, SMALL_WINDOWS = 150, 18
"""Of the plans."""

PATIENCE_S = 120.0
"""Nothing here takes so long, unless it hangs."""

_server = multiprocessing.get_context("forkserver")


def start_server() -> None:
    """Start the process from which all others are forked, if it does not run yet."""
    with pytest.MonkeyPatch.context() as patch:
        # Python 3.11 does not tell it where the preloaded module is to be found
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        forkserver.set_forkserver_preload(["warm"])
        forkserver.ensure_running()


@dataclass
class Cluster:
    """A scheduler and its workers, a process each."""

    scheduler: BaseProcess
    address: str
    workers: list[BaseProcess]


class Run:
    """A client at work in a process of its own."""

    def __init__(self, process: BaseProcess, told: Connection) -> None:
        self.process, self._told = process, told
        self._outcome: Any = None

    def wait_for_step(self, step: int) -> None:
        """Wait until so many steps are done, or the run has ended."""
        while (done := self.wait_for("step")) is not None and done < step:
            pass

    def wait_for(self, word: str) -> int | None:
        """Wait until it says a word, and return the number that it says; None if it ends before."""
        while (message := self._next(PATIENCE_S)) is not None and self._outcome is None:
            if message[0] == word:
                return int(message[1])
        return None

    def outcome(self) -> Any:
        """Return its receipt or error, once it has ended; None if it was killed before."""
        while self._outcome is None and self._next(PATIENCE_S) is not None:
            pass
        self.process.join(PATIENCE_S)
        assert self.process.exitcode is not None, "the client does not end"
        return self._outcome

    def _next(self, patience_s: float) -> Any:
        if not wait([self._told], patience_s):
            raise AssertionError(f"nothing is heard of the client for {patience_s:g} s")
        try:
            message = self._told.recv()
        except EOFError:
            return None
        if not isinstance(message, tuple):
            self._outcome = message
        return message


@dataclass(frozen=True)
class Recorded:
    """What was recorded at some moment: windows, and the shards of finished regions."""

    windows: int
    shards: dict[str, tuple[int, int]]
    """Path within the product -> inode, and time of writing in ns."""


class Scene:
    """One survey store, and all processes that work on it."""

    excused: tuple[type[Exception], ...] = ()
    """Errors after which the same command is run again, whatever the disturbance was."""

    environment: Mapping[str, str | None] = {}
    """Of all its processes."""

    windows = WINDOWS
    """That an undisturbed run runs."""

    def __init__(self, folder: Path, survey: Path) -> None:
        self.folder, self.store = folder, folder / "survey.zarr"
        self.url = str(self.store)
        shutil.copytree(survey, self.store)
        self._logs = folder / "logs"
        self._logs.mkdir()
        self.processes: list[BaseProcess] = []
        self.clusters: list[Cluster] = []

    def start(self, role: Any, *arguments: Any) -> BaseProcess:
        """Start a process that plays a role of :mod:`victim`."""
        log = self._logs / f"{len(self.processes):02d}-{role.__name__}"
        arguments = (role, str(log), dict(self.environment), *arguments)
        process = _server.Process(target=victim.be, args=arguments, daemon=True)
        process.start()
        self.processes.append(process)
        return process

    def start_cluster(self, workers: int = 2) -> Cluster:
        """Start a scheduler and workers."""
        heard, told = _server.Pipe(duplex=False)
        scheduler = self.start(victim.schedule, told)
        told.close()
        assert heard.poll(PATIENCE_S), "the scheduler does not start"
        cluster = Cluster(scheduler, heard.recv(), [])
        for _ in range(workers):
            self.add_worker(cluster)
        self.clusters.append(cluster)
        return cluster

    def add_worker(self, cluster: Cluster) -> None:
        """Start another worker."""
        cluster.workers.append(self.start(victim.work, cluster.address))

    def add_machine(self, cluster: Cluster) -> BaseProcess:
        """Start another worker, under a nanny, which starts one anew that dies."""
        cluster.workers.append(self.start(victim.tend, cluster.address, str(self._logs)))
        return cluster.workers[-1]

    def start_run(self, cluster: Cluster, host: str | None = None) -> Run:
        """Start a client that interprets the survey on a cluster, as if on some host."""
        heard, told = _server.Pipe(duplex=False)
        arguments = (cluster.address, self.url, told, host or socket.gethostname())
        run = Run(self.start(victim.interpret_there, *arguments), heard)
        told.close()
        return run

    def start_run_here(
        self, host: str = "here", at: int = 0, number: int = 0, salt: int = 0
    ) -> Run:
        """Start a process that interprets by itself, and gets a signal at its n-th write."""
        heard, told = _server.Pipe(duplex=False)
        arguments = (self.url, told, host, at, number, salt)
        run = Run(self.start(victim.interpret_here, *arguments), heard)
        told.close()
        return run

    def end(self) -> None:
        """Wake what was stopped, let workers finish what they are at, end everything."""
        for process in self.processes:
            send(process, signal.SIGCONT)
        hung = []
        for members in ([w for c in self.clusters for w in c.workers], self.processes):
            for process in members:
                send(process, signal.SIGTERM)
            for process in members:
                process.join(PATIENCE_S / 4)
                if process.exitcode is None:
                    hung.append(process)
                    process.kill()
                    process.join()
        # one of Dask's, told to end while somebody connects, may wait for ever
        schedulers = [cluster.scheduler for cluster in self.clusters]
        hung = [process for process in hung if process not in schedulers]
        assert not hung, f"processes that do not end, see {self._logs}"

    @property
    def product(self) -> Path:
        """Where the product is published."""
        return self.store / "interpretation" / "main"

    @property
    def work(self) -> Path:
        """Folder of whatever is under way."""
        return self.folder / "survey.zarr.work"

    def state(self) -> str:
        """Where the run is: before its first record, amid, or after publishing."""
        if self.recorded().windows:
            return "amid"
        return "after" if (self.product / "zarr.json").exists() else "before"

    def recorded(self) -> Recorded:
        """What is recorded now, and the shards that must not be written again."""
        while True:
            with contextlib.suppress(FileNotFoundError):  # published and cleared just now
                return self._recorded()

    def _recorded(self) -> Recorded:
        windows, finished = 0, []
        for path in self.work.glob("*/records/**/*.done.*.json"):
            windows += json.loads(path.read_text())["windows"]
            finished.append(path.name.split(".")[0])
        shards = {}
        for number in (key.split("-") for key in finished if key[0].isdigit()):
            for built in [*self.work.glob("*/product"), self.product]:
                for path in built.glob(f"*/c/{'/'.join(number)}/*"):
                    if path.suffix != ".partial":
                        found = path.stat()
                        name = str(path.relative_to(built))
                        shards[name] = found.st_ino, found.st_mtime_ns
        return Recorded(windows, shards)

    def require_untouched(self, recorded: Recorded, expected: dict[str, bytes]) -> None:
        """Compare with an undisturbed run: every file, and none written that was recorded."""
        require_same(contents(self.store), expected)
        assert sorted(path.name for path in self.folder.iterdir()) == ["logs", "survey.zarr"]
        for name, (inode, written_ns) in recorded.shards.items():
            now = (self.product / name).stat()
            assert (now.st_ino, now.st_mtime_ns) == (inode, written_ns), f"{name} was redone"


def send(process: BaseProcess, number: signal.Signals) -> None:
    """Send a signal to a process, unless it has gone."""
    if process.exitcode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid or 0, number)


def contents(store: Path) -> dict[str, bytes]:
    """Every file of a store; of the interpretation's own metadata what does not tell of time."""
    found = {}
    for path in sorted(store.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path == store / "interpretation" / "main" / "zarr.json":
                content = told_of(content)
            found[str(path.relative_to(store))] = content
        else:
            found[f"{path.relative_to(store)}/"] = b""
    return found


def told_of(metadata: bytes) -> bytes:
    """Keep of a product's metadata what does not tell of time."""
    attributes = json.loads(metadata)["attributes"]
    return json.dumps({key: attributes[key] for key in ("checksum", "complete")}).encode()


def require_same(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """Compare files by name and content."""
    assert found.keys() == expected.keys(), (
        f"stray {sorted(found.keys() - expected.keys())[:5]}, "
        f"missing {sorted(expected.keys() - found.keys())[:5]}"
    )
    differing = [name for name in found if found[name] != expected[name]]
    assert not differing, f"{differing[:5]} differ"
