"""The pieces of a product as they come back from the workers, and what is raised if some failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from seisproc.errors import BusyError, IncompleteError, SeisprocError, SpaceError
from seisproc.jobs import Job
from seisproc.records import Lease, Records
from seisproc.volume import Outcome

CREATED = "created"
"""Record that the arrays of a store stand, and which versions of the sources they are made of."""


class Keyed(Protocol):
    """A piece: it has a name in the records, and pieces have an order."""

    @property
    def key(self) -> str:
        """Name in the records."""
        ...

    def __lt__(self, other: Any, /) -> bool:
        """Order of the pieces."""
        ...


def require_current(job: Job) -> None:
    """Refuse to write, or to record, for a run that is over; asked before each shard.

    A worker may outlive its run, and another run build another store in the same place by then:
    it has removed the records first of all.

    Raises
    ------
    BusyError
    """
    if not Records(job.work).of(CREATED):
        raise BusyError(
            f"the run that was writing {job.target} has ended",
            found=f"no records in {job.work}, as seen here",
            do="Run the same command again, on workers that see that folder",
        )


Item = TypeVar("Item", bound=Keyed)
Result = TypeVar("Result")


def completed(
    outcomes: Iterator[Outcome[Item, Result]], what: str, total: int, held: Lease | None = None
) -> Iterator[Item]:
    """Yield the pieces that were done, in any order; raise at the end if some failed.

    Parameters
    ----------
    outcomes : iterator of Outcome
        What :func:`seisproc.volume.map_bounded` gives.
    what : str
        URL of the product.
    total : int
        Pieces of the product in all.
    held : Lease, optional
        The right to write it, asked for after each piece.

    Raises
    ------
    SpaceError
        As soon as the disk is full.
    BusyError
        If another run has taken over meanwhile.
    SeisprocError
        What the first piece met, if none of all could be done.
    IncompleteError
        If some failed; a rerun does only those.
    """
    failed: list[tuple[Item, Exception]] = []
    for outcome in outcomes:
        if held is not None:
            held.require()
        if isinstance(outcome.error, SpaceError):
            raise outcome.error
        if outcome.error is not None:
            failed.append((outcome.item, outcome.error))
        else:
            yield outcome.item
    if not failed:
        return
    first, error = min(failed, key=lambda pair: pair[0])
    if len(failed) == total and isinstance(error, SeisprocError):
        raise error
    raise IncompleteError(
        f"{what} is not complete: {len(failed)} of {total} pieces failed",
        found=f"first at {first.key}: {type(error).__name__}: {error}",
        do="Run the same command again: it redoes only those",
    )
