"""Measures judged by limits: pass, warn or hold, each with a sentence for whoever has to decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seisproc.errors import SeisprocError
from seisproc.gates.known import DEFAULT_LIMITS, GATES, Gate, Limit, Limits
from seisproc.gates.measures import Measure, Measures

PASS, UNJUDGED, WARN, HOLD = OUTCOMES = ("pass", "not judged", "warn", "hold")
"""From the best to the worst; what cannot be measured holds nothing up, but is shown."""


@dataclass(frozen=True)
class Verdict:
    """What a gate says.

    Attributes
    ----------
    name, subject : str
        The gate; the network that it is about, or empty.
    outcome : str
        One of :data:`OUTCOMES`.
    value : float or None
        What was measured.
    limit : float or None
        The limit that was crossed; of a pass, the first that would be. None without any.
    sentence : str
        What was found, what was expected, what to look at.
    """

    name: str
    subject: str
    outcome: str
    value: float | None
    limit: float | None
    sentence: str


def judge(measures: Measures | Iterable[Measure], limits: Limits = DEFAULT_LIMITS
          ) -> tuple[Verdict, ...]:  # fmt: skip
    """Judge every measure by its limit, in their order.

    A value at its limit has not crossed it. What could not be measured, or has no gate of its name
    here, is ``not judged``.

    Parameters
    ----------
    measures : Measures, or an iterable of Measure
        What was measured.
    limits : mapping
        Gate -> limit; see :func:`seisproc.gates.known.limits_of`. A gate that is not in it never
        warns.

    Examples
    --------
    >>> [verdict] = judge([Measure("dead_traces", 0.25, "1 of 4 traces: inline 7")])
    >>> verdict.outcome, verdict.limit
    ('hold', 0.2)
    >>> print(verdict.sentence)  # doctest: +ELLIPSIS
    dead traces: 25 %; found: 1 of 4 traces: inline 7; expected: at most 20 %. Look at ...
    """
    return tuple(_verdict(each, limits.get(each.name, Limit())) for each in measures)


def worst(verdicts: Sequence[Verdict]) -> str:
    """Outcome of all together: ``hold`` if any holds, else ``warn`` if any warns, else ``pass``.

    >>> worst(judge([Measure("dead_traces", 0.1), Measure("clipped_samples", None)]))
    'warn'
    """
    found = max((OUTCOMES.index(verdict.outcome) for verdict in verdicts), default=0)
    return PASS if OUTCOMES[found] == UNJUDGED else OUTCOMES[found]


def _verdict(measure: Measure, limit: Limit) -> Verdict:
    gate, value = GATES.get(measure.name), measure.value
    subject = measure.subject
    if gate is None or value is None:
        title = f"{measure.name.replace('_', ' ')}{f' ({subject})' if subject else ''}"
        return Verdict(measure.name, subject, UNJUDGED, value, None,
                       f"{title if gate is None else _title(gate, subject)}: not judged"
                       + (f", {measure.found}" if measure.found else ""))
    for outcome, bound in ((HOLD, limit.hold), (WARN, limit.warn)):
        if bound is not None and value > bound:
            error = SeisprocError(
                f"{_title(gate, subject)}: {figure(value, gate.unit)}",
                found=measure.found or None,
                expected=f"at most {figure(bound, gate.unit)}",
                do=gate.do,
            )
            return Verdict(measure.name, subject, outcome, value, bound, str(error))
    first = limit.warn if limit.warn is not None else limit.hold
    told = f"{_title(gate, subject)}: {figure(value, gate.unit)}"
    if first is not None:
        told += f", at most {figure(first, gate.unit)}"
    return Verdict(measure.name, subject, PASS, value, first, told)


def _title(gate: Gate, subject: str) -> str:
    return f"{gate.title} for {subject}" if subject else gate.title


def figure(value: float | None, unit: str) -> str:
    """Write a value in its unit.

    >>> figure(0.0123, "%"), figure(0.0, "%"), figure(1.5, "dB"), figure(None, "dB")
    ('1.23 %', '0 %', '1.5 dB', '-')
    """
    if value is None:
        return "-"
    return f"{100 * value:.3g} %" if unit == "%" else f"{value:.3g} {unit}".rstrip()
