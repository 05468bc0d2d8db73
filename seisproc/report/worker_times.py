"""Where the time of an interpretation went, a row a worker: for terminals, pages and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seisproc.interpretation.timeline import Timeline
from seisproc.report.tables import Column, Table

KINDS = ("load", "read", "infer", "blend", "write")
"""Kinds of work, in the order in which a region goes through them."""

SHOWN = 32
"""Workers that are shown one by one."""

ALL = "all"
"""Name of the row that adds up all workers."""


def timeline_of(attributes: Mapping[str, Any]) -> Timeline | None:
    """Read the timeline in an interpretation's attributes; None where older ones have none."""
    told = attributes.get("timeline")
    return Timeline.from_json(told) if told else None


def worker_rows(told: Timeline) -> list[dict[str, Any]]:
    """Say of each worker what it did, and last of all together.

    Returns
    -------
    Rows of ``worker``, ``steps``, ``from_s`` and ``to_s`` (seconds since the first step began),
    ``busy_s`` (short pauses count; of all, the seconds that are paid for), and the seconds of its
    threads in each of :data:`KINDS`. All but the first 32 workers are in the last row alone.

    >>> from seisproc.interpretation.timeline import timeline
    >>> told = timeline([{"worker": "a", "started": 0.0, "ended": 4.0, "seconds": {"infer": 3.0}}])
    >>> [(row["worker"], row["busy_s"], row["infer_s"]) for row in worker_rows(told)]
    [('a', 4.0, 3.0), ('all', 4.0, 3.0)]
    """
    every = list(told.workers.values())
    rows = [
        {
            "worker": name,
            "steps": each.steps,
            "from_s": round(each.busy[0][0], 1) if each.busy else None,
            "to_s": round(each.busy[-1][1], 1) if each.busy else None,
            "busy_s": round(each.total, 1),
            **{f"{kind}_s": round(each.seconds.get(kind, 0.0), 2) for kind in KINDS},
        }
        for name, each in list(told.workers.items())[:SHOWN]
    ]
    together = {
        "worker": ALL,
        "steps": sum(each.steps for each in every),
        "from_s": 0.0,
        "to_s": round(told.span, 1),
        "busy_s": round(told.worker_hours * 3600, 1),
        **{f"{kind}_s": round(sum(each.seconds.get(kind, 0.0) for each in every), 2)
           for kind in KINDS},
    }
    return [*rows, together]


def in_words(told: Timeline) -> str:
    """Say what an interpretation cost, and into what the time of its threads went.

    >>> from seisproc.interpretation.timeline import timeline
    >>> told = timeline([{"worker": "a", "started": 0.0, "ended": 36.0,
    ...                   "seconds": {"infer": 27.0, "read": 9.0}}])
    >>> in_words(told)
    '0.01 worker-hours of 1 worker in 36 s: 25 % read, 75 % infer'
    """
    together = worker_rows(told)[-1]
    spent = {kind: together[f"{kind}_s"] for kind in KINDS}
    total = sum(spent.values()) or 1.0
    shares = ", ".join(f"{100 * s / total:.0f} % {kind}" for kind, s in spent.items() if s)
    count = _count(told)
    cost = (f"{told.worker_hours:.3g} worker-hours of {count:,} worker{'s' if count != 1 else ''}"
            f" in {told.span:,.0f} s")
    return f"{cost}: {shares}" if shares else cost


def _count(told: Timeline) -> int:
    """Count the workers, those that are only added up included."""
    last = next(reversed(told.workers), "")
    added_up = last.removeprefix("and ").removesuffix(" others")
    if last == f"and {added_up} others" and added_up.isdigit():
        return len(told.workers) - 1 + int(added_up)
    return len(told.workers)


def worker_table(told: Timeline) -> Table:
    """Lay the rows of :func:`worker_rows` out for a report."""
    rows = worker_rows(told)
    names = [name for name in rows[0] if name != "worker"]
    return Table(
        "",
        tuple(Column(name.removesuffix("_s").replace("_", " ") + (" (s)" if name[-2:] == "_s" else
                                                                    "")) for name in names),
        tuple((row["worker"], tuple(_cell(row[name]) for name in names)) for row in rows),
    )


def _cell(value: Any) -> str:
    """Write a number of steps or of seconds.

    >>> _cell(1200), _cell(0.25), _cell(None)
    ('1,200', '0.2', '–')
    """
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
