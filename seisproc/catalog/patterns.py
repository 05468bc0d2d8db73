"""Patterns among sources: which are some, where their files lie, which files they mean.

They mean what ingest takes them for (:mod:`seisproc.segy.patterns`), but for hidden files: names
that begin with a dot, which copying programs and desktops leave behind. A pattern means these only
where it has the dot itself.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable

from fsspec.utils import glob_translate

from seisproc.errors import ConfigError
from seisproc.places import shown

_ESCAPED = re.compile(r"\[([*?\[])\]")
"""What ``glob.escape`` makes of a sign that would be magic."""


def is_pattern(source: str) -> bool:
    """Whether a source stands for all files that match it; HTTP has no listings."""
    return glob.has_magic(source) and not source.startswith(("http://", "https://"))


def require_pattern(source: str) -> None:
    """Refuse a pattern that means nothing.

    Raises
    ------
    ConfigError
        If it can match no file.
    """
    if not is_pattern(source):
        return
    try:
        expression = glob_translate(source)
        if "[" in source:  # nothing else makes an expression that is none
            re.compile(expression)
    except ValueError as error:  # re.error is one too
        raise ConfigError(
            f"{shown(source)} is no pattern", found=str(error),
            expected="*, ? and [a-z] in names; ** only for folders, as in in/**/*.sgy",
        ) from None


def base_of(source: str) -> str:
    """Folder that all files of a source lie in or below.

    >>> base_of("/data/a/f3.sgy"), base_of("s3://b/*/line-?.sgy"), base_of("/in/line [[]2]/*.sgy")
    ('/data/a', 's3://b', '/in/line [2]')
    """
    folders = source.split("/")[:-1]
    if not is_pattern(source):
        return "/".join(folders)
    literal: list[str] = []
    for folder in folders:
        if glob.has_magic(_ESCAPED.sub("", folder)):
            break
        literal.append(_ESCAPED.sub(r"\1", folder))
    return "/".join(literal)


def below(source: str) -> list[str]:
    """Parts of a source below :func:`base_of`; of a file, or a pattern in one folder, one part."""
    return source.split("/")[base_of(source).count("/") + 1 :]


def is_flat(source: str) -> bool:
    """Whether all that a pattern can mean lies right in its folder."""
    parts = below(source)
    return len(parts) == 1 and "**" not in parts[0]


def names_hidden(source: str) -> bool:
    """Whether a source names a hidden file or folder below its base."""
    return any(part.startswith(".") for part in below(source))


def meant(source: str) -> Callable[[str], bool]:
    """Return what tells whether a pattern means a file that lies in or below its base."""
    matches, start = re.compile(glob_translate(source)).match, len(base_of(source))
    hidden = names_hidden(source)
    return lambda url: bool(matches(url)) and (hidden or "/." not in url[start:])
