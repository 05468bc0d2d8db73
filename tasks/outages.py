"""A Prefect server that does not answer: what that looks like, and what work does about it.

Work goes on: what is only shown is lost (:func:`only_shown`), and what has to be asked is asked
again (:func:`patiently`). Prefect's client asks again by itself, but not where a connection is new
and refused: a server that restarts refuses them for some seconds.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.exceptions import PrefectException

from seisproc.errors import one_line

log = logging.getLogger("seisproc.stages")

NO_ANSWER = (httpx.HTTPError, PrefectException, ConcurrencySlotAcquisitionError)
"""What asking the server raises where it is away, has no such thing, or will not have it."""

PATIENCE_S = 900.0
"""How long work waits for a server that does not answer."""

PAUSE_S = 5.0
"""Between two tries."""

T = TypeVar("T")


def may_pass(error: BaseException) -> bool:
    """Whether asking again later may help: nothing answered, or it said that it was in trouble."""
    said = error.__cause__ if isinstance(error, ConcurrencySlotAcquisitionError) else error
    if isinstance(said, httpx.HTTPStatusError):
        return said.response.status_code >= 500
    return isinstance(said, httpx.HTTPError)


def patiently(ask: Callable[[], T]) -> T:
    """Ask the server, again and again for :data:`PATIENCE_S` where that may help.

    Raises
    ------
    httpx.HTTPError, PrefectException, ConcurrencySlotAcquisitionError
        What the last try ended with.
    """
    silent_since = time.monotonic()
    while True:
        asked = time.monotonic()
        try:
            return ask()
        except NO_ANSWER as error:
            now = time.monotonic()
            if now - asked > PATIENCE_S:  # it was answered in between, by being told to wait
                silent_since = now
            if not may_pass(error) or now - silent_since > PATIENCE_S:
                raise
            log.warning("the Prefect server is asked again, it gave no answer: %s", one_line(error))
            time.sleep(PAUSE_S)


@contextlib.contextmanager
def only_shown() -> Iterator[None]:
    """Let what the body shows be lost rather than the work of hours that it tells of."""
    try:
        yield
    except NO_ANSWER as error:
        log.warning("the Prefect server does not show this: %s", one_line(error))

