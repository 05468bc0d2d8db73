"""Labels are imported into a store, or the store is replaced: one waits for the other.

Imports may run side by side, each with a lease of its own. Who replaces the store shows that first,
and then looks for imports; an import takes its lease first, and then looks for who replaces the
store. Whoever comes second sees the other one and gives way, and nothing is written into a store
that is on its way out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from seisproc.errors import StoreError
from seisproc.folders import earlier_work
from seisproc.places import open_place, reaching
from seisproc.records import Lease, lease
from seisproc.replace import STAGED, finish_replacement
from seisproc.survey import Survey, is_published

LABELS = "labels"
REPLACING = "replacing"


def require_same_store(survey: Survey) -> None:
    """Refuse to import labels into a store that is being replaced, or was since it was opened.

    For whoever holds the lease of an import.

    Raises
    ------
    BusyError
        If another run puts a newer store in its place just now.
    StoreError
        If that has happened.
    """
    place = f"{survey.url}.work/{REPLACING}"
    fs, path = open_place(f"{place}/lease")
    fs.invalidate_cache()
    with reaching(place):
        shown = fs.exists(path)
    if shown:  # by a run that lives, or by one that died: to find out is to take it over
        with lease(place, f"{survey.url}, which is being replaced,"):
            pass
    if Survey(survey.url).fingerprint != survey.fingerprint:
        raise StoreError(
            f"{survey.url} was replaced while labels for it were being read",
            do="Run the same command again, on the new store",
        )


@dataclass
class KeptOut:
    """The right to keep imports out of a store.

    Attributes
    ----------
    leases : list of Lease
        Of the replacement, and of every import that is dead.
    folders : list of str
        Work folders of these imports.
    """

    leases: list[Lease] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def require(self) -> None:
        """Stop a run that stood still for so long that imports may have gone by.

        Raises
        ------
        BusyError
        """
        for held in self.leases:
            held.require(ask=True)


@contextmanager
def imports_kept_out(store_url: str) -> Iterator[KeptOut]:
    """Let nobody import labels into a store while the body runs.

    Replacements of labels that a run was killed in are brought to their end first: what it had
    taken out of the store is nowhere else.

    Yields
    ------
    KeptOut
        To be asked whether it still holds, before the store goes.

    Raises
    ------
    BusyError
        If somebody imports labels just now.
    """
    kept, replacing = KeptOut(), f"{store_url}.work/{REPLACING}"
    with ExitStack() as held:
        kept.leases.append(held.enter_context(lease(replacing, f"{store_url} (its replacement)")))
        open_place(store_url)[0].invalidate_cache()
        kept.folders += earlier_work(store_url, LABELS)
        of_store = Survey(store_url).fingerprint if is_published(store_url) else None
        for folder in kept.folders:
            name, _, mark = folder.rsplit(f"/{LABELS}-", 1)[-1].rpartition("-")
            labels = f"labels/{name} of {store_url}"
            kept.leases.append(held.enter_context(lease(folder, labels)))
            if mark == of_store:
                finish_replacement(f"{folder}/{STAGED}", f"{store_url}/{LABELS}/{name}")
        yield kept
