"""Which Prefect server flows use: the one that is named, or a process of one's own with SQLite.

Prefect's in-process server loses most task records, so the command line starts a proper one in a
home folder, or joins the one that another command already runs there; whoever leaves last stops
it. Where ``PREFECT_API_URL`` is set, in the environment or in Prefect's active profile, that server
is used and nothing is started.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from flows.local_server import QUIET, ServerError, becomes_healthy, join, leave, running
from seisproc.cluster.environment import restored_environment
from seisproc.errors import one_line
from seisproc.places import shown, without_secrets

TRIES = 4
"""How often a server is started on another port where one after the other is lost."""

LOGGING = Path(__file__).with_name("logging.yaml")

PATIENT = {"PREFECT_CLIENT_RETRY_EXTRA_CODES": "500,504", "PREFECT_CLIENT_MAX_RETRIES": "6"}
"""Runs outlive a server whose database is away for a minute: it answers 500 then."""


def default_home() -> Path:
    """Folder of the local server: ``$SEISPROC_HOME``, or ``~/.seisproc``."""
    return Path(os.environ.get("SEISPROC_HOME") or "~/.seisproc").expanduser()


def named_server() -> str | None:
    """Address of the API that is to be used, with its login if it has one; None: a local one.

    ``PREFECT_API_URL`` of the environment, or else of Prefect's settings: its active profile, or a
    ``prefect.toml``. An empty variable, or ``PREFECT_PROFILE=ephemeral``, stands for a local one.
    Settings that somebody has put on for a while, as :func:`prefect_server` does or a test, say
    nothing of what the user wants, and are not asked.
    """
    if "PREFECT_API_URL" in os.environ:
        return os.environ["PREFECT_API_URL"] or None
    with restored_environment(QUIET), warnings.catch_warnings():
        os.environ.update(QUIET)  # Prefect wants to know this when it is imported
        warnings.simplefilter("ignore")  # of a home that it cannot make: then there is no profile
        from prefect.settings import Settings

        return Settings().api.url or None


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
        If :func:`named_server` does not answer, or none can be started.
    """
    imported = "prefect" in sys.modules
    given = named_server()
    if given:
        logging = {"PREFECT_LOGGING_SETTINGS_PATH": str(LOGGING)}
        with _settings({**logging, **QUIET, **PATIENT}, imported):
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
    try:
        lost = None
        for _ in range(TRIES):
            server = join(folder, lost)
            with _settings(_client_settings(folder, server["url"]), imported):
                if becomes_healthy(folder, server):
                    try:
                        yield server["url"]
                    finally:  # a failed run's last log lines too, before the server goes
                        _send_what_is_queued()
                    return
            lost = server
        raise ServerError(
            "The local Prefect server finds no port of its own",
            found=f"others took {TRIES} of them while it started",
            do="Run the same again",
        )
    finally:
        leave(folder)


def running_server(home: Path | None = None) -> str | None:
    """Address of the local server if one runs on this home; starts nothing."""
    return running((home or default_home()) / "prefect")


def ui_url(api_url: str) -> str:
    """Address of the UI that belongs to an API, without a login.

    >>> ui_url("http://me:secret@127.0.0.1:4200/api")
    'http://127.0.0.1:4200'
    """
    return shown(api_url).rstrip("/").removesuffix("/api")


def _client_settings(folder: Path, url: str) -> dict[str, str]:
    return {
        **QUIET,
        **PATIENT,
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_LOGGING_SETTINGS_PATH": str(LOGGING),
    }


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
                f"PREFECT_API_URL={shown(url)}: the Prefect server wants a login, or another one",
                found=f"HTTP status {status}",
                do="Set PREFECT_API_AUTH_STRING to NAME:PASSWORD of that server",
            ) from error
        raise ServerError(
            f"PREFECT_API_URL={shown(url)}: no Prefect server answers there",
            found=without_secrets(one_line(error), url),
            do="Start it with `prefect server start`; or unset PREFECT_API_URL, in Prefect's"
            " profile too (PREFECT_PROFILE=ephemeral), to use a local one",
        ) from error


def _send_what_is_queued() -> None:
    """Send the last logs and task states, which Prefect batches, while the server still listens."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=10)
    EventsWorker.drain_all(timeout=10)


@contextlib.contextmanager
def _settings(values: Mapping[str, str], imported: bool) -> Iterator[None]:
    """Set Prefect's settings through the environment.

    Where Prefect was imported before, by others than :func:`named_server`, its settings and its
    logging go back in the end to what they were.
    """
    with restored_environment(values):
        os.environ.update(values)
        with _settings_of_environment(imported):
            yield


@contextlib.contextmanager
def _settings_of_environment(imported: bool) -> Iterator[None]:
    """Let the environment's settings win over those that Prefect read when it was imported."""
    from prefect import context
    from prefect.logging.configuration import setup_logging

    if not imported:
        context.refresh_global_settings_context()
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
