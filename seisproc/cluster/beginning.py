"""The start of a client's connection to a scheduler, which may hang."""

from __future__ import annotations

import asyncio
from typing import Any

import distributed

from seisproc.errors import ClusterError


class Client(distributed.Client):
    """A client of Dask whose start comes to an end.

    Dask's own waits without end for the greeting of a scheduler that lets it in and hangs.

    Parameters
    ----------
    address : str or object
        Of the scheduler, or a cluster of Dask's.
    greeting_s : float
        How long the scheduler may take for its greeting.
    **options
        As for ``distributed.Client``.

    Raises
    ------
    TimeoutError
        If the scheduler does not greet in time.
    OSError
        If it is not reached.
    """

    def __init__(self, address: Any, greeting_s: float, **options: Any) -> None:
        self._greeting_s = greeting_s
        super().__init__(  # type: ignore[no-untyped-call]
            address, set_as_default=False, **options
        )

    def start(self, **options: Any) -> None:
        """Start, or leave no thread behind."""
        try:
            super().start(**options)  # type: ignore[no-untyped-call]
        except Exception:
            self._loop_runner.stop()
            raise

    async def _ensure_connected(self, timeout: float | None = None) -> None:
        async with asyncio.timeout(self._greeting_s):
            await super()._ensure_connected(timeout)  # type: ignore[no-untyped-call]


def hanging(address: str, seconds: float) -> ClusterError:
    """Say that a scheduler lets clients in, and has told this one nothing for so long."""
    return ClusterError(
        f"the Dask scheduler at {address} hangs",
        found=f"it lets clients in, and then said nothing for {seconds:.0f} s",
        do="Look at its process (stopped, or its machine out of memory?), restart it, and run the"
        " same command again",
    )
