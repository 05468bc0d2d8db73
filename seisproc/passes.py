"""Passes over the boxes of a volume whose results are wanted one by one, with one count for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from seisproc.errors import IncompleteError, SeisprocError
from seisproc.volume import Box, Outcome, map_bounded

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")


class Passes:
    """Several passes over boxes, here or on a cluster, whose progress is counted together.

    Parameters
    ----------
    what : str
        What fails where a box does, for the message: ``Scoring``.
    total : int
        Boxes of all passes.
    client : distributed.Client, optional
        Where the boxes are done; without one, in this process.
    on_progress : callable, optional
        Told (done, total) boxes after each.

    Examples
    --------
    >>> from seisproc.volume import boxes
    >>> cut = boxes((2, 1, 4), (2, 1, 2))
    >>> passes = Passes("Measuring", 2, None, lambda done, total: print(done, "of", total))
    >>> sum(passes.over(lambda box: box.shape[2], cut, lambda box: box))
    1 of 2
    2 of 2
    4
    """

    def __init__(
        self,
        what: str,
        total: int,
        client: Client | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.what, self.total, self.client, self.on_progress = what, total, client, on_progress
        self.done = 0

    def over(
        self, function: Callable[[Item], Result], items: Iterable[Item],
        box_of: Callable[[Item], Box],
    ) -> Iterator[Result]:
        """Yield what a function gives of each item, in any order; None is no result.

        Raises
        ------
        SeisprocError
            The one of the first item that fails, if it is one.
        IncompleteError
            If an item fails otherwise; it names the item's box.
        """
        for outcome in map_bounded(function, items, self.client):
            where = box_of(outcome.item).key
            result = result_of(outcome, f"{self.what} failed in box {where}")
            self.done += 1
            if self.on_progress:
                self.on_progress(self.done, self.total)
            yield result


def result_of(outcome: Outcome[Item, Result], failed: str) -> Result:
    """Return what a function gave of an item; None is no result.

    Raises
    ------
    SeisprocError
        The item's error, if it is one.
    IncompleteError
        If the item failed otherwise; ``failed`` says what did, and where.
    """
    if outcome.result is not None:
        return outcome.result
    if isinstance(outcome.error, SeisprocError):
        raise outcome.error
    raise IncompleteError(
        failed,
        found=f"{type(outcome.error).__name__}: {outcome.error}",
        do="Run the same command again",
    ) from outcome.error
