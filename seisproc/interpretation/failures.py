"""What a failed step means: whether, when and where it is tried again."""

from __future__ import annotations

import heapq
import logging
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from seisproc.errors import SeisprocError, one_line
from seisproc.interpretation.handover import region_key
from seisproc.interpretation.regions import Number
from seisproc.places import AccessError

log = logging.getLogger(__name__)

TRIES, BACK_OFF_S = 3, 0.5
"""Times that a region may fail, and the pause after the first; each further one is four times as
long. An object store that answers 503 for a moment, or a lost connection, costs no region."""

PLACES = 2
"""Workers on which a region fails at what no other try can mend: the first may lack something."""

PAUSE_S = 60.0
"""After so long regions that failed with their store are tried once more, when all else is done."""


@dataclass(frozen=True)
class Step:
    """One task: run a region's windows, or (with ``attempts``) finish it."""

    number: Number
    attempts: dict[Number, str] | None = field(default=None, compare=False)


@dataclass(frozen=True, order=True)
class _Again:
    """A step that failed, and when (:func:`time.monotonic`) it is tried again."""

    due: float
    step: Step = field(compare=False)


class Retries:
    """The steps of one call that have failed and may yet be done.

    Parameters
    ----------
    name : callable
        What a region is called where one is told of it.
    """

    def __init__(self, name: Callable[[Number], str] = region_key) -> None:
        self._name = name
        self._tries: Counter[Number] = Counter()
        self._failed_on: defaultdict[Number, set[str]] = defaultdict(set)
        self._again: list[_Again] = []
        self._put_off: list[Step] = []
        self._last_failure = -math.inf
        self._is_last_round = False

    def failed_on(self, number: Number) -> frozenset[str]:
        """Workers, by address, that a region has failed on."""
        return frozenset(self._failed_on.get(number, ()))

    def forget(self, number: Number) -> None:
        """Note that a step on a region is done, or given up."""
        self._tries.pop(number, None)
        self._failed_on.pop(number, None)

    def due_s(self) -> float:
        """Seconds until the next step is due; infinite if there is none."""
        return self._again[0].due - time.monotonic() if self._again else math.inf

    def take(self) -> Step:
        """Take the step that is due first."""
        return heapq.heappop(self._again).step

    def note(self, step: Step, error: Exception, worker: str, has_others: bool) -> bool:
        """Note that a step has failed on a worker; say whether it is tried again.

        ``has_others`` tells whether there are other workers. What is clearly wrong with the work,
        and not with its place, fails on one of those too, and then for good.
        """
        number, text = step.number, one_line(error)
        self._tries[number] += 1
        if worker:
            self._failed_on[number].add(worker)
        tries = self._tries[number]
        if type(error).__name__ == "KilledWorker":  # Dask has tried that often enough
            return False
        if _is_clear(error) and not has_others:
            return False
        if tries < (PLACES if _is_clear(error) else TRIES):
            wait = BACK_OFF_S * 4 ** (tries - 1)
            log.info("region %s failed, and is tried again: %s", self._name(number), text)
            heapq.heappush(self._again, _Again(time.monotonic() + wait, step))
            return True
        if self._is_last_round or not _is_of_store(error):
            return False
        log.warning(
            "region %s failed %d times, and is tried again when all else is done: %s",
            self._name(number), tries, text,
        )
        self._last_failure = time.monotonic()
        self._put_off.append(step)
        self.forget(number)
        return True

    def begin_last_round(self) -> bool:
        """Let what was put off be tried once more, after a pause; false if there is nothing."""
        if not self._put_off:
            return False
        self._is_last_round = True
        due = self._last_failure + PAUSE_S
        self._again = [_Again(due, step) for step in self._put_off]
        self._put_off.clear()
        return True


def _is_clear(error: Exception) -> bool:
    """Whether it is clear what is wrong, so that another try where it failed does not help.

    Errors of ``models``, which is not imported here, have the form of ours.
    """
    if isinstance(error, SeisprocError):
        return not isinstance(error, AccessError)
    return any(each.__name__ == "ModelError" for each in type(error).__mro__)


def _is_of_store(error: Exception) -> bool:
    """Whether it is a disk or an object store that failed, which may be back in a minute."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return False
    library = type(error).__module__.split(".", 1)[0]
    of_store = library in ("botocore", "aiobotocore", "aiohttp")
    return of_store or isinstance(error, OSError | AccessError)
