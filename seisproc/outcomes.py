"""What a worker does with a handful of items, and what it hands back of them."""

from __future__ import annotations

import logging
import pickle
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

ENOUGH_S = 0.2
"""After so long a worker hands back what it has not begun of a group: its items are not as quick as
those before them were."""


@dataclass(frozen=True)
class Needs:
    """What an item asks of the worker that it goes to.

    Attributes
    ----------
    resources : dict
        As workers offer them, e.g. ``{"GPU": 1}``.
    avoid : frozenset of str
        Addresses of workers to which it goes only if there are no others: it has failed there.
    """

    resources: Mapping[str, float] = field(default_factory=dict)
    avoid: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        return hash((frozenset(self.resources.items()), self.avoid))


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """What became of one item: its result, or the error that it raised, and on which worker.

    The worker is known by its address; ``""``: this process, or none that lived to tell.
    """

    item: Item
    result: Result | None
    error: Exception | None
    worker: str = ""


@dataclass(frozen=True)
class Group(Generic[Result]):
    """What a worker tells of the items that it was sent together.

    Attributes
    ----------
    outcomes : list of tuple
        Result and error of each item in order; fewer than were sent where it took too long.
    seconds : float
        How long they took.
    worker : str
        Its address.
    """

    outcomes: list[tuple[Result | None, Exception | None]]
    seconds: float
    worker: str

    @property
    def is_sound(self) -> bool:
        """Whether none of the items failed."""
        return all(error is None for _, error in self.outcomes)


def run_one(function: Callable[[Item], Result], item: Item) -> Outcome[Item, Result]:
    """Apply the function to one item; an error is an outcome too."""
    try:
        return Outcome(item, function(item), None)
    except Exception as error:  # noqa: BLE001 - handed to the caller, who decides
        _empty_frames(error)
        return Outcome(item, None, error)


def _empty_frames(error: BaseException | None) -> None:
    """Let go of all that an error's frames, and those of what it came from, had at hand.

    Whoever keeps the error would keep a region's arrays with it.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def run_group(function: Callable[[Item], Result], items: list[Item]) -> Group[Result]:
    """Run a group of items on a worker: the first of them, and as many as there is time for."""
    from distributed import get_worker

    start = time.perf_counter()
    outcomes: list[tuple[Result | None, Exception | None]] = []
    for item in items:
        if outcomes and time.perf_counter() - start > ENOUGH_S:
            break
        outcome = run_one(function, item)
        error = outcome.error
        if error is not None:
            log.info("%s: %s", type(error).__name__, error, exc_info=error)
            error = portable(error)
        outcomes.append((outcome.result, error))
    return Group(outcomes, time.perf_counter() - start, get_worker().address)


def portable(error: Exception) -> Exception:
    """Return an error as it can travel: some cannot be pickled, or not be unpickled."""
    try:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled just now
    except Exception:  # noqa: BLE001 - whatever its class makes of it
        return RuntimeError(f"{type(error).__name__}: {error}")
    return copy if isinstance(copy, type(error)) else RuntimeError(str(error))
