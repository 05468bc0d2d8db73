"""Which workers fail whatever they are given, so that one broken machine fails no survey.

A dead CUDA context, a folder that is not mounted or a model that is missing there makes a worker
fail in a millisecond. It is then always free, and would take all that is to be done.
"""

from __future__ import annotations

from collections.abc import Iterable

STREAK = 3
"""A worker is unfit that has failed at so many different items, with no success between."""


class Fitness:
    """What is known of the workers by the outcomes that came from them."""

    def __init__(self) -> None:
        self._failed: dict[str, list[object]] = {}
        self.unfit: dict[str, Exception] = {}

    def note_success(self, worker: str) -> None:
        """Note that a worker has done an item: its failures were not its own."""
        self._failed.pop(worker, None)

    def note_failure(
        self, worker: str, item: object, error: Exception, present: Iterable[str]
    ) -> bool:
        """Note that an item has failed on a worker; say whether that shows the worker to be unfit.

        It does not where the item has failed on another one too: then it is the item. Nor where all
        others that are ``present`` have failed at something, or would be fewer than those that were
        found unfit: then it is the work.
        """
        elsewhere = [
            failed for other, failed in self._failed.items()
            if other != worker and any(each is item for each in failed)
        ]
        for failed in elsewhere:
            failed[:] = [each for each in failed if each is not item]
        streak = self._failed.setdefault(worker, [])
        if elsewhere or any(each is item for each in streak):
            return False
        streak.append(item)
        others = [each for each in present if each != worker and each not in self.unfit]
        sound = any(not self._failed.get(each) for each in others)
        if len(streak) < STREAK or not sound or len(others) <= len(self.unfit):
            return False
        self.unfit[worker] = error
        return True
