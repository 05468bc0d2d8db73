"""Whole folders, local or not: removed, listed, and the room that is left for them."""

from __future__ import annotations

import shutil
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from seisproc.places import open_place, reaching

ATTEMPTS = 5
"""Times that a folder is removed in which somebody still writes, or which two remove at once."""


def remove_tree(url: str) -> None:
    """Remove a folder with all that is in it; nothing happens where there is none."""
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        for _ in range(ATTEMPTS - 1):
            shutil.rmtree(path, ignore_errors=True)
    with reaching(url):
        if fs.exists(path):
            fs.rm(path, recursive=True)


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
