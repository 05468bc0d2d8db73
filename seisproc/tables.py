"""Nested scores as tables: whatever was measured, with the floors beside it.

Scores come as dictionaries in dictionaries. A dictionary whose entries have numbers under the same
names becomes one table, its entries the columns; entries named ``floor`` or ``floors`` are marked,
since a score says little without the score of knowing nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FLOOR_WORDS = ("floor", "floors", "baseline", "baselines")


@dataclass(frozen=True)
class Column:
    """Heading of a column of figures, and whether these are a floor's."""

    name: str
    floor: bool = False


@dataclass(frozen=True)
class Table:
    """A table ready to print: title, columns, and rows of a name and one text per column."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def tables(nested: Mapping[str, Any], title: str = "") -> tuple[Table, ...]:
    """Turn nested scores into tables, outermost first.

    Entries that are long lists, such as confusion matrices and calibration bins, are left to
    figures; None and NaN become a dash.

    Examples
    --------
    >>> scores = {"facies": {"model": {"mIoU": 0.8}, "floors": {"depth prior": {"mIoU": 0.6}}}}
    >>> [table] = tables(scores)
    >>> table.title, [column.name for column in table.columns], table.rows
    ('facies', ['model', 'depth prior'], (('mIoU', ('0.800', '0.600')),))
    """
    found: list[Table] = []
    plain = {key: value for key, value in nested.items() if _is_scalar(value)}
    columns, rest = _columns(nested)
    compared = bool(columns) and (len(columns) > 1 or not plain)
    if plain and columns and _shares(plain, columns):
        columns = {Column(readable(title) or "model"): plain, **columns}
        plain, compared = {}, True
    if plain:
        rows = tuple((readable(key), (text(value),)) for key, value in plain.items())
        found.append(Table(title, (Column("value"),), rows))
    if columns and compared:
        found.append(_compare(title, columns))
    elif columns:
        rest = {**rest, **{column.name: values for column, values in columns.items()}}
    for key, value in rest.items():
        found += tables(value, f"{title}: {readable(key)}" if title else readable(key))
    return tuple(found)


def text(value: Any) -> str:
    """One figure or word for a reader."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}" if 1e-3 <= abs(value) < 1000 or value == 0 else f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text(item) for item in value)
    return str(value)


def readable(key: str) -> str:
    """Turn a key into words: ``mean_iou`` becomes ``mean iou``."""
    return str(key).replace("_", " ")


def _columns(nested: Mapping[str, Any]) -> tuple[dict[Column, dict[str, Any]], dict[str, Any]]:
    """Split the dictionaries in ``nested`` into columns of figures and what lies deeper."""
    columns: dict[Column, dict[str, Any]] = {}
    rest: dict[str, Any] = {}
    for key, value in nested.items():
        if not isinstance(value, Mapping):
            continue
        floors = key.lower() in FLOOR_WORDS
        leaves = value if floors and _all_mappings(value) else {key: value}
        for name, entry in leaves.items():
            figures = {k: v for k, v in entry.items() if _is_scalar(v)}
            deeper = {k: v for k, v in entry.items() if isinstance(v, Mapping)}
            if figures:
                columns[Column(readable(name), floors or "floor" in str(name).lower())] = figures
            if deeper:
                rest[f"{name}" if not floors else f"{name} (floor)"] = deeper
    return columns, rest


def _compare(title: str, columns: Mapping[Column, Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    rows = tuple(
        (readable(name), tuple(text(values.get(name)) for values in columns.values()))
        for name in names
    )
    return Table(title, tuple(columns), rows)


def _shares(plain: Mapping[str, Any], columns: Mapping[Column, Mapping[str, Any]]) -> bool:
    return any(set(plain) & set(values) for values in columns.values())


def _is_scalar(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return 0 < len(value) <= 8 and all(isinstance(item, str | int) for item in value)
    return value is None or isinstance(value, str | int | float | bool)


def _all_mappings(value: Mapping[str, Any]) -> bool:
    return bool(value) and all(isinstance(item, Mapping) for item in value.values())
