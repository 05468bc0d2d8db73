"""Reading and writing in threads, while the step that wants it computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

THREADS = 8
"""Requests of one step that are under way at a time: an object store answers each late."""

Result = TypeVar("Result")


def in_order(threads: Executor, calls: Iterable[Callable[[], Result]]) -> Iterator[Result]:
    """Yield what calls return, in their order; the next ones are made ahead.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(THREADS) as threads:
    ...     list(in_order(threads, [lambda: 1, lambda: 2]))
    [1, 2]
    """
    ahead: deque[Future[Result]] = deque()
    for call in calls:
        ahead.append(threads.submit(call))
        if len(ahead) > THREADS:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


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
        done, size = self._under_way.popleft()
        self._bytes -= size
        done.result()
