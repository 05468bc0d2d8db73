"""A product takes its place at ``interpretation/<run>``: whole, or clearly marked as incomplete.

On a local disk that is one rename, or two where an older product gives way; on an object store,
which has no rename, the objects are copied and the group's ``zarr.json`` comes last.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from seisproc.errors import BusyError
from seisproc.folders import remove_objects, remove_tree
from seisproc.interpretation.leftovers import work_folders
from seisproc.interpretation.plan import InterpretationPlan
from seisproc.interpretation.product import product_url
from seisproc.interpretation.stock import Stock
from seisproc.leases import Lease
from seisproc.manifest import LISTED_AT_ONCE
from seisproc.places import files_under, open_place
from seisproc.schema import AXES, VARIABLES
from seisproc.survey import Survey, ensure_group, is_published, publish

MOST_AREAS = 100
"""Missing regions that an incomplete product lists one by one."""

AT_ONCE = 500
"""Objects whose copies an object store is asked for together."""

Entry = TypeVar("Entry")

_SHARD = re.compile(r"([^/]+)/c/(.+)")


def publish_product(
    plan: InterpretationPlan, work: str, attributes: Mapping[str, Any], held: Lease
) -> None:
    """Write the group's metadata and put the whole product in its place.

    Can be repeated after it was cut off at any point.

    Raises
    ------
    BusyError
        If the product is not there any more, or the lease: another run has taken over.
    """
    built = product_url(work)
    held.require(ask=True)
    _require_built(plan, built)
    if not is_published(built):
        publish(built, {**attributes, "complete": True})
    _put_in_place(plan, built, held)


def publish_incomplete(
    plan: InterpretationPlan,
    work: str,
    attributes: Mapping[str, Any],
    stock: Stock,
    held: Lease,
) -> None:
    """Show the regions that are finished, in a product that says ``complete: false``.

    Its attribute ``missing`` says how many regions are not there, and where the first hundred of
    them are by inline and crossline; their voxels hold the fill value, as where no trace is. What
    the next call goes on with stays in the work folder.

    Raises
    ------
    BusyError
        If the product is not there any more, or the lease: another run has taken over.
    """
    held.require(ask=True)
    _require_built(plan, product_url(work))
    shown, fs = _shown(work), fsspec.core.url_to_fs(work)[0]
    remove_tree(shown)
    _copy(fs, _finished(plan, fs, product_url(work), shown, stock))
    told = {**attributes, "complete": False, "missing": _missing(plan, stock)}
    publish(shown, told)
    _put_in_place(plan, shown, held)


def _shown(work: str) -> str:
    """Where an incomplete product is put together."""
    return f"{work}/incomplete"


def _require_built(plan: InterpretationPlan, built: str) -> None:
    """Refuse to publish for a run that stood still, was overtaken, and has woken up."""
    fs, path = fsspec.core.url_to_fs(built)
    if not all(fs.exists(f"{path}/{name}/zarr.json") for name in plan.volumes):
        raise BusyError(
            f"another run has taken over {plan.product}, and ended",
            do="Run the same command again: it takes what is there",
        )


def _finished(
    plan: InterpretationPlan, fs: AbstractFileSystem, built: str, shown: str, stock: Stock
) -> Iterator[tuple[str, str]]:
    """Yield the objects of the product that may be shown, and where they go: finished shards.

    A worker that was lost amid a region has left some of its shards; those are not shown.
    """
    (_, source), (_, target) = map(fsspec.core.url_to_fs, (built, shown))
    edge = [traces // shard for traces, shard in zip(plan.regions.edge, plan.shards, strict=False)]
    for path in _objects(fs, source, _is_small(plan)):
        name = path[len(source) + 1 :]
        shard = _SHARD.fullmatch(name)
        if shard is not None and shard[1] in plan.volumes:
            i, j = map(int, shard[2].split("/")[-3:-1])
            if not stock.is_finished((i // edge[0], j // edge[1])):
                continue
        if name != "zarr.json":
            yield path, f"{target}/{name}"


def _missing(plan: InterpretationPlan, stock: Stock) -> dict[str, Any]:
    grid = Survey(plan.store_url).grid
    missing = (number for number in plan.regions if not stock.is_finished(number))
    areas = []
    for number in itertools.islice(missing, MOST_AREAS):
        area = plan.regions.area(number)
        areas.append({
            "inline": grid.inline[[area.i_start, area.i_stop - 1]].tolist(),
            "crossline": grid.crossline[[area.j_start, area.j_stop - 1]].tolist(),
        })
    return {
        "regions": len(plan.regions) - stock.finished, "of": len(plan.regions), "areas": areas
    }


def _put_in_place(plan: InterpretationPlan, built: str, held: Lease) -> None:
    """Put what is built where readers look.

    On an object store that takes a while. A run that stands still meanwhile, and is overtaken, must
    not go on with it when it wakes: before each lot of objects it makes sure that it may.
    """
    fs, source = fsspec.core.url_to_fs(built)
    _, target = fsspec.core.url_to_fs(plan.url)
    ensure_group(f"{plan.store_url}/interpretation")

    def require() -> None:
        _require_built(plan, built)  # a run that wakes in here may have written metadata, no more
        held.require(ask=True)

    require()
    if isinstance(fs, LocalFileSystem):
        _swap(Path(source), Path(target))
        return
    if fs.exists(target):
        if fs.exists(f"{target}/zarr.json"):
            require()
            fs.rm_file(f"{target}/zarr.json")
        for batch in _batches(_objects(fs, target, is_small=False)):
            require()
            remove_objects(plan.url, batch)
    # Until the group's metadata comes, the last of all, the target is no group. Of objects that are
    # copied together some may be there and others not when the store fails: it comes alone.
    metadata = f"{source}/zarr.json"
    paths = (path for path in _objects(fs, source, _is_small(plan)) if path != metadata)
    _copy(fs, ((path, target + path[len(source) :]) for path in paths), require)
    require()
    fs.cp_file(metadata, f"{target}/zarr.json")


def _objects(fs: AbstractFileSystem, root: str, is_small: bool) -> Iterator[str]:
    """Yield the paths of a product's objects; row by row, as there may be millions, or at once."""
    folders = [root]
    while folders:
        folder = folders.pop()
        fs.invalidate_cache(folder)  # that would keep every listing
        if is_small or _is_row(folder[len(root) + 1 :]):
            yield from files_under(fs, folder)
            continue
        for entry in fs.ls(folder, detail=True):
            path = str(entry["name"]).rstrip("/")
            if entry["type"] == "directory":
                folders.append(path)
            else:
                yield path


def _is_small(plan: InterpretationPlan) -> bool:
    """Whether a product's shards are few enough to be listed together."""
    each = math.prod(-(-n // edge) for n, edge in zip(plan.shape, plan.shards, strict=True))
    volumes = sum(math.prod(lead) for lead in plan.volumes.values())
    return each * volumes <= LISTED_AT_ONCE


def _is_row(folder: str) -> bool:
    """Whether a product's folder holds one row of shards along the inline, and nothing else.

    >>> _is_row("facies/c/3"), _is_row("facies_probability/c/3")  # the latter is a class
    (True, False)
    """
    array, *place = folder.split("/")
    if place[:1] != ["c"]:
        return False
    dims = VARIABLES[array].dims if array in VARIABLES else AXES
    return len(place) - 1 == len(dims) - 2


def put_back(plan: InterpretationPlan) -> None:
    """Put an older product back that a run had moved aside when it was killed.

    Its successor lies whole beside it, and takes its place when that plan is run again. On an
    object store nothing is moved aside.
    """
    fs, path = open_place(plan.url)
    target = Path(path)
    if not isinstance(fs, LocalFileSystem) or target.exists():
        return
    for work in work_folders(plan):
        for built in (product_url(work), _shown(work)):
            aside = _aside(Path(built))
            if aside.exists() and Path(built, "zarr.json").exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                aside.rename(target)
                return


def _aside(built: Path) -> Path:
    """Where what is built moves to what it takes the place of."""
    return built.with_name(f"{built.name}.replaced")


def _swap(source: Path, target: Path) -> None:
    aside = _aside(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        _remove(aside)  # of an earlier swap
        target.rename(aside)
    try:
        source.rename(target)
    except FileNotFoundError:  # an overtaken run that wakes at the worst moment puts it back
        if aside.exists() and not target.exists():
            aside.rename(target)
        raise
    _remove(aside)


def _remove(aside: Path) -> None:
    """Remove what was moved aside; a half of it never bears that name."""
    going = aside.with_name(f"{aside.name}.going")
    shutil.rmtree(going, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        aside.rename(going)
    shutil.rmtree(going, ignore_errors=True)


def _copy(
    fs: AbstractFileSystem,
    pairs: Iterator[tuple[str, str]],
    require: Callable[[], None] = lambda: None,
) -> None:
    """Copy objects, many at a time and in any order; on a local disk each is linked, not copied.

    ``require`` raises, before each lot of them, if that must not be any more. Zarr
    never changes a file, but puts a new one in its place: a link keeps what it shows.
    """
    if isinstance(fs, LocalFileSystem):
        for path, target in pairs:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError:  # a file system without links
                shutil.copyfile(path, target)
        return
    for batch in _batches(pairs):
        require()
        fs.copy([path for path, _ in batch], [target for _, target in batch])


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(itertools.islice(entries, AT_ONCE)):
        yield batch
