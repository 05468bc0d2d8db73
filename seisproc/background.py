"""Reading and writing in threads, while the step that wants it computes."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = 8
"""Requests of one step that are under way at a time: an object store answers each late."""

Result = TypeVar("Result")


@contextlib.contextmanager
def step_threads() -> Iterator[Executor]:
    """Give a step its threads; what they are at is ended before the step is, whatever happens."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="step")
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def in_order(
    threads: Executor, calls: Iterable[tuple[Callable[[], Result], int]], most: int
) -> Iterator[Result]:
    """Yield what calls return, in their order; the next ones are made ahead.

    Parameters
    ----------
    threads : Executor
    calls : iterable of (callable, int)
        Each with the size of its answer: its bytes, or whatever tells what it takes to hold it.
    most : int
        Size of the answers together that are asked for ahead; one answer may be larger.

    Examples
    --------
    >>> with step_threads() as threads:
    ...     list(in_order(threads, [(lambda: 1, 8), (lambda: 2, 8)], most=8))
    [1, 2]
    """
    ahead: deque[tuple[Future[Result], int]] = deque()
    held = 0
    for call, size in calls:
        while ahead and held + size > most or len(ahead) > THREADS:
            held -= ahead[0][1]
            yield ahead.popleft()[0].result()
        ahead.append((threads.submit(call), size))
        held += size
    while ahead:
        yield ahead.popleft()[0].result()


class Outbox:
    """Objects on their way to a store, of so many bytes at most.

    Parameters
    ----------
    threads : Executor
    most : int
        Bytes under way at a time. Who sends more waits, and puts a larger object there itself.
    """

    def __init__(self, threads: Executor, most: int) -> None:
        self._threads, self._most = threads, most
        self._under_way: deque[tuple[Future[None], int]] = deque()
        self._bytes = 0

    def send(self, put: Callable[[bytes], None], content: bytes) -> None:
        """Have an object put where it belongs. What an earlier one raised may be raised here."""
        while self._under_way and self._bytes + len(content) > self._most:
            self._wait()
        if len(content) > self._most:
            put(content)
            return
        self._under_way.append((self._threads.submit(put, content), len(content)))
        self._bytes += len(content)

    def settle(self) -> None:
        """Wait until all is where it belongs."""
        while self._under_way:
            self._wait()

    def _wait(self) -> None:
        self._bytes -= self._under_way[0][1]
        # Held by no name here: an error holds its frames, and these would hold it.
        self._under_way.popleft()[0].result()
