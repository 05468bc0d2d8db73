"""The end of a client's connection to a scheduler, which may have gone before it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

TRIES = 3


@contextlib.contextmanager
def closing(client: Client) -> Iterator[Client]:
    """Yield a client and close it, whose own trouble in closing is not that of the body.

    One that has given its scheduler up closes itself at the same moment. Both then end the same
    attempts to connect, and Python raises for the one that comes second: once the other is through,
    the client can be closed again.
    """
    try:
        yield client
    finally:
        for _ in range(TRIES):
            try:
                client.close()
                break
            except RuntimeError as error:
                log.debug("the client of a Dask scheduler closes itself too: %r", error)
            except OSError as error:  # TimeoutError among them
                log.debug("the client of a Dask scheduler does not close: %r", error)
                break
