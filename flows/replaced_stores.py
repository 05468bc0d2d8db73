"""What a survey's store holds that no night makes: lost where the store is made anew."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from seisproc.catalog.entry import Entry
from seisproc.errors import ReviewError, StoreError
from seisproc.places import shown
from seisproc.survey import Survey, is_published

LOSES = "loses"
"""Fact of a record that is held, or released from that: groups that go with the survey's store."""


def made_by_others(entry: Entry) -> tuple[str, ...]:
    """Name the groups of a survey's store that no night makes: labels, other interpretations.

    Such as ``labels/ann`` and ``interpretation/trial``; none where there is no store yet.
    """
    if not is_published(entry.store):
        return ()
    with suppress(StoreError):  # of what is no survey store, ingest says what it is
        survey = Survey(entry.store)
        labels = [f"labels/{name}" for name in survey.groups("labels")]
        runs = [f"interpretation/{name}" for name in survey.groups("interpretation")
                if name != entry.run]
        return (*labels, *runs)
    return ()


def may_go(groups: Collection[str], released: Collection[str]) -> bool:
    """Whether a store with these groups may be made anew without a person being asked.

    Labels are people's work, and nobody but a person gives them up. Interpretations can be made
    again.
    """
    return set(groups) <= set(released) or not any(map(_is_labels, groups))


def held_for(entry: Entry, groups: Collection[str]) -> ReviewError:
    """Return the error by which a survey waits for whoever wants to keep what is in its store."""
    volumes = [path for path in Survey(entry.store).volumes() if _is_labels(path)]
    name = entry.name
    return ReviewError(
        f"{name} is held for review: its store has to be made anew, and what people made in it"
        " would go with the old one",
        found=", ".join(groups),
        do=f"Keep labels as SEG-Y with `seisproc export {shown(entry.store)} FILE.sgy --variable"
        f" {volumes[0] if volumes else 'labels/NAME/facies'}` and bring them back later with"
        f" `seisproc label`, or name another `store` in surveys/{name}.yaml and the old one stays;"
        f" or let them go with `seisproc catalog release CATALOG {name}`",
    )


def _is_labels(group: str) -> bool:
    return group.startswith("labels/")
