"""A catalogue on a terminal, and as plain values."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from flows.describe import plain
from flows.tables import print_table
from seisproc.places import shown

if TYPE_CHECKING:
    from seisproc.catalog.arrivals import Arrival
    from seisproc.catalog.catalog import Catalog, Snapshot
    from seisproc.catalog.due import Check, Verdict
    from seisproc.catalog.history import Event
    from seisproc.catalog.reading import Scanned

_TITLES = {
    "added": "new surveys", "settled": "whole and read", "touched": "touched, same content",
    "unreadable": "unreadable", "waiting": "waiting", "missing": "missing",
    "known": "known already", "failed": "could not be looked at",
}


WIDEST = 100
"""Signs of a reason in a list."""


def print_scanned(found: Scanned, catalog: str) -> None:
    """Print what a scan found: a line for each thing worth telling."""
    for field, title in _TITLES.items():
        told = getattr(found, field)
        for each in sorted(told, key=str.lower):
            why = told[each] if isinstance(told, dict) else ""
            click.echo(f"{title:<22} {each}{f': {why}' if why else ''}")
    read = f"{found.hashed_bytes / 1e6:,.1f} MB hashed"
    click.echo(f"Scanned in {found.seconds:.1f} s, {read}. Next: seisproc catalog list {catalog}")


def listed(
    found: Check, chosen: Sequence[Verdict], arrivals: Sequence[Arrival]
) -> dict[str, Any]:
    """Surveys and arrivals as plain values."""
    return {
        "basin": found.snapshot.basin.title,
        "states": dict(Counter(each.state for each in found.verdicts)),
        "surveys": [_row(found.snapshot, each) for each in chosen],
        "arrivals": [
            {"source": shown(each.source), "state": each.state, "why": each.why,
             "bytes": each.seen.bytes}
            for each in arrivals
        ],
    }


def print_listed(found: Check, chosen: Sequence[Verdict], arrivals: Sequence[Arrival]) -> None:
    """Print surveys, what is due first, and what has arrived besides."""
    told = listed(found, chosen, arrivals)
    rows = [
        {
            "survey": row["name"],
            "state": f"{row['state']}{', at work' if row['at_work'] else ''}",
            "priority": row["priority"],
            "kind": row["kind"],
            "shape": " x ".join(map(str, row["shape"])) or None,
            "MB": None if row["bytes"] is None else row["bytes"] / 1e6,
            "why": _cut("; ".join(row["why"])),
        }
        for row in told["surveys"]
    ]
    counts = ", ".join(f"{count} {state}" for state, count in told["states"].items())
    title = f"{told['basin']}: {len(found.verdicts)} surveys" + (f", {counts}" if counts else "")
    print_table(title, rows)
    if arrivals:
        click.echo()
        print_table("Arrived, and no survey yet", [
            {"file": each["source"], "state": each["state"], "why": each["why"]}
            for each in told["arrivals"]
        ])


def _cut(text: str) -> str:
    """Keep a line short: `seisproc catalog show` has all of it."""
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 4].rstrip()} ..."


def _row(snapshot: Snapshot, verdict: Verdict) -> dict[str, Any]:
    seen, entry = snapshot.seen.get(verdict.name), snapshot.entries.get(verdict.name)
    content = None if seen is None else seen.content
    return {
        "name": verdict.name,
        "state": verdict.state,
        "due": verdict.due,
        "why": list(verdict.why),
        "priority": verdict.priority,
        "at_work": verdict.at_work,
        "kind": None if content is None else content.kind or None,
        "shape": [] if content is None else list(content.shape),
        "bytes": None if seen is None else seen.bytes,
        "store": None if entry is None else entry.store,
        "models": [] if entry is None else [shown(model) for model in entry.models],
    }


def survey_told(
    catalog: Catalog, snapshot: Snapshot, verdict: Verdict, events: Sequence[Event]
) -> dict[str, Any]:
    """All that is known of one survey, as plain values."""
    name = verdict.name
    entry, seen = snapshot.entries.get(name), snapshot.seen.get(name)
    record = snapshot.records.get(name)
    content = None if seen is None or seen.content is None else seen.content
    return {
        **_row(snapshot, verdict),
        "entry": catalog.layout.entry(name),
        "title": None if entry is None else entry.title,
        "crs": _crs(entry, content),
        "run": None if entry is None else entry.run,
        "note": None if entry is None else entry.note,
        "content": None if content is None else dataclasses.asdict(content),
        "files": [] if seen is None else [dataclasses.asdict(file) for file in seen.files],
        "record": None if record is None else dataclasses.asdict(record),
        "history": [dataclasses.asdict(event) for event in events],
    }


def _crs(entry: Any, content: Any) -> str | None:
    told = None if entry is None else entry.crs
    return told or (None if content is None else content.crs)


def print_survey(told: dict[str, Any]) -> None:
    """Print one survey: facts, files, history."""
    content = told["content"] or {}
    record = told["record"] or {}
    rows = [
        ("survey", told["name"] if told["title"] in (None, told["name"])
         else f"{told['name']}: {told['title']}"),
        ("state", told["state"] + (", a run is at work" if told["at_work"] else "")),
        *(("", line) for line in told["why"]),
        ("entry", told["entry"]),
        ("store", told["store"] or "-"),
        ("models", ", ".join(told["models"]) or "none"),
        ("priority", str(told["priority"])),
        ("holds", _holds(told)),
        ("CRS", told["crs"] or "not named"),
        ("last made", f"{_when(record['time'])}: {record['outcome']}" if record else "never"),
        ("note", told["note"] or ""),
        *(("odd", line) for line in content.get("warnings", ())),
    ]
    click.echo(plain([(title, text) for title, text in rows if text]))
    if told["files"]:
        click.echo()
        print_table("Files", [
            {"file": shown(file["url"]), "MB": file["size"] / 1e6,
             "written": _when(file["modified"]), "sha256": (file["sha256"] or "not yet")[:12]}
            for file in told["files"]
        ])
    if told["history"]:
        click.echo()
        print_table("History", [
            {"when": _when(event["time"]), "what": event["what"], "why": event["why"],
             "run": event["run"] or None}
            for event in told["history"]
        ])


def _holds(told: dict[str, Any]) -> str:
    content = told["content"] or {}
    if not content.get("kind"):
        return "not known yet" if not content else "nothing that can be read"
    shape = " x ".join(f"{extent:,}" for extent in content["shape"])
    traces = "" if content["traces"] is None else f", {content['traces']:,} traces"
    return f"{content['kind']}, {shape} in {content['domain']}{traces}"


def _when(seconds: float) -> str:
    """Write a time as people here read it."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
