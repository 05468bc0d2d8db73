"""Putting a finished group in the place of an older one.

A product that nobody has yet is written where it belongs and published last. One that replaces a
published product is built in the work folder first, and the old one answers until the new one is
whole.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from seisproc.errors import OutputExistsError, StoreError
from seisproc.folders import remove_tree
from seisproc.places import AccessError, open_place, reaching, shown
from seisproc.survey import Survey, is_published

STAGED = "staged"
METADATA = "zarr.json"


def staging_url(target_url: str, work: str, *, overwrite: bool) -> str:
    """Where to build a group that will end at ``target_url``.

    That is ``target_url`` itself while nothing is published there (what an interrupted run left is
    overwritten array by array), else a folder inside the work folder ``work``. A replacement that
    an earlier run was cut off in is brought to its end first.

    Raises
    ------
    OutputExistsError
        If something is published at ``target_url`` and ``overwrite`` is false.
    """
    finish_replacement(f"{work}/{STAGED}", target_url)
    if not is_published(target_url):
        return target_url
    if not overwrite:
        raise OutputExistsError(
            f"{shown(target_url)} exists already",
            do="Pass --overwrite to replace it, or name another",
        )
    return f"{work}/{STAGED}"


def finish_replacement(staged_url: str, target_url: str) -> None:
    """Bring :func:`put_in_place` to its end, if a run was killed in it; else do nothing.

    A run that finds the target neither published nor empty must do this before anything else: half
    of what is there may be the old group, or the new one.
    """
    if staged_url != target_url and is_published(staged_url):
        put_in_place(staged_url, target_url)


def put_in_place(staged_url: str, target_url: str) -> None:
    """Replace the group at ``target_url`` by the finished one at ``staged_url``.

    On a local disk that is two renames. Object stores have no rename: the group's ``zarr.json``
    is taken away first and copied last, so that a reader finds the old group, none, or the new.
    Cut off at any point, it is brought to its end by another call.
    """
    if staged_url == target_url:
        return
    fs, staged = open_place(staged_url)
    _, target = open_place(target_url)
    if isinstance(fs, LocalFileSystem):
        _rename(Path(staged), Path(target))
        return
    with reaching(target_url):
        _copy(fs, staged_url, target_url)


def _rename(staged: Path, target: Path) -> None:
    old = staged.with_name("replaced")
    fs = LocalFileSystem()
    if old.exists():  # of a run that was killed between these lines
        fs.rm(str(old), recursive=True)
    if target.exists():
        target.rename(old)
    staged.rename(target)
    if old.exists():
        fs.rm(str(old), recursive=True)


def _copy(fs: AbstractFileSystem, staged_url: str, target_url: str) -> None:
    """Copy all objects, the group's metadata last; then the staged group ceases to be one first.

    While the staged metadata stand, everything staged does, and a killed run can begin again.
    """
    staged, target = open_place(staged_url)[1], open_place(target_url)[1]
    if fs.exists(f"{target}/{METADATA}"):
        fs.rm_file(f"{target}/{METADATA}")
    remove_tree(target_url)
    members = [path for path in fs.find(staged) if path != f"{staged}/{METADATA}"]
    places = [target + path[len(staged) :] for path in members]
    if members:
        fs.copy(members, places, on_error="raise")  # an object store copies many at a time
    fs.cp_file(f"{staged}/{METADATA}", f"{target}/{METADATA}")
    fs.rm_file(f"{staged}/{METADATA}")
    remove_tree(staged_url)


def require_outside(store_url: str) -> None:
    """Refuse a place inside another store, whose readers would trip over a survey of its own.

    Raises
    ------
    OutputExistsError
    """
    parent = store_url
    for _ in range(2):  # deepest is a survey in the place of labels/<name>
        parent = parent.rpartition("/")[0]
        if not parent or parent.endswith(("/", ":")):
            return
        inside = False
        with contextlib.suppress(AccessError):  # who may not look there has no store there
            inside = is_published(parent)
        if inside:
            raise OutputExistsError(
                f"{store_url} lies inside the store {parent}", do="Choose a place beside it"
            )


def require_survey(store_url: str) -> None:
    """Refuse to replace what is no survey: labels within one, a pyramid, patches.

    Raises
    ------
    OutputExistsError
    """
    is_survey = False
    with contextlib.suppress(StoreError):
        is_survey = Survey(store_url).has("amplitude")
    if not is_survey:
        raise OutputExistsError(
            f"{store_url} is there already, and is no survey",
            found="another group of seisproc, such as labels, a pyramid or patches",
            do="Choose another name for the store",
        )


def require_overwrite(store_url: str, source: str, overwrite: bool) -> None:
    """Refuse to replace a survey unasked. ``source``: what it is made from, other than the new one.

    Raises
    ------
    OutputExistsError
    """
    if not overwrite:
        raise OutputExistsError(
            f"{store_url} holds a survey made from {source}",
            do="Give --overwrite to replace it (labels are carried over, interpretations go), or "
            "another name",
        )
