"""A Prefect server that does not answer: what that looks like, and whether waiting helps."""

from __future__ import annotations

import httpx


def may_pass(error: Exception) -> bool:
    """Whether asking again later may help: nothing answered, or it said that it was in trouble."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(error, httpx.HTTPError)
