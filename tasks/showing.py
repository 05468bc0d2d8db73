"""What is only shown in the Prefect UI, and may be missing there: the server can be away."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import httpx
from prefect.exceptions import PrefectException

log = logging.getLogger("seisproc.stages")

NO_ANSWER = (httpx.HTTPError, PrefectException)
"""What asking the server raises where it is away, has no such thing, or will not have it.

Prefect's client asks again by itself, but not where a connection is new and refused: a server that
restarts refuses them for some seconds.
"""


@contextlib.contextmanager
def only_shown() -> Iterator[None]:
    """Let what the body shows be lost rather than the work of hours that it tells of."""
    try:
        yield
    except NO_ANSWER as error:
        said = " ".join(str(error).split())
        log.warning("the Prefect server does not show this: %s: %s", type(error).__name__, said)
