"""A new file of known size, written in place through a memory map, and there whole or not at all.

Traces of a box lie all over a file; a map takes them in any order, in the system's page cache.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

from seisproc.places import open_place, reaching, require_writable
from seisproc.segy.shards import as_space_error


@contextlib.contextmanager
def new_file(url: str, size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the bytes of a file to fill; it appears under its name when the body has ended well.

    A file elsewhere than on a local disk is made in a temporary folder first, then sent.

    Raises
    ------
    SpaceError
        If the disk, or the temporary folder, has no room for ``size`` bytes.
    AccessError
        If the place cannot be written to, or its URL carries credentials.
    """
    require_writable(url)
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        try:
            with _mapped(partial, size, url) as content:
                yield content
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory(prefix="seisproc-") as folder:
        partial = Path(folder) / "partial"
        where = f"{url} in the temporary folder {tempfile.gettempdir()} (TMPDIR names another)"
        with _mapped(partial, size, where) as content:
            yield content
        with reaching(url):
            fs.put_file(str(partial), path)


@contextlib.contextmanager
def _mapped(path: Path, size: int, url: str) -> Iterator[NDArray[np.uint8]]:
    with path.open("w+b") as file:
        try:
            # a map has no way to report a full disk but to kill the process: reserve it all now
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise as_space_error(error, url) from error
        # the system writes the pages in its own time; the map goes with its last view
        yield np.frombuffer(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_WRITE), "uint8")
