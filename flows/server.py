"""A Prefect server for whoever has none: a real process on this machine, with SQLite.

Prefect's in-process server loses most task records, so the command line starts a proper one in a
home folder, or joins the one that another command already runs there; whoever leaves last stops
it. Where ``PREFECT_API_URL`` is set, that server is used and nothing is started.
"""

from __future__ import annotations

import contextlib
import fcntl
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

import psutil

from seisproc.cluster.environment import restored_environment
from seisproc.errors import SeisprocError, one_line

PORT = 4200
"""Prefect's usual port; another one is taken where it is busy."""

LEASES_IN_FILES = "prefect.server.concurrency.lease_storage.filesystem"

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 15.0

LOGGING = Path(__file__).with_name("logging.yaml")

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "seisproc",
}
"""Nothing is sent anywhere; what Dask workers log under ``seisproc`` reaches the run's log."""

PATIENT = {"PREFECT_CLIENT_RETRY_EXTRA_CODES": "500,504", "PREFECT_CLIENT_MAX_RETRIES": "6"}
"""Runs outlive a server whose database is away for a minute: it answers 500 then."""


class ServerError(SeisprocError):
    """The Prefect server does not start, or the one that was named does not answer."""


def default_home() -> Path:
    """Folder of the local server: ``$SEISPROC_HOME``, or ``~/.seisproc``."""
    return Path(os.environ.get("SEISPROC_HOME") or "~/.seisproc").expanduser()


@contextlib.contextmanager
def prefect_server(home: Path | None = None) -> Iterator[str]:
    """Have a Prefect server while the body runs, and make this process's flows use it.

    Parameters
    ----------
    home : Path, optional
        Folder of the server's database; the history of earlier runs is in it.

    Yields
    ------
    str
        Address of the API, such as ``http://127.0.0.1:4200/api``.

    Raises
    ------
    ServerError
        If ``PREFECT_API_URL`` names a server that does not answer, or none can be started.
    """
    given = os.environ.get("PREFECT_API_URL")
    if given:
        with _settings({"PREFECT_LOGGING_SETTINGS_PATH": str(LOGGING), **QUIET, **PATIENT}):
            _require_answer(given)
            yield given
        return
    folder = (home or default_home()) / "prefect"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerError(
            f"{folder}: the Prefect server's folder cannot be made",
            found=str(error),
            do="Set SEISPROC_HOME to a folder that you may write to",
        ) from error
    url = _join(folder)
    try:
        with _settings(_client_settings(folder, url)):
            _wait_until_healthy(folder, url)
            try:
                yield url
            finally:  # a failed run's last log lines too, before the server goes
                _send_what_is_queued()
    finally:
        _leave(folder)


def running_server(home: Path | None = None) -> str | None:
    """Address of the local server if one runs on this home; starts nothing."""
    server = _read_state((home or default_home()) / "prefect")["server"]
    return str(server["url"]) if server and _alive(server) and _answers(server["url"]) else None


def ui_url(api_url: str) -> str:
    """Address of the UI that belongs to an API.

    >>> ui_url("http://127.0.0.1:4200/api")
    'http://127.0.0.1:4200'
    """
    return api_url.rstrip("/").removesuffix("/api")


def _client_settings(folder: Path, url: str) -> dict[str, str]:
    return {
        **QUIET,
        **PATIENT,
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_LOGGING_SETTINGS_PATH": str(LOGGING),
    }


def _join(folder: Path) -> str:
    """Register this process as a user of the folder's server, starting it if need be."""
    with _state(folder) as state:
        server = state["server"]
        if not server or not _alive(server):
            server = _start(folder)
        state["server"] = server
        state["users"] = [user for user in state["users"] if _alive(user)] + [_me()]
        return str(server["url"])


def _leave(folder: Path) -> None:
    """Sign off; the last user stops the server."""
    with _state(folder) as state:
        me = _me()
        state["users"] = [user for user in state["users"] if _alive(user)]
        if me in state["users"]:
            state["users"].remove(me)
        if not state["users"] and state["server"]:
            _stop(state["server"])
            state["server"] = None


def _start(folder: Path) -> dict[str, Any]:
    port = _free_port()
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


def _stop(server: Mapping[str, Any]) -> None:
    """End the server and its children, first kindly."""
    if not _alive(server):
        return
    process = psutil.Process(int(server["pid"]))
    family = [process, *process.children(recursive=True)]
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(signal_number)
        _, family = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
        if not family:
            return


def _wait_until_healthy(folder: Path, url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(url):
        server = _read_state(folder)["server"]
        if not server or not _alive(server):
            raise ServerError(
                "The local Prefect server ended while it was starting",
                found=_last_line(folder / "server.log"),
                do=f"See {folder / 'server.log'}, or run `seisproc doctor`",
            )
        if time.monotonic() > deadline:
            raise ServerError(
                f"The local Prefect server at {url} does not answer",
                expected=f"an answer within {START_TIMEOUT_S:g} s",
                do=f"See {folder / 'server.log'}, or run `seisproc doctor`",
            )
        time.sleep(0.1)


def _answers(url: str) -> bool:
    """Whether a local server is healthy, asked past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # URLError, refused connections and timeouts
        return False


def _require_answer(url: str) -> None:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        with get_client(sync_client=True) as client:
            client.api_version()
    except Exception as error:
        status = error.response.status_code if isinstance(error, PrefectHTTPStatusError) else 0
        if status in {401, 403}:
            raise ServerError(
                f"PREFECT_API_URL={url}: the Prefect server wants a login, or another one",
                found=f"HTTP status {status}",
                do="Set PREFECT_API_AUTH_STRING to NAME:PASSWORD of that server",
            ) from error
        raise ServerError(
            f"PREFECT_API_URL={url}: no Prefect server answers there",
            found=one_line(error),
            do="Start it with `prefect server start`, or unset PREFECT_API_URL to use a local one",
        ) from error


def _send_what_is_queued() -> None:
    """Send the last logs and task states, which Prefect batches, while the server still listens."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=10)
    EventsWorker.drain_all(timeout=10)


@contextlib.contextmanager
def _settings(values: Mapping[str, str]) -> Iterator[None]:
    """Set Prefect's settings through the environment, whether or not it is imported already."""
    with restored_environment(values):
        os.environ.update(values)
        with _settings_of_environment():
            yield


@contextlib.contextmanager
def _settings_of_environment() -> Iterator[None]:
    """Let the environment's settings win over those that Prefect read when it was imported."""
    imported = "prefect" in sys.modules
    from prefect import context
    from prefect.logging.configuration import setup_logging

    if not imported:
        yield
        return
    before = context.GLOBAL_SETTINGS_CONTEXT
    context.refresh_global_settings_context()
    mine = context.GLOBAL_SETTINGS_CONTEXT
    try:
        with context.SettingsContext(profile=mine.profile, settings=mine.settings):
            setup_logging(incremental=False)
            yield
    finally:
        context.GLOBAL_SETTINGS_CONTEXT = before
        setup_logging(incremental=False)


def _free_port() -> int:
    for port in (PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerError("No free port on 127.0.0.1", do="Close some programs that listen there")


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
