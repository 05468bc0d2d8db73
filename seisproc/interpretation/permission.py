"""Whether a plan's product may be written where it goes, asked before anything is computed.

A run writes into the work folder beside the store, and moves into the store what is whole: where
the store alone may only be read, it would be refused when all its work is done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from seisproc.interpretation.plan import InterpretationPlan
from seisproc.places import AccessError, open_place
from seisproc.records import work_url

EFFECTIVE = os.access in os.supports_effective_ids
"""Whether the system can say what this process may do, and not who started it."""


def require_permission(plan: InterpretationPlan) -> None:
    """Refuse a store on a disk where this process may not write what a run of the plan does.

    Object stores are not asked: what they allow shows at the first write, which comes early.

    Raises
    ------
    AccessError
        It names the folder.
    """
    if not isinstance(open_place(plan.store_url)[0], LocalFileSystem):
        return
    for folder in _written(plan):
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=EFFECTIVE):
            raise AccessError(
                f"{folder} cannot be written to",
                found="no permission",
                expected=f"the right to make files in the store and in {plan.store_url}.work",
                do="Get that right, or interpret a copy of the store in a place of your own",
            )


def _written(plan: InterpretationPlan) -> Iterator[Path]:
    """Yield the folders that a run writes to; of one that is not there, where it would be made."""
    work = work_url(plan.store_url, plan.product, plan.fingerprint)
    for url in (plan.url, work):
        path = Path(open_place(url)[1])
        for folder in (path, path.parent):  # that itself is replaced, or removed, in the end
            yield next(each for each in (folder, *folder.parents) if each.exists())
