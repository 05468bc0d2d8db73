"""One look at the files of many sources, by as few listings as can be.

An inbox is searched once, which answers for all the sources in it. Other sources are looked at by
listing the folders that they lie in, side by side; a file that is alone in its folder is asked for
by itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from seisproc.catalog.files import STORE_ENDINGS, FileVersion, Tree, list_folder, look_at, search
from seisproc.catalog.patterns import base_of, is_flat, is_pattern, meant, names_hidden
from seisproc.errors import SeisprocError, one_line
from seisproc.places import is_remote, shown, without_secrets

LOOKERS = 32
FEW = 2
"""So many sources of one folder are asked for one by one; more are listed with it."""

Found = dict[str, FileVersion]
Answer = TypeVar("Answer")


class Look:
    """One look at many sources: files and patterns, some of them below folders that are searched.

    Parameters
    ----------
    sources : iterable of str
        Absolute paths and URLs, patterns too.
    folders : iterable of str
        Inboxes, searched with all folders below them.

    Attributes
    ----------
    troubles : dict
        Folder or source that could not be looked at -> why. The others are looked at all the same.
    """

    def __init__(self, sources: Iterable[str], folders: Iterable[str] = ()) -> None:
        self._trees: dict[str, Tree] = {}
        self._folders: dict[str, Found] = {}
        self._single: dict[str, FileVersion | None] = {}
        self.troubles: dict[str, str] = {}
        with ThreadPoolExecutor(LOOKERS) as lookers:

            def looked(function: Callable[[str], Answer], urls: list[str]) -> dict[str, Answer]:
                """Look at several places side by side, leaving out those that refuse."""
                answers = lookers.map(lambda url: self._tried(function, url), urls)
                found = zip(urls, answers, strict=True)
                return {url: answer for url, answer in found if answer is not None}

            def searched(roots: list[str]) -> None:
                for root, tree in looked(search, roots).items():
                    self._trees[root] = tree
                    self.troubles |= tree.refused
                    self._keep(tree.files)

            searched(sorted(set(folders)))
            deep, flat, single = self._plan(set(sources))
            # a file whose own name holds such signs is itself, as for ingest
            self._single = dict(looked(look_at, deep))
            searched(sorted({base_of(source) for source in deep if source not in self._single}))
            for files in looked(list_folder, flat).values():
                self._keep(files)
            self._single |= {**dict.fromkeys(single), **looked(look_at, single)}
        self._sorted = sorted(self._folders)

    def in_folder(self, folder: str) -> list[FileVersion]:
        """Files of a folder that was searched, sorted; none of one that refused."""
        return self._trees[folder].files if folder in self._trees else []

    def refused(self, folder: str) -> dict[str, str]:
        """Say which folders of one that was searched could not be listed, and why."""
        if folder in self._trees:
            return self._trees[folder].refused
        return {folder: self.troubles[folder]} if folder in self.troubles else {}

    def files_of(self, source: str) -> list[FileVersion]:
        """Files that a source means, sorted: one, those that match a pattern, or none."""
        if source in self._single:
            file = self._single[source]
            return [] if file is None else [file]
        itself = self._folders.get(source.rpartition("/")[0], {}).get(source)
        if itself is not None:
            return [itself]
        if not is_pattern(source):
            return []
        base, is_meant = base_of(source), meant(source)
        folders = [base] if is_flat(source) else self._below(base)
        known = (self._folders.get(folder, {}) for folder in folders)
        return sorted((file for found in known for url, file in found.items() if is_meant(url)),
                      key=lambda file: file.url)

    def why_not(self, source: str) -> str:
        """Say why a source has no files."""
        base = base_of(source)
        for place, why in self.troubles.items():
            if place in (source, base) or base.startswith(f"{place}/"):
                return why
        try:
            is_there = not is_remote(source) and Path(source).exists()
        except OSError as error:  # a name that is too long, a folder that may not be entered
            return str(error)
        if is_there:
            return f"{shown(source)} is there, but is neither a file nor a store"
        return f"{shown(source)} is not there"

    def _tried(self, function: Callable[[str], Answer], url: str) -> Answer | None:
        try:
            return function(url)
        except Exception as error:  # one place holds up no other, whatever a library raises
            plain = isinstance(error, SeisprocError | OSError)
            self.troubles[url] = without_secrets(str(error) if plain else one_line(error), url)
            return None

    def _keep(self, files: Iterable[FileVersion]) -> None:
        for file in files:
            self._folders.setdefault(file.url.rpartition("/")[0], {})[file.url] = file

    def _below(self, base: str) -> list[str]:
        """Folders with files that are a folder or lie below it, sorted."""
        start, end = (bisect_left(self._sorted, f"{base}{sign}") for sign in "/0")  # 0 follows /
        return ([base] if base in self._folders else []) + self._sorted[start:end]

    def _is_told(self, folder: str) -> bool:
        """Whether a search told what lies in a folder, or refused to."""
        above = folder
        while above:
            if above in self.troubles or (
                above in self._trees and self._trees[above].covers(folder)
            ):
                return True
            above = above.rpartition("/")[0]
        return False

    def _plan(self, sources: set[str]) -> tuple[list[str], list[str], list[str]]:
        """Choose what to search, what to list, and what to ask for by itself."""
        deep, flat, single = [], set(), []
        alone: dict[str, list[str]] = defaultdict(list)
        for source in sources:
            base = base_of(source)
            if source.endswith(STORE_ENDINGS) or source.startswith(("http://", "https://")):
                single.append(source)
            elif self._is_told(base) and not names_hidden(source):
                continue
            elif not is_pattern(source):
                alone[base].append(source)
            elif is_flat(source):
                flat.add(base)
            else:
                deep.append(source)
        for folder, files in alone.items():
            if len(files) > FEW or folder in flat:
                flat.add(folder)
            else:
                single += files
        return sorted(deep), sorted(flat), sorted(single)
