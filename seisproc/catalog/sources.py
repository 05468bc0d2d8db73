"""The files that an entry's sources mean, found by a look at where they lie."""

from __future__ import annotations

from seisproc.catalog.entry import Entry
from seisproc.catalog.files import FileVersion, Look
from seisproc.catalog.seen import Seen


def files_of(entry: Entry, look: Look) -> tuple[list[FileVersion], list[str]]:
    """Return the files of an entry in the order that ingest takes them, and sources without any."""
    found: dict[str, FileVersion] = {}
    gone = []
    for source in entry.sources:
        files = look.files_of(source)
        found |= {file.url: file for file in files}
        if not files:
            gone.append(source)
    return list(found.values()), gone


def is_as_seen(entry: Entry, seen: Seen | None) -> bool:
    """Whether an entry's files are all there now, just as the last scan saw them."""
    found, gone = files_of(entry, Look(entry.sources))
    return not gone and seen is not None and seen.is_current(found)
