"""The plan as workers get it: from the work folder, once a process, and not with every step.

With its networks' metrics and history a plan has some 17 kB. The scheduler would hold it for every
step that waits, and again in the last messages to each worker, which it keeps.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import cloudpickle

from seisproc.atomic import write_atomic
from seisproc.errors import StoreError
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.places import open_place, reaching, shown


@dataclass(frozen=True)
class SentPlan:
    """Where a plan lies, and what its bytes hash to: none other is unpacked, whoever wrote it."""

    url: str
    digest: str

    def packed(self) -> bytes:
        """Read the plan's bytes, once a process.

        Raises
        ------
        StoreError
            If they are others than were sent.
        """
        return _read(self.url, self.digest)


def send_plan(plan: InterpretationPlan, work: str) -> SentPlan:
    """Write a plan into its work folder, where workers find it whenever they come."""
    packed = cloudpickle.dumps(plan)
    digest = hashlib.sha256(packed).hexdigest()
    sent = SentPlan(f"{work}/plan-{digest[:16]}", digest)
    write_atomic(sent.url, packed)
    return sent


@functools.lru_cache(maxsize=4)
def _read(url: str, digest: str) -> bytes:
    fs, path = open_place(url)
    with reaching(url):
        packed = bytes(fs.cat_file(path))
    found = hashlib.sha256(packed).hexdigest()
    if found != digest:
        raise StoreError(
            f"{shown(url)} is not the plan that this run has written",
            found=found[:16],
            expected=digest[:16],
            do="See who else writes there, then run the same command again",
        )
    return packed
