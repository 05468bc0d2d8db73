"""What an ingest does to whole folders, local or not."""

from __future__ import annotations

import shutil
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem


def remove_tree(url: str) -> None:
    """Remove a folder with all that is in it; nothing happens where there is none."""
    fs, path = fsspec.core.url_to_fs(url)
    if fs.exists(path):
        fs.rm(path, recursive=True)


def earlier_work(store_url: str, product: str) -> list[str]:
    """Work folders that runs of a product left beside a store, whatever they were made from."""
    fs, path = fsspec.core.url_to_fs(f"{store_url}.work")
    if not fs.exists(path):
        return []
    names = [entry.rstrip("/").rsplit("/", 1)[-1] for entry in fs.ls(path, detail=False)]
    return [f"{store_url}.work/{name}" for name in names if name.startswith(f"{product}-")]


def free_bytes(url: str) -> int | None:
    """Free bytes on the disk that a URL lies on; None where nobody knows."""
    fs, path = fsspec.core.url_to_fs(url)
    if not isinstance(fs, LocalFileSystem):
        return None
    folder = Path(path).absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
