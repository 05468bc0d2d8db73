"""The process of the local Prefect server: all commands of one home share it, the last ends it."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from seisproc.errors import SeisprocError

PORT = 4200
"""Prefect's usual port; another one is taken where it is busy."""

LEASES_IN_FILES = "prefect.server.concurrency.lease_storage.filesystem"

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "seisproc",
}
"""Nothing is sent anywhere; what Dask workers log under ``seisproc`` reaches the run's log."""

Server = dict[str, Any]
"""A server's process, by number and birth (``pid``, ``born``), and its API's address (``url``)."""


class ServerError(SeisprocError):
    """The Prefect server does not start, or the one that was named does not answer."""


def join(folder: Path, lost: Server | None = None) -> Server:
    """Register this process as a user of the folder's server, starting it if need be.

    Parameters
    ----------
    folder : Path
        Of the server's database, its log and its state.
    lost : dict, optional
        A server that lost its port to another process: it is ended, and started on another port,
        unless somebody else has done so.
    """
    with _state(folder) as state:
        server = state["server"]
        if server and server == lost:
            _stop(server)
        if not server or not _alive(server):
            server = _start(folder, PORT if lost is None else 0)
        me = _me()
        state["server"] = server
        others = [user for user in state["users"] if _alive(user) and user != me]
        state["users"] = [*others, me]
        return dict(server)


def leave(folder: Path) -> None:
    """Sign off; the last user stops the server."""
    with _state(folder) as state:
        me = _me()
        state["users"] = [user for user in state["users"] if _alive(user)]
        if me in state["users"]:
            state["users"].remove(me)
        if not state["users"] and state["server"]:
            _stop(state["server"])
            state["server"] = None


def running(folder: Path) -> str | None:
    """Address of the API of the folder's server, if one runs."""
    server = _read_state(folder)["server"]
    if server and _alive(server) and _answers(server["url"]) and _listens(server):
        return str(server["url"])
    return None


def becomes_healthy(folder: Path, server: Server) -> bool:
    """Wait until a server answers; false where another process has its port.

    Of two that start at the same time, say for two homes, both may find a port free; only one gets
    it, and would answer for the other one too.

    Raises
    ------
    ServerError
        If it ends by itself, or does not answer in time.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    see = f"See {folder / 'server.log'}, or run `seisproc doctor`"
    while not _answers(server["url"]):
        if not _alive(server):
            if _is_taken(_port(server)):
                return False
            raise ServerError(
                "The local Prefect server ended while it was starting",
                found=_last_line(folder / "server.log"),
                do=see,
            )
        if time.monotonic() > deadline:
            raise ServerError(
                f"The local Prefect server at {server['url']} does not answer",
                expected=f"an answer within {START_TIMEOUT_S:g} s",
                do=see,
            )
        time.sleep(0.1)
    return _listens(server)


def _ui_of_its_own(folder: Path) -> dict[str, str]:
    """Set where the copy of its UI goes that Prefect serves: beside its program, if that may be.

    In an environment that belongs to somebody else there is none to be made, and what another made
    for himself cannot be read.
    """
    found = importlib.util.find_spec("prefect")
    places = (found.submodule_search_locations if found else None) or ()
    if all(os.access(Path(place) / "server", os.W_OK) for place in places):
        return {}
    return {"PREFECT_SERVER_UI_STATIC_DIRECTORY": str(folder / "ui")}


def _start(folder: Path, wanted: int) -> Server:
    port = _free_port(wanted)
    url = f"http://127.0.0.1:{port}/api"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    environment = {
        **inherited,
        **QUIET,
        "PREFECT_HOME": str(folder),
        # The UI's pages call this address, not the port that the server listens on.
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        # Slots of limits that were held when a server stopped come back: leases in its memory die.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES_IN_FILES,
        **_ui_of_its_own(folder),
    }
    command = [sys.executable, "-m", "prefect", "server", "start"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Out of reach of Ctrl-C in the terminal: the flow must still report how it ended.
            start_new_session=True,
        )
    return {**_identity(psutil.Process(process.pid)), "url": url}


def _stop(server: Server) -> None:
    """End the server and its children, first kindly."""
    if not _alive(server):
        return
    family = _family(server)
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(signal_number)
        _, family = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
        if not family:
            return


def _answers(url: str) -> bool:
    """Whether a local server is healthy, asked past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # URLError, refused connections and timeouts
        return False


def _listens(server: Server) -> bool:
    """Whether it is this server's own process that listens on its port."""
    for member in _family(server):
        try:
            sockets = member.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:  # another user's, of a home that both use: nobody can tell
            return True
        if any(s.status == psutil.CONN_LISTEN and s.laddr.port == _port(server) for s in sockets):
            return True
    return False


def _family(server: Server) -> list[psutil.Process]:
    try:
        process = psutil.Process(int(server["pid"]))
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _port(server: Server) -> int:
    return int(urlsplit(server["url"]).port or 0)


def _free_port(wanted: int) -> int:
    """Find a port that nobody has now; another one than wanted where that is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # As the server binds: connections of one that has ended take no port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerError("No free port on 127.0.0.1", do="Close some programs that listen there")


def _is_taken(port: int) -> bool:
    return _free_port(port) != port


@contextlib.contextmanager
def _state(folder: Path) -> Iterator[dict[str, Any]]:
    """Who runs and who uses the server, locked against others while the body changes it."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = _read_state(folder)
        try:
            yield state
        finally:
            temporary = folder / ".state.json"
            temporary.write_text(json.dumps(state))
            temporary.replace(folder / "state.json")


def _read_state(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "state.json").read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {"server": None, "users": []}


def _me() -> dict[str, Any]:
    return _identity(psutil.Process())


def _identity(process: psutil.Process) -> dict[str, Any]:
    """Name a process by number and birth, since numbers are used again."""
    return {"pid": process.pid, "born": process.create_time()}


def _alive(who: Mapping[str, Any]) -> bool:
    try:
        process = psutil.Process(int(who["pid"]))
        return bool(
            abs(process.create_time() - who["born"]) < 1
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "nothing in its log")
