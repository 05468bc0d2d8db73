"""Verdicts as a table: for the Prefect UI, a terminal and the report."""

from __future__ import annotations

from collections.abc import Sequence

from seisproc.gates.judge import HOLD, PASS, UNJUDGED, WARN, Verdict, figure
from seisproc.gates.known import GATES
from seisproc.report.tables import Column, Table

_ORDER = (HOLD, WARN, UNJUDGED, PASS)


def gate_rows(verdicts: Sequence[Verdict]) -> list[dict[str, str]]:
    """Rows with the same keys, the worst first: gate, outcome, value, limit and why.

    >>> from seisproc.gates import Measure, judge
    >>> gate_rows(judge([Measure("dead_traces", 0.0, "0 of 414 traces")]))  # doctest: +ELLIPSIS
    [{'gate': 'dead traces', 'outcome': 'pass', 'value': '0 %', 'limit': 'at most 5 %', 'why': ...
    """
    ordered = sorted(verdicts, key=lambda verdict: _ORDER.index(verdict.outcome))
    return [
        {"gate": _title(each), "outcome": each.outcome, "value": figure(each.value, _unit(each)),
         "limit": _limit(each), "why": each.sentence}
        for each in ordered
    ]  # fmt: skip


def gate_table(verdicts: Sequence[Verdict], title: str = "Quality gates") -> Table:
    """Return the same as the report prints its tables; the sentences stand in the last column."""
    rows = gate_rows(verdicts)
    heads = ("outcome", "value", "limit", "why")
    return Table(title, tuple(map(Column, heads)), tuple(
        (row["gate"], tuple(row[head] for head in heads)) for row in rows
    ))  # fmt: skip


def gate_markdown(verdicts: Sequence[Verdict]) -> str:
    """Return the same in Markdown, for what a held run shows to the one who releases it."""
    rows = gate_rows(verdicts)
    heads = list(rows[0]) if rows else ["gate", "outcome", "value", "limit", "why"]
    lines = [heads, ["---"] * len(heads), *([*row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _title(verdict: Verdict) -> str:
    gate = GATES.get(verdict.name)
    title = verdict.name.replace("_", " ") if gate is None else gate.title
    return f"{title}, {verdict.subject}" if verdict.subject else title


def _unit(verdict: Verdict) -> str:
    gate = GATES.get(verdict.name)
    return "" if gate is None else gate.unit


def _limit(verdict: Verdict) -> str:
    gate = GATES.get(verdict.name)
    if gate is None or verdict.limit is None:
        return "-"
    return f"at most {figure(verdict.limit, gate.unit)}"
