"""Columns and faults from plain values, as YAML and JSON hold them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from seisproc.errors import ConfigError
from seisproc.synthetic.column import Column, Fill, Unit
from seisproc.synthetic.faults import Fault

Part = TypeVar("Part", Unit, Fill, Fault)


def column_of(units: Sequence[Mapping[str, Any]]) -> Column:
    """Make a column of plain values.

    Parameters
    ----------
    units : sequence of mapping
        Oldest first. The keys are the fields of :class:`~seisproc.synthetic.column.Unit`; ``fills``
        holds mappings with those of :class:`~seisproc.synthetic.column.Fill`. Two numbers in a list
        are a range.

    Raises
    ------
    ConfigError
        Naming the unit and the key that is unknown, missing or no good.

    Examples
    --------
    >>> mud = {"code": 0, "shape": "sheet", "depth": 1.0, "relief": 0.0, "fills": [{"layers": 0.5}]}
    >>> column_of([mud])[0].fills[0].layers
    0.5
    """
    return tuple(_unit(unit, f"column: unit {n + 1}") for n, unit in enumerate(units))


def faults_of(faults: Sequence[Mapping[str, Any]]) -> tuple[Fault, ...]:
    """Make faults of plain values, whose keys are the fields of the fault, oldest first.

    Raises
    ------
    ConfigError
        Naming the fault and the key that is unknown, missing or no good.
    """
    return tuple(_build(Fault, fault, f"faults: fault {n + 1}") for n, fault in enumerate(faults))


def _unit(values: Any, where: str) -> Unit:
    if isinstance(values, Mapping) and "fills" in values:
        fills = values["fills"]
        if not isinstance(fills, Sequence) or isinstance(fills, str):
            raise ConfigError(f"{where}: fills", found=str(fills)[:60], expected="a list")
        made = [_build(Fill, fill, f"{where}, fill {n + 1}") for n, fill in enumerate(fills)]
        values = {**values, "fills": tuple(made)}
    return _build(Unit, values, where)


def _build(kind: type[Part], values: Any, where: str) -> Part:
    """Make one frozen value, and say whose it is where it is refused."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if not isinstance(values, Mapping):
        raise ConfigError(where, found=str(values)[:60], expected=f"the keys {', '.join(fields)}")
    strange = [str(name) for name in values if name not in fields]
    if strange:
        raise ConfigError(
            f"{where}: a key that is not known", found=strange[0], expected=", ".join(fields)
        )
    missing = [
        name for name, field in fields.items()
        if field.default is dataclasses.MISSING and name not in values
    ]
    if missing:
        raise ConfigError(f"{where}: no {missing[0]}", expected=", ".join(missing))
    told: dict[str, Any] = {
        str(name): tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
    try:
        return kind(**told)
    except ConfigError as error:
        raise ConfigError(
            f"{where}: {error.what}", found=error.found, expected=error.expected, do=error.do
        ) from None
    except (TypeError, ValueError):
        raise ConfigError(
            f"{where}: a value of the wrong kind",
            found=str(dict(values))[:100],
            expected="numbers, and two of them in a list where it is a range",
        ) from None
