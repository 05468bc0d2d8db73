"""Making a store of training data piece by piece: each piece once, whatever happens in between.

What patches and volumes share: pieces are done on a cluster, a bounded number at a time; a record
says that one is done and what it held; a run that was killed goes on where it stopped; and the
store is put in its place when it is whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fsspec.implementations.local import LocalFileSystem

from seisproc.errors import IncompleteError, OutputExistsError, SeisprocError, SpaceError
from seisproc.folders import earlier_work, remove_tree
from seisproc.places import open_place, reaching, shown
from seisproc.records import Lease, Records, lease, work_url
from seisproc.replace import METADATA, put_in_place, staging_url
from seisproc.shards import as_space_error
from seisproc.survey import is_published, publish, published_attributes
from seisproc.volume import map_bounded

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]

_NO_TRAINING_DATA = (None, "pyramid")
"""Kinds of stores that training data never replaces; surveys do not name theirs."""

CREATED = "created"
"""Record that the arrays stand, and where."""


@dataclass(frozen=True)
class Site:
    """A store under construction.

    Attributes
    ----------
    url : str
        Where the finished store will be.
    product : str
        What it is, in the name of the work folder: ``patches``, ``volumes``.
    group : str
        Where it is built: there, or in the work folder if it replaces another.
    records : Records
        In the work folder, which is named after everything that decides the store's bytes.
    held : Lease
        The right to build it.
    """

    url: str
    product: str
    group: str
    records: Records
    held: Lease

    def done(self, arrays: Sequence[str], create: Callable[[], None]) -> dict[str, dict[str, Any]]:
        """Payloads of the pieces that an earlier run has done, by key.

        Without such a run the store's ``arrays`` are created. What runs with other settings left
        unfinished is removed: they would have used the same place.
        """
        recorded = self.records.read()
        created = recorded.pop(CREATED, None)
        stand = created is not None and created.payload["group"] == self.group
        if stand and all(_exists(f"{self.group}/{name}/zarr.json") for name in arrays):
            return {key: r.payload for key, r in recorded.items() if r.state == "done"}
        for folder in earlier_work(self.url, self.product):
            remove_tree(folder)
        create()
        self.records.mark(CREATED, "done", "0", {"group": self.group})
        return {}

    def finish(self, attributes: dict[str, Any]) -> None:
        """Publish the store with its attributes and put it in its place."""
        self.held.require(ask=True)
        publish(self.group, attributes)
        put_in_place(self.group, self.url)
        self.records.clear()


@contextlib.contextmanager
def building(url: str, product: str, fingerprint: str, *, overwrite: bool) -> Iterator[Site]:
    """Hold the right to build a store while the body runs.

    Raises
    ------
    OutputExistsError
        If another store is there and ``overwrite`` is false, or a survey, or files that belong to
        none.
    BusyError
        If another run builds one at the same place.
    """
    _require_no_files(url)
    _require_no_survey(url)
    work = work_url(url, product, fingerprint)
    with lease(f"{url}.work/{product}", url) as held:
        group = staging_url(url, work, overwrite=overwrite)
        yield Site(url, product, group, Records(work), held)


def _require_no_survey(url: str) -> None:
    """Refuse to replace a survey, with its labels and interpretations, by training data."""
    if is_published(url) and published_attributes(url).get("seisproc_kind") in _NO_TRAINING_DATA:
        raise OutputExistsError(
            f"{shown(url)} holds no training data, but a survey or its pyramid",
            expected="nothing, or training data, which --overwrite replaces",
            do="Choose another name",
        )


def _require_no_files(url: str) -> None:
    """Refuse a place that holds files of somebody: a store there would be mixed with them."""
    fs, path = open_place(url)
    if not isinstance(fs, LocalFileSystem):
        return
    place = Path(path)
    files = [place] if place.is_file() else sorted(place.glob("[!.]*"))
    mine = next((each for each in files if each.is_file() and each.name != METADATA), None)
    if mine is not None:
        raise OutputExistsError(
            f"{shown(url)} is no place for a store",
            found=f"the file {mine.name}" + (" in it" if mine != place else ""),
            expected="nothing there, or a store",
            do="Name a folder of its own, such as OUT.zarr",
        )


def do_pieces(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    client: Client | None,
    held: Lease,
    what: str,
) -> Iterator[tuple[Item, Result]]:
    """Yield pieces with their results, in any order; raise at the end if some failed.

    Raises
    ------
    SpaceError
        As soon as the disk is full.
    BusyError
        If another run has taken over meanwhile.
    IncompleteError
        If pieces failed; a rerun does only those.
    """
    failed: list[Exception] = []
    for outcome in map_bounded(function, items, client):
        held.require()
        error = outcome.error
        if isinstance(error, OSError):
            error = as_space_error(error, what)
        if isinstance(error, SpaceError):
            raise error
        if error is not None or outcome.result is None:
            failed.append(error or RuntimeError("no result"))
        else:
            yield outcome.item, outcome.result
    if failed and isinstance(failed[0], SeisprocError):
        raise failed[0]
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {len(items)} {what} failed",
            found=f"{type(failed[0]).__name__}: {failed[0]}",
            do="Run the same command again: it makes only those",
        ) from failed[0]


def _exists(url: str) -> bool:
    fs, path = open_place(url)
    with reaching(url):
        return bool(fs.exists(path))
