"""What was last made of a survey, and everything that ever happened to it.

The record of a run is one file a survey, written by whoever holds the survey's lease. Events are
objects of their own that nobody rewrites; they are listed for one survey at a time.
"""

from __future__ import annotations

import dataclasses
import json
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from seisproc.atomic import write_atomic
from seisproc.catalog.documents import read_texts
from seisproc.catalog.files import list_folder
from seisproc.catalog.layout import Layout
from seisproc.errors import ConfigError

OUTCOMES = ("started", "done", "failed", "quarantined", "review", "released")
"""started
    A run is at work on it, or was and died.
done
    Everything that was asked for is there.
failed
    It did not work; trying again may help.
quarantined
    The source is bad; it is tried again when the source, or how it is read, has changed, or when a
    person releases it.
review
    It is held until a person releases it, or something that it depends on has changed: what it is
    made from, or the limits of the quality gate that holds it. Without a gate it is held where its
    store has to be made anew and labels would be lost with the old one.
released
    A person has let it go on from what quarantined or held it, and no run has begun since.
"""

RELEASED = "released"
"""Fact of a record: a person has let the survey go on as it is, from what held it."""


@dataclass(frozen=True)
class Record:
    """What was last made of a survey, and from what.

    Attributes
    ----------
    outcome : str
        One of :data:`OUTCOMES`.
    time : float
        Seconds since 1970.
    recipe : mapping
        What it was made from (:func:`seisproc.catalog.due.recipe_of`).
    reason : str
        Why it is not done.
    attempts : int
        Runs in a row that did not end with ``done``.
    store : str
        The survey store.
    fingerprint : str
        Of the store.
    run : str
        Where to look: the run's name, or a link.
    run_id : str
        Of the flow run: two catalogues may have runs of one name.
    facts : mapping
        Whatever else a run wants to tell: hours, volumes, links.
    """

    outcome: str
    time: float
    recipe: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    attempts: int = 0
    store: str = ""
    fingerprint: str = ""
    run: str = ""
    run_id: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ConfigError("no outcome of a run", found=self.outcome,
                              expected=", ".join(OUTCOMES))

    def to_json(self) -> str:
        """Write as text."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Record | None:
        """Read what :meth:`to_json` wrote; None for what it did not."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError, ConfigError):
            return None


@dataclass(frozen=True)
class Event:
    """Something that happened to a survey.

    Attributes
    ----------
    time : float
        Seconds since 1970.
    what : str
        ``added``, ``settled``, ``changed``, ``unreadable``, ``released``, ``skipped``, or an
        outcome.
    why : str
        In words.
    host : str
        Where.
    run : str
        By which run; empty for scan and for people.
    """

    time: float
    what: str
    why: str = ""
    host: str = ""
    run: str = ""


def tell(layout: Layout, name: str, event: Event) -> None:
    """Add an event to a survey's history."""
    moment = datetime.fromtimestamp(event.time, UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")
    told = dataclasses.replace(event, host=event.host or socket.gethostname())
    place = f"{layout.folder('history')}/{name}/{moment}-{uuid.uuid4().hex[:6]}.json"
    write_atomic(place, json.dumps(dataclasses.asdict(told)).encode())


def history(layout: Layout, name: str) -> list[Event]:
    """Everything that happened to a survey, the oldest first."""
    files = list_folder(f"{layout.folder('history')}/{name}")
    texts = read_texts({file.name: file.url for file in files if file.name.endswith(".json")})
    found = []
    for _, text in sorted(texts.items()):
        try:
            found.append(Event(**json.loads(text)))
        except (ValueError, TypeError):
            continue
    return sorted(found, key=lambda event: event.time)
