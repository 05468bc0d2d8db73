"""A folder of small files on the disk or behind fsspec, for bundles and registries of them."""

from __future__ import annotations

import uuid
from pathlib import Path


class Folder:
    """A folder on the disk or behind fsspec, which is imported only for the latter.

    Parameters
    ----------
    url : str
        Local path, or any URL that fsspec knows.

    Notes
    -----
    Local errors are those of the operating system; a file that is missing raises
    ``FileNotFoundError`` everywhere.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.remote = "://" in url and not url.startswith("file://")
        if self.remote:
            import fsspec  # (predicting from a local folder needs no fsspec)

            self.files, self.root = fsspec.core.url_to_fs(self.url)
        else:
            self.folder = Path(self.url.removeprefix("file://"))

    def exists(self, name: str) -> bool:
        """Whether a file or folder of this name is there."""
        if self.remote:
            return bool(self.files.exists(f"{self.root}/{name}"))
        return (self.folder / name).exists()

    def remove(self, name: str) -> None:
        """Remove a file."""
        if self.remote:
            self.files.rm_file(f"{self.root}/{name}")
        else:
            (self.folder / name).unlink()

    def read(self, name: str) -> bytes:
        """Read a whole file."""
        if self.remote:
            return bytes(self.files.cat_file(f"{self.root}/{name}"))
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file: no reader meets half of it."""
        if self.remote:
            self.files.makedirs(self.root, exist_ok=True)
            self.files.pipe_file(f"{self.root}/{name}", content)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{name}.{uuid.uuid4().hex[:8]}"
        partial.write_bytes(content)
        partial.replace(self.folder / name)
