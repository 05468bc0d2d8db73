"""Small objects, written so that they are there whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from seisproc.places import open_place, reaching

TORN = ".partial"
"""End of the name of what a writer that was killed leaves on a local disk; Zarr's is the same."""


def write_atomic(url: str, content: bytes) -> None:
    """Write a small object so that it is there whole or not at all."""
    fs, path = open_place(url)
    if not isinstance(fs, LocalFileSystem):
        with reaching(url):
            fs.pipe_file(path, content)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}{TORN}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:  # a full disk keeps what it can of a file
        temporary.unlink(missing_ok=True)
        raise
