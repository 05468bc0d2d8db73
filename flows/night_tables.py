"""What a night shows in the Prefect UI: what is due, what became of each survey, a summary."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seisproc.catalog.arrivals import Arrival, legible
from seisproc.catalog.due import STATES, Check
from seisproc.interpretation.pace import duration
from tasks.artifacts import link_to

MOST_ROWS = 500
"""Surveys that a table lists; of the others it says how many."""

UNREADABLE = "Quarantined by the scan, until the files or how they are read have changed"
"""Title above surveys that no release helps: their files say the same again."""

MOST_LINES, WIDEST = 50, 200
"""Surveys that the log names, and signs of what it says of one that was told of before."""

OUTCOMES = {"unreadable": "quarantined", "review": "held for review"}
"""States in the words of a receipt, where these are others."""

STUCK = ("no model", "missing", "invalid")
"""States that no night ends by itself."""


@dataclass(frozen=True)
class NightReceipt:
    """What a night did.

    Attributes
    ----------
    night : str
        Its date.
    processed, failed : int
        Surveys by what became of them.
    quarantined, review : int
        Surveys that are bad, as a scan or a run found, or held for a person, at the end: of this
        night or before.
    skipped : int
        Of the surveys that were asked for, those with nothing to do, those that nothing can be done
        for, and those that another run is at work on.
    not_done : int
        Surveys that are left for the next night: due when the window ended and not started, told to
        end then, or cancelled by a person.
    worker_hours : float
        Of all interpretations.
    voxels : int
        Of the surveys that were processed.
    seconds : float
        From beginning to end.
    """

    night: str
    processed: int
    failed: int
    quarantined: int
    review: int
    skipped: int
    not_done: int
    worker_hours: float
    voxels: int
    seconds: float


@dataclass(frozen=True)
class Row:
    """What became of one survey."""

    name: str
    outcome: str
    why: str
    seconds: float
    worker_hours: float = 0.0
    voxels: int = 0
    report: str = ""
    notes: tuple[str, ...] = ()


def due_rows(checked: Check) -> list[dict[str, Any]]:
    """List each survey that is not simply done, those that are due first."""
    rows = [
        {"survey": each.name, "due": "yes" if each.due else "", "state": each.state,
         "why": "; ".join(each.why)}
        for each in checked.verdicts
        if each.state != "done"
    ]
    done = sum(each.state == "done" for each in checked.verdicts)
    told = [{"survey": f"and {len(rows) - MOST_ROWS} more", "due": "", "state": "", "why": ""}]
    told = rows if len(rows) <= MOST_ROWS else [*rows[:MOST_ROWS], *told]
    if done:
        told.append({"survey": f"{done:,} others", "due": "", "state": "done",
                     "why": STATES["done"]})
    return told


def night_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """List each survey that was begun."""
    return [
        {"survey": row.name, "outcome": row.outcome, "took": duration(row.seconds),
         "worker hours": round(row.worker_hours, 3), "voxels": f"{row.voxels:,}",
         "why": "; ".join(filter(None, (row.why, *row.notes)))}
        for row in rows
    ]


def summary(
    receipt: NightReceipt,
    rows: Sequence[Row],
    not_done: Mapping[str, str],
    left: Mapping[str, str],
    checked: Check,
    arrivals: Sequence[Arrival] = (),
) -> str:
    """Sum up a night in Markdown, with links to reports.

    ``not_done`` and ``left`` are surveys that the next night does, and those that were asked for in
    vain, each with the reason.
    """
    lines = [
        f"**{receipt.processed} processed, {receipt.failed} failed, {receipt.quarantined}"
        f" quarantined, {receipt.review} held for review, {receipt.skipped} skipped** in"
        f" {duration(receipt.seconds)}; {receipt.worker_hours:.2f} worker hours,"
        f" {receipt.voxels:,} voxels.",
    ]
    for outcome, title in (("failed", "Failed"), ("quarantined", "Quarantined"),
                           ("unreadable", UNREADABLE), ("review", "Held for review")):
        those = [row for row in rows if row.outcome == outcome]
        if those:
            lines += ["", f"### {title}", "", *(f"- **{row.name}**: {row.why}" for row in those)]
    told = {row.name for row in rows}
    for title, reasons in (("Left for the next night", not_done), ("Left alone", left)):
        listed = [f"- **{name}**: {why}" for name, why in reasons.items() if name not in told]
        if listed:
            lines += ["", f"### {title}", "", *listed[:MOST_ROWS]]
            told |= reasons.keys()
    waiting = stuck(checked, arrivals)
    if waiting:
        lines += ["", "### Somebody has to look", "", *waiting[:MOST_ROWS]]
    reports = [row for row in rows if row.report]
    if reports:
        lines += ["", "### Reports", "",
                  *(f"- [{row.name}]({link_to(row.report)})" for row in reports)]
    others = [each for each in checked.verdicts if each.name not in told]
    states = Counter(each.state for each in others if each.state not in STUCK)
    if states:
        lines += ["", "### Others", "",
                  *(f"- {count} {state}: {STATES[state]}" for state, count in states.items())]
    return "\n".join(lines)


def unsaid(
    held: Sequence[Row], not_done: Mapping[str, str], said: Collection[str]
) -> list[str]:
    """Say in a line each which surveys wait for somebody or for the next night, for a log.

    Those in ``said`` are held too, and this night has told of them already.
    """
    lines = [f"{row.name}: {OUTCOMES.get(row.outcome, row.outcome)}: {_short(row)}"
             for row in held if row.name not in said]
    lines += [f"{name}: left for the next night: {why}" for name, why in not_done.items()]
    more = len(lines) - MOST_LINES
    told = f"and {more} more: `seisproc catalog list` names them"
    return lines if more <= 0 else [*lines[:MOST_LINES], told]


def _short(row: Row) -> str:
    why = row.why.removeprefix(f"{row.name} is held for review: ")
    return textwrap.shorten(why, WIDEST, placeholder=" ...")


def stuck(checked: Check, arrivals: Sequence[Arrival]) -> list[str]:
    """List what no night mends by itself: models and sources that are away, files without sense."""
    models = checked.broken_models
    told = {name for names in models.values() for name in names}
    lines = [f"- **{_several(names)}**: {why}" for why, names in models.items()]
    lines += [f"- **{each.name}**: {'; '.join(each.why) or STATES[each.state]}"
              for each in checked.verdicts if each.state in STUCK and each.name not in told]
    return lines + [f"- **{legible(each.source)}**: {each.why}"
                    for each in arrivals if each.state == "unreadable"]


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
