"""Putting a finished group in the place of an older one.

A product that nobody has yet is written where it belongs and published last. One that replaces a
published product is built in the work folder first, and the old one answers until the new one is
whole.
"""

from __future__ import annotations

from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from seisproc.errors import OutputExistsError
from seisproc.survey import is_published

STAGED = "staged"


def staging_url(target_url: str, work: str, *, overwrite: bool) -> str:
    """Where to build a group that will end at ``target_url``.

    That is ``target_url`` itself while nothing is published there (what an interrupted run left is
    overwritten array by array), else a folder inside the work folder ``work``.

    Raises
    ------
    OutputExistsError
        If something is published at ``target_url`` and ``overwrite`` is false.
    """
    if not is_published(target_url):
        return target_url
    if not overwrite:
        raise OutputExistsError(
            f"{target_url} exists already", do="Pass --overwrite to replace it, or name another"
        )
    return f"{work}/{STAGED}"


def put_in_place(staged_url: str, target_url: str) -> None:
    """Replace the group at ``target_url`` by the finished one at ``staged_url``.

    On a local disk that is two renames. Object stores have no rename: the group's ``zarr.json``
    is taken away first and copied last, so that a reader finds the old group, none, or the new.
    """
    if staged_url == target_url:
        return
    fs, staged = fsspec.core.url_to_fs(staged_url)
    _, target = fsspec.core.url_to_fs(target_url)
    if isinstance(fs, LocalFileSystem):
        old = Path(staged).with_name("replaced")
        if old.exists():  # of a run that was killed between these lines
            fs.rm(str(old), recursive=True)
        Path(target).rename(old)
        Path(staged).rename(target)
        fs.rm(str(old), recursive=True)
        return
    fs.rm_file(f"{target}/zarr.json")
    fs.rm(target, recursive=True)
    members = [str(path) for path in fs.find(staged)]
    members.sort(key=lambda path: path == f"{staged}/zarr.json")
    for path in members:
        fs.cp_file(path, target + path[len(staged) :])
    fs.rm(staged, recursive=True)
