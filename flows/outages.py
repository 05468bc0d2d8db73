"""A Prefect server that does not answer: what that looks like, and whether waiting helps."""

from __future__ import annotations

import httpx
from prefect.exceptions import PrefectException

NO_ANSWER = (httpx.HTTPError, PrefectException)
"""What asking the server raises where it is away, has no such thing, or will not have it.

Prefect's client asks again by itself, but not where a connection is new and refused: a server that
restarts refuses them for some seconds.
"""


def may_pass(error: Exception) -> bool:
    """Whether asking again later may help: nothing answered, or it said that it was in trouble."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(error, httpx.HTTPError)
