"""What a process would compute with: its Python, its packages, and our own files.

Two processes with the same code hash and equal first two numbers of every version compute the
same, as far as this project is concerned. A third number (a fix) may differ, and so may what
follows a plus: a GPU's worker has another build of torch than the client.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OUR_PACKAGES = ("seisproc", "models", "tasks")
"""Whose files a worker may run."""

COMPARED = ("seisproc", "numpy", "scipy", "torch", "zarr", "numba", "dask", "distributed")
"""Packages whose versions must agree."""

NAMED_FILES = 5
"""How many differing files a message names."""


@dataclass(frozen=True)
class Installation:
    """What one process would compute with.

    Attributes
    ----------
    versions : dict
        Python and :data:`COMPARED` packages; None: not installed.
    files : dict
        Each of our files, ``seisproc/grid.py``, to the hash of its content.
    """

    versions: Mapping[str, str | None]
    files: Mapping[str, str]

    @property
    def code(self) -> str:
        """Hash of all our files."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{name} {content}\n".encode())
        return digest.hexdigest()[:16]


def installation() -> Installation:
    """Look at this very process's installation."""
    return Installation(_versions(), _files())


def code_hash() -> str:
    """Hash of the code that runs on workers: every Python file of ours.

    Two installations with the same hash compute the same, as far as this project is concerned.
    """
    return installation().code


def summary() -> tuple[dict[str, str | None], str]:
    """Versions and code hash: what is small enough to ask of a thousand workers."""
    own = installation()
    return dict(own.versions), own.code


@functools.cache
def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in COMPARED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _files() -> dict[str, str]:
    found = {}
    for package in OUR_PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*.py")):
                name = f"{package}/{path.relative_to(folder).as_posix()}"
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return found


def _series(version: str | None) -> str:
    """Return what of a version has to agree.

    >>> _series("2.13.0+cpu"), _series("3.11.7")
    ('2.13', '3.11')
    """
    return ".".join((version or "none").partition("+")[0].split(".")[:2])


def differing_versions(
    ours: Mapping[str, str | None], theirs: Mapping[str, str | None]
) -> list[str]:
    """Say for each package that must agree and does not what is there and what would be right.

    >>> differing_versions({"numpy": "2.4.6", "zarr": "3.1.6"}, {"numpy": "1.2.0", "zarr": "3.1.5"})
    ['numpy 1.2.0 instead of 2.4.6']
    """
    return [
        f"{name} {theirs.get(name) or 'missing'} instead of {version or 'none'}"
        for name, version in ours.items()
        if _series(version) != _series(theirs.get(name))
    ]


def differing_files(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Say which files differ, are missing there, or exist only there.

    >>> differing_files({"a.py": "1", "b.py": "2"}, {"a.py": "0", "c.py": "3"})
    ['a.py differs', 'b.py is missing', 'c.py is there only']
    """
    words = []
    for name in sorted({*ours, *theirs}):
        if name not in theirs:
            words.append(f"{name} is missing")
        elif name not in ours:
            words.append(f"{name} is there only")
        elif ours[name] != theirs[name]:
            words.append(f"{name} differs")
    return words


def difference(ours: Installation, theirs: Installation) -> str:
    """Say what differs between two installations, in one line; empty if nothing that matters."""
    words = differing_versions(ours.versions, theirs.versions)
    files = differing_files(ours.files, theirs.files)
    if len(files) > NAMED_FILES:
        files = [*files[:NAMED_FILES], f"and {len(files) - NAMED_FILES} more files"]
    return ", ".join([*words, *files])
