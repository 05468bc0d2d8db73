"""Volumes cut into boxes of whole shards, and a bounded way to map a function over them.

A plan is a list of frozen :class:`Box` values; :func:`map_bounded` carries it out, in this process
or on a Dask cluster, with a handful of tasks in flight however long the list is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from seisproc.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

Shape3 = tuple[int, int, int]


@dataclass(frozen=True, order=True)
class Box:
    """A half-open box of voxels, [start, stop) along inline, crossline and sample."""

    start: Shape3
    stop: Shape3

    @property
    def shape(self) -> Shape3:
        """Extents along the three axes."""
        a, b = self.start, self.stop
        return (b[0] - a[0], b[1] - a[1], b[2] - a[2])

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of the box in an array of the whole volume."""
        a, b = self.start, self.stop
        return (slice(a[0], b[0]), slice(a[1], b[1]), slice(a[2], b[2]))

    @property
    def key(self) -> str:
        """Name of the box, for records: its start.

        >>> Box((0, 128, 0), (128, 256, 512)).key
        '0-128-0'
        """
        return "-".join(map(str, self.start))


def boxes(shape: Shape3, edge: Shape3) -> list[Box]:
    """Cut a volume into boxes at multiples of ``edge``, in array order.

    >>> [box.shape for box in boxes((3, 1, 4), (2, 2, 4))]
    [(2, 1, 4), (1, 1, 4)]
    """
    return [
        Box((i.start, j.start, k.start), (i.stop, j.stop, k.stop))
        for i, j, k in tiles(shape, edge)
    ]


def tiles(shape: tuple[int, ...], edge: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Cut an array of any number of dimensions at multiples of ``edge``, in array order.

    >>> tiles((3, 1), (2, 2))
    [(slice(0, 2, None), slice(0, 1, None)), (slice(2, 3, None), slice(0, 1, None))]
    """
    cuts = (
        [slice(first, min(first + step, extent)) for first in range(0, extent, step)]
        for extent, step in zip(shape, edge, strict=True)
    )
    return list(itertools.product(*cuts))


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """What became of one item: its result, or the error that it raised."""

    item: Item
    result: Result | None
    error: Exception | None


def map_bounded(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    client: Client | None = None,
    *,
    in_flight: int | None = None,
    priority: int = 0,
    resources: dict[str, float] | None = None,
) -> Iterator[Outcome[Item, Result]]:
    """Apply ``function`` to every item and yield outcomes as they complete, in any order.

    Without a client the items run here, one after the other. With one, at most ``in_flight``
    (default: twice the cluster's threads) futures exist at a time: 60,000 unbounded futures cost
    98 s and 611 MB on a scheduler. An item's error is handed over, not raised; what the caller
    does with it is the caller's policy.

    Raises
    ------
    ClusterError
        If the cluster has no workers, or is lost on the way.
    """
    if client is None:
        for item in items:
            yield _run_here(function, item)
        return
    yield from _run_on(client, function, items, in_flight, priority, resources)


def _run_here(function: Callable[[Item], Result], item: Item) -> Outcome[Item, Result]:
    try:
        return Outcome(item, function(item), None)
    except Exception as error:  # noqa: BLE001 - handed to the caller, who decides
        return Outcome(item, None, error)


def _run_on(
    client: Client,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    in_flight: int | None,
    priority: int,
    resources: dict[str, float] | None,
) -> Iterator[Outcome[Item, Result]]:
    from distributed import as_completed

    threads = sum(client.nthreads().values())
    if not threads:
        raise ClusterError(
            "The Dask cluster has no workers",
            expected="at least one",
            do="Start workers, or wait until the cluster has scaled up",
        )
    queue = iter(items)

    def submit(item: Item) -> Any:
        future = client.submit(
            function, item, pure=False, priority=priority, resources=resources or {}
        )
        waiting[future] = item
        return future

    waiting: dict[Any, Item] = {}
    first = [submit(item) for item in itertools.islice(queue, in_flight or 2 * threads)]
    completed = as_completed(first, loop=client.loop)
    try:
        for future in completed:
            item = waiting.pop(future)
            if future.status in ("cancelled", "lost"):
                raise ClusterError(
                    "The Dask scheduler was lost, or the work was cancelled",
                    do="Run the same command again: it resumes where this run stopped",
                )
            error = future.exception()
            result = None if error is not None else future.result()
            future.release()
            for following in itertools.islice(queue, 1):
                completed.add(submit(following))
            yield Outcome(item, result, error)
    finally:
        if waiting:
            client.cancel(list(waiting), force=True)
