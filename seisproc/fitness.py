"""Which workers fail whatever they are given, so that broken machines fail no survey.

A dead CUDA context, a folder that is not mounted or a model that is missing there makes a worker
fail in a millisecond. It is then always free, and would take all that is to be done.

Three failures in a row may as well be three bad regions side by side, or a store that was away for
a moment. So what fails on such a worker is tried elsewhere; only where it is done there, and all
this happens twice with no success of the worker's own between, is it the worker.

Where several are broken, one of them is no witness against what the other has failed at: an item
is held to be bad only by the word of a worker that does others well, as long as there may be one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

STREAK = 3
"""Different items that a worker fails at in a row until what it fails at is tried elsewhere."""

ROUNDS = 2
"""Such streaks, each with an item that another worker has done, that show a worker to be unfit."""

KEPT = 100
"""Failures that are remembered of one worker."""

HOPEFUL = 1 / 3
"""Where a smaller share of the workers is not in doubt, it is the work or its store that fails, and
those few are not given what all others have failed at."""


@dataclass
class _Streak:
    """What a worker has failed at since its last success, and whether others have done any of it.

    After a full round it begins anew.
    """

    items: deque[object] = field(default_factory=lambda: deque(maxlen=KEPT))
    is_outdone: bool = False
    rounds: int = 0
    error: Exception | None = None

    def holds(self, item: object) -> bool:
        return any(each is item for each in self.items)

    def drop(self, item: object) -> None:
        kept = [each for each in self.items if each is not item]
        self.items.clear()
        self.items.extend(kept)

    def weigh(self) -> None:
        if self.is_outdone and len(self.items) >= STREAK:
            self.rounds += 1
            self.is_outdone = False
            self.items.clear()

    @property
    def is_long(self) -> bool:
        return self.rounds > 0 or len(self.items) >= STREAK


class Fitness:
    """What is known of the workers by the outcomes that came from them.

    Attributes
    ----------
    unfit : dict
        By address, what those last failed with that are to get nothing more.
    """

    def __init__(self) -> None:
        self._streaks: dict[str, _Streak] = {}
        self._proven: set[str] = set()
        self.unfit: dict[str, Exception] = {}

    def note_success(self, worker: str, item: object) -> None:
        """Note that a worker has done an item: its own failures before were not its fault."""
        self._proven.add(worker)
        self._streaks.pop(worker, None)
        for streak in self._streaks.values():
            if streak.holds(item):
                streak.is_outdone = True
                streak.weigh()

    def note_failure(
        self,
        worker: str,
        item: object,
        error: Exception,
        *,
        again: bool = False,
        others: Collection[str] = (),
    ) -> bool:
        """Note that an item has failed on a worker; say whether that may be the worker's fault.

        Then it should be tried elsewhere before it counts. Where it has failed on another worker
        before (``again``), it is the item; unless this worker does nothing well either, and some of
        the ``others``, which have not tried it, may.
        """
        is_witness = worker in self._proven and not self._is_in_doubt(worker)
        own = self._streaks.setdefault(worker, _Streak())
        elsewhere = [
            streak for other, streak in self._streaks.items()
            if other != worker and streak.holds(item)
        ]
        if again or elsewhere or own.holds(item):
            if not is_witness and self.hopeful(others):
                self._add(own, item, error)
                return True
            for streak in elsewhere:
                streak.drop(item)
            return False
        self._add(own, item, error)
        return own.is_long

    def _add(self, streak: _Streak, item: object, error: Exception) -> None:
        if not streak.holds(item):
            streak.items.append(item)
        streak.error = error
        streak.weigh()

    def _is_in_doubt(self, worker: str) -> bool:
        """Whether a worker may be broken: it has failed and never done anything, or fails on."""
        streak = self._streaks.get(worker)
        return streak is not None and (worker not in self._proven or streak.is_long)

    def hopeful(self, workers: Collection[str]) -> set[str]:
        """Choose those of some workers that are not in doubt; none where these are too few."""
        found = {each for each in workers if not self._is_in_doubt(each)}
        return found if len(found) >= HOPEFUL * len(workers) else set()

    def condemn(self, present: Collection[str]) -> dict[str, Exception]:
        """Return who has just proved unfit; at most half of all workers ever do."""
        found = {}
        for worker, streak in self._streaks.items():
            others = [each for each in present if each != worker and each not in self.unfit]
            if streak.rounds >= ROUNDS and streak.error and len(others) > len(self.unfit):
                found[worker] = self.unfit[worker] = streak.error
        for worker in found:
            del self._streaks[worker]
        return found
