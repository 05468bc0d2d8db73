"""What a quality gate holds a survey by, and whether a person has changed that since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seisproc.errors import ConfigError
from seisproc.gates.known import GATES, limits_of

HELD_BY = "held_by"
"""Fact of a record: what held the survey, as :func:`held_by` tells it."""

COLUMN, ORDER = "column", "order_violations"
"""The setting that is no limit, and the gate that judges by it."""


def held_by(names: Iterable[str], *told: Mapping[str, Any]) -> dict[str, Any]:
    """Limits above which these gates hold; with the facies from top to bottom where that matters.

    Parameters
    ----------
    names : iterable of str
        Gates.
    told : mapping
        What the basin and the entry say of gates, in this order.

    Raises
    ------
    ConfigError
        If together they say what cannot be.

    Examples
    --------
    >>> held_by(["dead_traces", "noise"], {"noise": None}, {"column": ["top", "base"]})
    {'dead_traces': 0.2, 'noise': None}
    """
    limits = limits_of(*({k: v for k, v in each.items() if k != COLUMN} for each in told))
    found: dict[str, Any] = {name: limits[name].hold for name in names if name in GATES}
    if ORDER in found:
        said = [list(each[COLUMN]) for each in told if each.get(COLUMN)]
        found[COLUMN] = said[-1] if said else []
    return found


def changed_limits(was: Mapping[str, Any], *told: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what has changed of the limits that held a survey, a line each; nothing if nothing has.

    Parameters
    ----------
    was : mapping
        From :func:`held_by`, when it was held.
    told : mapping
        What the basin and the entry say of gates now, in this order.

    Examples
    --------
    >>> changed_limits({"dead_traces": 0.2, "noise": 2.0}, {}, {"dead_traces": {"hold": None}})
    ('gate limit changed: dead_traces 0.2 -> never',)
    """
    try:
        now = held_by(was, *told)
    except ConfigError as error:
        return (f"gate limits changed: {error}",)  # the run that comes of it says so again
    return tuple(
        f"gate limit changed: {name} {_figure(was[name])} -> {_figure(now.get(name))}"
        for name in was
        if was[name] != now.get(name)
    )


def _figure(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "the network's"
    return "never" if value is None else str(value)
