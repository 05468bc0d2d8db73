"""A survey's store, made or made anew: labels come along, or the survey is held for their sake."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from flows.catalog_config import entry_form
from flows.sources import ingest_sources
from seisproc.catalog.entry import Entry
from seisproc.catalog.sources import sources_to_read
from seisproc.errors import ReviewError, StoreError
from seisproc.labelling.carrying import LostLabelsError, carried_labels
from seisproc.places import shown
from seisproc.survey import Survey, is_published

LOSES = "loses"
"""Fact of a record that is held, or released from that: groups that go with the survey's store."""

LABELS = "labels/"


class LosesWorkError(ReviewError):
    """People's work would go with a survey's store.

    Attributes
    ----------
    loses : tuple of str
        Groups that would.
    """

    loses: tuple[str, ...] = ()


def make_store(
    catalog: str, entry: Entry, address: str, released: Collection[str] = ()
) -> tuple[str, ...]:
    """Make a survey's store from its sources, or find that it is there.

    Parameters
    ----------
    catalog : str
        Place of its catalogue.
    entry : Entry
        The survey.
    address : str
        The cluster that does it.
    released : collection of str
        Groups that a person lets go with the old store, such as ``labels/ann``.

    Returns
    -------
    What became of all that was in an older store, in words.

    Raises
    ------
    LosesWorkError
        If labels in it can neither be carried over nor let go: they are people's work.
        Interpretations go unasked, since they can be made again.
    """
    form, before = entry_form(entry), _made_by_others(entry)
    let_go = [group.removeprefix(LABELS) for group in released if group.startswith(LABELS)]
    try:
        made = ingest_sources(
            sources_to_read(entry), entry.store, form.headers, form.volume, address, True, let_go
        )
    except LostLabelsError as error:
        raise _held_for(catalog, entry, error.reasons, let_go) from error
    if made.reused:
        return ()
    carried = [f"{LABELS}{name}" for name in carried_labels(entry.store)]
    gone = [group for group in before if group not in carried]
    told = {"carried over from the old store": carried, "gone with the old store": gone}
    return tuple(f"{what}: {', '.join(groups)}" for what, groups in told.items() if groups)


def _made_by_others(entry: Entry) -> tuple[str, ...]:
    """Name the groups of a survey's store that no night makes: labels, other interpretations.

    Such as ``labels/ann`` and ``interpretation/trial``; none where there is no store yet.
    """
    if not is_published(entry.store):
        return ()
    with suppress(StoreError):  # of what is no survey store, ingest says what it is
        survey = Survey(entry.store)
        labels = [f"{LABELS}{name}" for name in survey.groups("labels")]
        runs = [f"interpretation/{name}" for name in survey.groups("interpretation")
                if name != entry.run]
        return (*labels, *runs)
    return ()


def _held_for(
    catalog: str, entry: Entry, reasons: Mapping[str, str], let_go: Collection[str]
) -> LosesWorkError:
    """Return the error by which a survey waits for whoever wants to keep what is in its store."""
    name, stays = entry.name, {f"{LABELS}{each}" for each in (*reasons, *let_go)}
    groups = [group for group in _made_by_others(entry)
              if group in stays or not group.startswith(LABELS)]
    volumes = [path for path in Survey(entry.store).volumes()
               if path.startswith(LABELS) and path.split("/")[1] in reasons]
    why = ". ".join(reasons.values())
    error = LosesWorkError(
        f"{name} is held for review: its store has to be made anew, and what people made in it"
        f" would go with the old one, since it cannot be carried over: {why}",
        found=", ".join(groups),
        do=f"Keep labels as SEG-Y with `seisproc export {shown(entry.store)} FILE.sgy --variable"
        f" {volumes[0] if volumes else 'labels/NAME/facies'}` and bring them back later with"
        f" `seisproc label`, or name another `store` in surveys/{name}.yaml and the old one stays;"
        f" or let them go with `seisproc catalog release {shown(catalog)} {name}`",
    )
    error.loses = tuple(groups)
    return error
