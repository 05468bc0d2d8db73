"""What people say of a basin and of its surveys, read and checked: plain values from here on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seisproc.segy.overrides import HeaderOverrides
from seisproc.volumes.settings import VolumeSettings

Point = tuple[float, float]

QUIET_S = 60.0
"""A file that was the same for so long is whole."""

PATTERNS = ("*.sgy", "*.segy", "*.SGY", "*.SEGY")
"""Files that an inbox is searched for."""


@dataclass(frozen=True)
class Inbox:
    """A folder or bucket where new surveys arrive.

    Attributes
    ----------
    place : str
        Absolute path or URL.
    patterns : tuple of str
        Names of files that count, with ``*`` and ``?``.
    folders : bool
        All files in one folder make one survey; else each file does.
    told : mapping
        What entries of its surveys begin with: models, CRS, priority, ...
    """

    place: str
    patterns: tuple[str, ...] = PATTERNS
    folders: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Basin:
    """What holds for all surveys of a catalogue, unless an entry says otherwise.

    Attributes
    ----------
    title : str
        Name of the basin.
    stores : str
        Folder of the survey stores, absolute path or URL.
    inboxes : tuple of Inbox
        Where new surveys arrive.
    crs : str or None
        Coordinate reference system, such as ``EPSG:23031``.
    models : tuple of str
        Models to run, as people name them: references, not yet pinned.
    settings : mapping
        Settings of an interpretation, those that were given.
    gates : mapping
        Limits of the quality gates, those that were given.
    quiet_s : float
        A file that was the same for so long is whole.
    """

    title: str
    stores: str
    inboxes: tuple[Inbox, ...] = ()
    crs: str | None = None
    models: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    gates: Mapping[str, Any] = field(default_factory=dict)
    quiet_s: float = QUIET_S


@dataclass(frozen=True)
class Entry:
    """A survey of a catalogue, with what the basin says filled in.

    Attributes
    ----------
    name : str
        Its file's name without the ending.
    sources : tuple of str
        Absolute paths or URLs, patterns too; together they make one survey.
    store : str
        Where its survey store is or will be. A store that is the one source as well has been
        ingested already.
    title : str
        What people call it; its name if they said nothing.
    headers, volume
        How SEG-Y headers, or an array, are read.
    crs : str or None
        Coordinate reference system; the header's own counts where nobody says one.
    outline : tuple of (float, float)
        Corners on the map in the survey's CRS, over what the headers say.
    models : tuple of str
        Models to run, as people name them.
    run : str
        Name of the interpretation.
    settings : mapping
        Settings of the interpretation, those that are not the defaults.
    gates : mapping
        Limits of the quality gates, those that were given, over the basin's.
    priority : int
        Higher ones first.
    hold : str
        Why a person wants nothing done; empty: go on.
    note : str
        For people only.
    told : mapping
        The entry as it was written.
    """

    name: str
    sources: tuple[str, ...]
    store: str
    title: str = ""
    headers: HeaderOverrides = HeaderOverrides()
    volume: VolumeSettings = VolumeSettings()
    crs: str | None = None
    outline: tuple[Point, ...] = ()
    models: tuple[str, ...] = ()
    run: str = "main"
    settings: Mapping[str, Any] = field(default_factory=dict)
    gates: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    hold: str = ""
    note: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ingested(self) -> bool:
        """Whether the source is a survey store already, so that nothing is to be ingested."""
        return self.sources == (self.store,)

    @property
    def reading(self) -> dict[str, Any]:
        """How the source is read, as plain values: part of what a store is made from."""
        volume = {name: value for name, value in dict(self.told.get("volume") or {}).items()}
        return {"headers": self.headers.to_dict(), "volume": volume}


@dataclass(frozen=True)
class Broken:
    """An entry that cannot be read, why, and what it says; others go on."""

    name: str
    why: str
    text: str = ""
