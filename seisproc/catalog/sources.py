"""The files that an entry's sources mean, found by a look at where they lie."""

from __future__ import annotations

from seisproc.catalog.entry import Entry
from seisproc.catalog.files import FileVersion
from seisproc.catalog.look import Look
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


def sources_to_read(entry: Entry) -> list[str]:
    """Name the sources as ingest is to be given them: the very files that the catalogue counts.

    Ingest would take a pattern's hidden files too, and refuse a file that two patterns mean. Where
    a source has no files now, all stand as they were written: ingest says best what is wrong.
    """
    found, gone = files_of(entry, Look(entry.sources))
    return list(entry.sources) if gone else [file.url for file in found]


def is_as_seen(entry: Entry, seen: Seen | None) -> bool:
    """Whether an entry's files are all there now, just as the last scan saw them."""
    found, gone = files_of(entry, Look(entry.sources))
    return not gone and seen is not None and seen.is_current(found)
