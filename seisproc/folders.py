"""Whole folders, local or not: removed, listed, and the room that is left for them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from functools import partial
from glob import has_magic
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from seisproc.background import step_threads
from seisproc.places import AccessError, files_under, has_folders, open_place, reaching, shown

ATTEMPTS = 5
"""Times that a folder is removed in which somebody still writes, or which two remove at once, and
that objects are of which a store says that it could not remove them."""

PAUSE_S = 0.2
"""Before the second attempt at what a store could not remove; twice as long before the next."""

DELETED_AT_ONCE = 1000
"""Objects that S3 removes in one request, at most."""


def remove_tree(url: str) -> None:
    """Remove a folder with all that is in it; nothing happens where there is none.

    Raises
    ------
    AccessError
        If some of it cannot be removed from an object store.
    """
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        for _ in range(ATTEMPTS - 1):
            shutil.rmtree(path, ignore_errors=True)
    with reaching(url):
        if isinstance(fs, LocalFileSystem) or has_folders(fs) and not has_magic(path):
            if fs.exists(path):
                fs.rm(path, recursive=True)
        else:
            remove_objects(url, files_under(fs, path))


def remove_objects(url: str, paths: Iterable[str]) -> None:
    """Remove objects of a store, which may be gone already: these and no others, and all of them.

    What fsspec is asked to remove it takes for a pattern where it looks like one, and then removes
    what matches. Of objects that S3 removes together, some may stay though it answers that all went
    well; fsspec does not tell.

    Parameters
    ----------
    url : str
        Where they lie, for the message.
    paths : iterable of str
        As the file system of that URL lists them.

    Raises
    ------
    AccessError
        If some stay whatever is done.
    """
    fs, _ = open_place(url)
    every = list(paths)
    lots = [every[at : at + DELETED_AT_ONCE] for at in range(0, len(every), DELETED_AT_ONCE)]
    remove = _remove_from_s3 if hasattr(fs, "call_s3") else _remove
    with reaching(url), step_threads() as threads:
        for _ in threads.map(partial(remove, fs, url), lots):
            pass


def _remove_from_s3(fs: AbstractFileSystem, url: str, paths: list[str]) -> None:
    """Ask S3 itself: it answers which objects it has not removed."""
    bucket = fs.split_path(paths[0])[0]
    keys = [fs.split_path(path)[1] for path in paths]
    for path in paths:
        fs.invalidate_cache(path)
    for attempt in range(ATTEMPTS):
        asked = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = fs.call_s3("delete_objects", Bucket=bucket, Delete=asked)
        stayed = [each for each in answer.get("Errors", []) if each.get("Code") != "NoSuchKey"]
        if not stayed:
            return
        keys = [each["Key"] for each in stayed]
        if attempt < ATTEMPTS - 1:
            time.sleep(PAUSE_S * 2**attempt)
    what = "1 object" if len(keys) == 1 else f"{len(keys):,} objects"
    raise AccessError(
        f"{shown(url)}: {what} cannot be removed",
        found=f"{stayed[0].get('Code', 'an error')} for {keys[0]}",
        do="Run the same command again; if it stays so, check what the credentials may remove",
    )


def _remove(fs: AbstractFileSystem, _: str, paths: list[str]) -> None:
    """Remove objects together where their names allow that, else one by one."""
    plain = [path for path in paths if not has_magic(path)]
    if plain:
        fs.rm(plain)
    for path in set(paths).difference(plain):
        fs.rm_file(path)


def earlier_work(store_url: str, product: str) -> list[str]:
    """Work folders that runs of a product left beside a store, whatever they were made from."""
    fs, path = open_place(f"{store_url}.work")
    with reaching(store_url):
        found = fs.ls(path, detail=False) if fs.exists(path) else []
    names = [entry.rstrip("/").rsplit("/", 1)[-1] for entry in found]
    return [f"{store_url}.work/{name}" for name in names if name.startswith(f"{product}-")]


def free_bytes(url: str) -> int | None:
    """Free bytes on the disk that a URL lies on; None where nobody knows."""
    fs, path = open_place(url)
    if not isinstance(fs, LocalFileSystem):
        return None
    folder = Path(path).absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
