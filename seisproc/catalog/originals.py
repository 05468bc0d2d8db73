"""Of several surveys with one content, read in one way, the one that counts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from seisproc.catalog.catalog import Snapshot


def originals(
    recipes: Mapping[str, Mapping[str, Any]], snapshot: Snapshot, away: Collection[str]
) -> dict[str, str]:
    """Of all surveys that would be made from the same, name the one that counts, for each.

    That is one that is done, else the one that was there first, also where nothing can be done for
    it now: a copy of what a person holds back is held back too. Only one whose files are away, and
    that was never made, leaves the work to its copy.

    Parameters
    ----------
    recipes : mapping
        Name -> what it would be made from (:func:`seisproc.catalog.recipe.recipe_of`).
    snapshot : Snapshot
    away : collection of str
        Surveys whose files cannot be had now.
    """
    first: dict[str, str] = {}

    def rank(name: str) -> tuple[bool, bool, float, str]:
        record = snapshot.records.get(name)
        idle = name in away and (record is None or record.outcome != "done")
        return (idle, record is None, snapshot.seen[name].added, name)

    keys = {name: json.dumps({**each, "store": ""}, sort_keys=True)
            for name, each in recipes.items()}
    for name in sorted(recipes, key=rank):
        first.setdefault(keys[name], name)
    return {name: first[key] for name, key in keys.items()}
