"""Patterns such as ``line-*.sgy``, for the files of one survey, on any file system."""

from __future__ import annotations

import glob
from collections.abc import Sequence

from seisproc.errors import SegyError
from seisproc.places import is_remote, open_place, reaching, revealed, shown


def matching_files(sources: Sequence[str]) -> list[str]:
    """Replace patterns by the files that match them, in the order of their names.

    A file whose own name holds such signs is itself. HTTP has no listings, and ``?`` begins a
    query there: its URLs stand as they are.

    Raises
    ------
    SegyError
        If nothing matches a pattern.
    """
    found: list[str] = []
    for source in sources:
        url = revealed(str(source))
        found += _matches(url) if _is_pattern(url) else [str(source)]
    return found


def _is_pattern(url: str) -> bool:
    return glob.has_magic(url) and not url.startswith(("http://", "https://")) and "::" not in url


def _matches(url: str) -> list[str]:
    fs, path = open_place(url)
    with reaching(url):
        if fs.exists(path):
            return [url]
        files = sorted(str(name) for name in fs.glob(path) if fs.isfile(name))
    if not files:
        raise SegyError(
            f"{shown(url)}: no file matches this pattern", do="Check the folder and the pattern"
        )
    if not is_remote(url):
        return files
    return [f"{url.split('://', 1)[0]}://{name.lstrip('/')}" for name in files]
