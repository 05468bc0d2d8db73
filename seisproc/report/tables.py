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

LONGEST = 8
"""Longer lists are curves, and stay out of the tables."""

_SPELLING = {"iou": "IoU", "f1": "F1", "ece": "ECE", "auroc": "AUROC", "sha256": "SHA-256"}

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
    >>> scores = {"facies": {"mIoU": 0.8, "floors": {"depth prior": {"mIoU": 0.6}}}}
    >>> [table] = tables(scores)
    >>> table.title, [column.name for column in table.columns], table.rows
    ('facies', ['model', 'depth prior'], (('mIoU', ('0.800', '0.600')),))
    """
    nested = {key: _named(value) for key, value in nested.items()}
    series = _series(nested)
    plain = {k: value for k, value in nested.items() if _is_scalar(value) and k not in series}
    children = {key: value for key, value in nested.items() if isinstance(value, Mapping)}
    floors = _floors(children)
    leaves = {key: value for key, value in children.items() if _is_leaf(value)}
    names = _compared_names(floors, leaves)
    columns = {
        Column(readable(key), "floor" in key.lower()): value
        for key, value in leaves.items()
        if names & set(value) and not reliability_bins(value)
    }
    beside = {column.name for column in columns}
    if plain and names & set(plain):
        columns = {Column("model"): plain, **columns}
        plain = {}
    columns |= {Column(readable(key), floor=True): value for key, value in floors.items()}

    found: list[Table] = []
    if series:
        found.append(_by_place(title, series))
    if plain:
        rows = tuple((readable(key), (text(value),)) for key, value in plain.items())
        found.append(Table(title, (Column("value"),), rows))
    if columns:
        found.append(_compare(title, columns))
    for key, value in children.items():
        if readable(key) not in beside and not reliability_bins(value):
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
        return number(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text(item) for item in value)
    return str(value)


def number(value: float) -> str:
    """Write a float with four digits or so: no more than a reader can use.

    >>> number(11437.2), number(37.886), number(0.5), number(0.00004), number(0.0)
    ('11,437', '37.9', '0.500', '4e-05', '0')
    """
    size = abs(value)
    if value == 0:
        return "0"
    if 1000 <= size < 1e9:
        return f"{value:,.0f}"
    if 10 <= size < 1000:
        return f"{value:.1f}"
    return f"{value:.3f}" if 1e-3 <= size < 10 else f"{value:.3g}"


def readable(key: str) -> str:
    """Turn a key into words.

    >>> readable("mean_iou"), readable("f1_within_5"), readable("MTC")
    ('mean IoU', 'F1 within 5', 'MTC')
    """
    return " ".join(_SPELLING.get(word, word) for word in str(key).replace("_", " ").split(" "))


def reliability_bins(nested: Mapping[str, Any]) -> tuple[Any, Any, Any] | None:
    """Confidence, accuracy and counts of calibration bins, if ``nested`` holds them.

    Accuracy may be called frequency, as it is for faults, and counts may be called voxels.

    >>> reliability_bins({"ece": 0.1, "confidence": [0.5], "frequency": [0.6], "voxels": [9]})
    ([0.5], [0.6], [9])
    """
    confidence = nested.get("confidence")
    accuracy = nested.get("accuracy", nested.get("frequency"))
    counts = nested.get("counts", nested.get("voxels"))
    bins = (confidence, accuracy, counts)
    whole = all(isinstance(item, Sequence) and not isinstance(item, str) for item in bins)
    return bins if whole else None


def _named(value: Any) -> Any:
    """Make a list of mappings that bear names a mapping by name; keep anything else."""
    listed = isinstance(value, Sequence) and not isinstance(value, str) and value
    if not listed or not all(isinstance(item, Mapping) and "name" in item for item in value):
        return value
    return {
        str(item["name"]): {key: inner for key, inner in item.items() if key != "name"}
        for item in value
    }


def _floors(children: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Take the floors out of ``children``: each floor's name and its figures."""
    found: dict[str, dict[str, Any]] = {}
    for key in [key for key in children if key.lower() in FLOOR_WORDS]:
        inner = children.pop(key)
        named = inner if all(isinstance(item, Mapping) for item in inner.values()) else {key: inner}
        for name, values in named.items():
            found[name] = {k: v for k, v in values.items() if _is_scalar(v)}
            deeper = {k: v for k, v in values.items() if isinstance(v, Mapping)}
            if deeper:
                children[f"{name} (floor)"] = deeper
    return {name: values for name, values in found.items() if values}


def _compared_names(floors: Mapping[str, Any], leaves: Mapping[str, Any]) -> set[str]:
    """Names of figures that stand side by side: those of the floors, or of two leaves at least."""
    if floors:
        return {name for values in floors.values() for name in values}
    seen = [name for values in leaves.values() for name in values if _is_scalar(values[name])]
    return {name for name in seen if seen.count(name) > 1 or name == "floor"}


def _series(nested: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Find lists of figures that belong together: two at least, of one short length."""
    lists = {
        key: value
        for key, value in nested.items()
        if isinstance(value, Sequence) and not isinstance(value, str) and 1 < len(value) <= LONGEST
        and all(item is None or isinstance(item, int | float) for item in value)
    }
    alike = len({len(value) for value in lists.values()}) == 1
    return lists if alike and len(lists) > 1 else {}


def _by_place(title: str, series: Mapping[str, Sequence[Any]]) -> Table:
    """Set lists as columns, the first as the names of the rows."""
    first, *others = series
    rows = tuple(
        (f"{readable(first)} {text(name)}", tuple(text(series[key][place]) for key in others))
        for place, name in enumerate(series[first])
    )
    return Table(title, tuple(Column(readable(key)) for key in others), rows)


def _compare(title: str, columns: Mapping[Column, Mapping[str, Any]]) -> Table:
    """Figures in rows, their sources in columns; many sources without a floor stand in rows."""
    names = [
        name
        for name in dict.fromkeys(name for values in columns.values() for name in values)
        if any(_is_scalar(values.get(name)) and name in values for values in columns.values())
    ]
    own_floor = {"value", "floor"} <= set(names)
    if own_floor or (len(columns) > 2 and not any(column.floor for column in columns)):
        turned = tuple(
            (column.name, tuple(text(values.get(name)) for name in names))
            for column, values in columns.items()
        )
        headings = tuple(Column(readable(name), own_floor and "floor" in name) for name in names)
        return Table(title, headings, turned)
    rows = tuple(
        (readable(name), tuple(text(values.get(name)) for values in columns.values()))
        for name in names
    )
    return Table(title, tuple(columns), rows)


def _is_leaf(value: Mapping[str, Any]) -> bool:
    """Whether a mapping holds figures and nothing deeper."""
    deeper = any(isinstance(_named(item), Mapping) for item in value.values())
    return any(map(_is_scalar, value.values())) and not deeper and not _series(value)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return 0 < len(value) <= 4 and all(isinstance(item, str | int) for item in value)
    return value is None or isinstance(value, str | int | float | bool)
