"""A folder of small files on the disk or behind fsspec, for bundles and registries of them."""

from __future__ import annotations

import uuid
from pathlib import Path

from models import shipped


class Folder:
    """A folder on the disk or behind fsspec, which is imported only for the latter.

    Parameters
    ----------
    url : str
        Local path, any URL that fsspec knows, or ``shipped://NAME``: a bundle that comes with
        the project, wherever the process that asks has it installed.

    Notes
    -----
    Local errors are those of the operating system; a file that is missing raises
    ``FileNotFoundError`` everywhere.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.remote = "://" in url and not url.startswith(("file://", shipped.SCHEME))
        if self.remote:
            import fsspec  # (predicting from a local folder needs no fsspec)

            self.files, self.root = fsspec.core.url_to_fs(self.url)
        elif url.startswith(shipped.SCHEME):
            self.folder = shipped.FOLDER / self.url.removeprefix(shipped.SCHEME)
        else:
            self.folder = Path(self.url.removeprefix("file://"))

    def child(self, name: str) -> Folder:
        """Folder of this name within."""
        return Folder(f"{self.url}/{name}")

    def names(self) -> list[str]:
        """Names of the files and folders within, sorted; none where there is no folder."""
        try:
            if not self.remote:
                return sorted(entry.name for entry in self.folder.iterdir())
            self.files.invalidate_cache()  # another process may have written since
            found = self.files.ls(self.root, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        paths = {str(path).strip("/") for path in found} - {self.root.strip("/")}
        return sorted(path.rsplit("/", 1)[-1] for path in paths)

    def exists(self, name: str) -> bool:
        """Whether a file or folder of this name is there."""
        if self.remote:
            self.files.invalidate_cache()
            return bool(self.files.exists(f"{self.root}/{name}"))
        return (self.folder / name).exists()

    def place(self, name: str) -> str | None:
        """Path or URL of a file as others may open it; None where it is missing."""
        if not self.exists(name):
            return None
        return f"{self.url}/{name}" if self.remote else str(self.folder / name)

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

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless one of this name is there: of several who try at once, one may.

        Returns
        -------
        bool
            Whether this call wrote it.
        """
        if not self.remote:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with (self.folder / name).open("xb") as file:
                    file.write(content)
            except FileExistsError:
                return False
            return True
        self.files.makedirs(self.root, exist_ok=True)
        path = f"{self.root}/{name}"
        try:
            self.files.pipe_file(path, content, mode="create")
        except FileExistsError:
            return False
        except OSError:
            # some stores refuse such a write in words that fsspec does not know
            if self.exists(name):
                return False
            raise
        # a store that knows no "only if absent" lets the last of two writers win
        return self.read(name) == content
