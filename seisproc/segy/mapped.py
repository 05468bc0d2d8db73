"""A new file of known size, written in place through a memory map, and there whole or not at all.

Traces of a box lie all over a file; a map takes them in any order, in the system's page cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

from seisproc.errors import BusyError
from seisproc.places import open_place, reaching, require_writable
from seisproc.shards import as_space_error


@contextlib.contextmanager
def new_file(url: str, size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the bytes of a file to fill; it appears under its name when the body has ended well.

    A file elsewhere than on a local disk is made in a temporary folder first, then sent.

    Raises
    ------
    SpaceError
        If the disk, or the temporary folder, has no room for ``size`` bytes.
    BusyError
        If another run writes the same file.
    AccessError
        If the place cannot be written to, or its URL carries credentials.
    """
    require_writable(url)
    fs, path = open_place(url)
    if isinstance(fs, LocalFileSystem):
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        with _claimed(partial, url) as file:
            try:
                yield _mapped(file, size, url)
                partial.replace(target)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        return
    with tempfile.TemporaryDirectory(prefix="seisproc-") as folder:
        partial = Path(folder) / "partial"
        where = f"{url} in the temporary folder {tempfile.gettempdir()} (TMPDIR names another)"
        with partial.open("w+b") as file:
            yield _mapped(file, size, where)
        with reaching(url):
            fs.put_file(str(partial), path)


@contextlib.contextmanager
def _claimed(path: Path, url: str) -> Iterator[BinaryIO]:
    """Open the file that becomes ``url``, emptied, unless another run writes it now.

    What a killed run left is taken over: the system has released its lock.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # of a run that has just ended, this may be the finished file under its new name
            mine = path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))
        except BlockingIOError:
            mine = False
        if not mine:
            raise BusyError(
                f"{url} is being written by another run", do="Wait for it to end, then run again"
            )
        file.truncate(0)
        yield file


def _mapped(file: BinaryIO, size: int, url: str) -> NDArray[np.uint8]:
    try:
        # a map has no way to report a full disk but to kill the process: reserve it all now
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise as_space_error(error, url) from error
    # the system writes the pages in its own time; the map goes with its last view
    return np.frombuffer(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_WRITE), "uint8")
