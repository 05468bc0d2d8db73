"""Scores of several models side by side, with the floors, as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seisproc.errors import ConfigError
from seisproc.scoring.tolerance import REACH

MORE, LESS, ONE = "more", "less", "one"
"""What is better: more, less, or as near to one as can be."""

Figures = tuple[tuple[str, str, str], ...]

FIGURES: Mapping[str, Figures] = {
    "facies": (
        ("mean_iou", "mean IoU", MORE),
        ("pixel_accuracy", "pixel accuracy", MORE),
        ("mean_class_accuracy", "mean class accuracy", MORE),
        ("frequency_weighted_iou", "frequency-weighted IoU", MORE),
        ("mean_f1", "mean F1", MORE),
        ("boundary_f1_within_1", "boundary F1 within 1", MORE),
        ("boundary_f1_within_2", "boundary F1 within 2", MORE),
        ("boundary_f1_within_5", "boundary F1 within 5", MORE),
        ("lateral_change_ratio", "lateral changes / labels'", ONE),
        ("false_lateral_changes", "false lateral changes", LESS),
        ("fragmentation", "pieces / labels'", ONE),
        ("order_violations", "order violations", LESS),
        ("ece", "calibration error", LESS),
        ("ece_rescaled", "calibration error, rescaled", LESS),
        ("uncertainty_auroc", "AUROC of uncertainty", MORE),
    ),
    "fault": (
        ("average_precision", "average precision", MORE),
        ("iou", "IoU", MORE),
        ("f1", "F1", MORE),
        *((f"f1_within_{t}", f"F1 within {t}", MORE) for t in range(1, REACH + 1)),
        (f"precision_within_{REACH}", f"precision within {REACH}", MORE),
        (f"recall_within_{REACH}", f"recall within {REACH}", MORE),
        *((f"best_f1_within_{t}", f"F1 within {t}, best threshold", MORE) for t in (2, REACH)),
        *((f"thinned_f1_within_{t}", f"F1 within {t}, thinned", MORE) for t in (2, REACH)),
        (f"thinned_best_f1_within_{REACH}", f"F1 within {REACH}, best threshold, thinned", MORE),
        ("ece", "calibration error", LESS),
        ("ece_rescaled", "calibration error, rescaled", LESS),
        ("uncertainty_auroc", "AUROC of uncertainty", MORE),
    ),
}
"""Figures of a table, by target: key, words, what is better."""


@dataclass(frozen=True)
class Row:
    """One figure of all columns; None where a column has none."""

    name: str
    better: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Comparison:
    """Models and floors of one target.

    Attributes
    ----------
    target : str
        ``facies`` or ``fault``.
    ground : str
        What was scored, in words.
    models, floors : tuple of str
        Columns, models first.
    rows : tuple of Row
        With a value for each column.
    """

    target: str
    ground: str
    models: tuple[str, ...]
    floors: tuple[str, ...]
    rows: tuple[Row, ...]


def compare(scores: Mapping[str, Mapping[str, Any]]) -> list[Comparison]:
    """Set scores of several models side by side.

    Parameters
    ----------
    scores : mapping
        Name of the model -> scores, as ``to_dict`` of an evaluation gives them.

    Returns
    -------
    list of Comparison
        One for each target that occurs.

    Raises
    ------
    ConfigError
        If the models were scored on different ground: other traces or other floors.
    """
    found = []
    for target in FIGURES:
        results = {name: value for name, value in scores.items() if target in value}
        if results:
            found.append(_compared(target, results))
    if not found:
        raise ConfigError("There are no scores to compare", found=", ".join(scores) or "nothing",
                          expected="scores of facies or faults, as `seisproc evaluate` writes them")
    return found


def _compared(target: str, scores: Mapping[str, Mapping[str, Any]]) -> Comparison:
    first = next(iter(scores))
    ground = _ground(scores[first])
    floors: dict[str, Mapping[str, Any]] = {}
    for name, value in scores.items():
        if _ground(value) != ground:
            raise _other_ground(first, name, ground, _ground(value))
        for floor, figures in value[target].get("floors", {}).items():
            known = floors.setdefault(floor, figures)
            differing = [key for key, _, _ in FIGURES[target] if figures.get(key) != known.get(key)]
            if differing:
                raise _other_ground(
                    first, name, *(f"{floor} {differing[0]} {f.get(differing[0])}"
                                   for f in (known, figures))
                )
    columns = [*(value[target] for value in scores.values()), *floors.values()]
    rows = [Row(words, better, tuple(_number(column.get(key)) for column in columns))
            for key, words, better in FIGURES[target]]
    rows += _class_rows(columns)
    return Comparison(target, ground, tuple(scores), tuple(floors),
                      tuple(row for row in rows if any(v is not None for v in row.values)))


def _class_rows(columns: Sequence[Mapping[str, Any]]) -> list[Row]:
    """IoU of each class, of models by name and of floors in the same order."""
    names = list(columns[0].get("classes", {}))
    rows = []
    for place, name in enumerate(names):
        values = []
        for column in columns:
            if "classes" in column:
                values.append(_number(column["classes"].get(name, {}).get("iou")))
            else:
                ious = column.get("class_iou", ())
                values.append(_number(ious[place]) if place < len(ious) else None)
        rows.append(Row(f"IoU {name}", MORE, tuple(values)))
    return rows


def _ground(scores: Mapping[str, Any]) -> str:
    part, traces = scores.get("part"), scores.get("traces", 0)
    if part == "sections":
        return f"{scores.get('sections')} sections, {traces:,} traces"
    return f"part {part}, {traces:,} traces"


def _other_ground(first: str, name: str, one: str, other: str) -> ConfigError:
    return ConfigError(
        f"{first} and {name} were not scored on the same ground", found=f"{one}; {other}",
        do="Evaluate all of them on the same sections, with the same labelled ones",
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def best_columns(row: Row, models: int) -> set[int]:
    """Which models are best in a row; empty where there is one model only.

    >>> best_columns(Row("pieces", ONE, (0.5, 1.2, 1.0)), models=2)
    {1}
    """
    known = {n: v for n, v in enumerate(row.values[:models]) if v is not None}
    if models < 2 or not known:
        return set()
    cost = {n: {MORE: -v, LESS: v, ONE: abs(v - 1)}[row.better] for n, v in known.items()}
    return {n for n, c in cost.items() if c == min(cost.values())}


def below_floor(row: Row, models: int) -> set[int]:
    """Which models do not beat the best floor, where more is better."""
    floors = [v for v in row.values[models:] if v is not None]
    if row.better != MORE or not floors:
        return set()
    return {n for n, v in enumerate(row.values[:models]) if v is not None and v <= max(floors)}


def markdown(comparisons: Sequence[Comparison]) -> str:
    """Write tables for people: the best model in bold, a dagger where a floor is as good."""
    lines = ["# Comparison", ""]
    for table in comparisons:
        count = len(table.models)
        names = [*map(_cell, table.models), *(f"{_cell(floor)} (floor)" for floor in table.floors)]
        lines += [f"## {table.target.capitalize()}: {table.ground}", "",
                  f"| | {' | '.join(names)} |", "|---" + "|---:" * len(names) + "|"]
        for row in table.rows:
            best, below = best_columns(row, count), below_floor(row, count)
            cells = [_text(value, n in best, n in below) for n, value in enumerate(row.values)]
            lines.append(f"| {_cell(row.name)}{_hint(row)} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join([*lines, "Bold: the best model. †: a floor is as good or better.", ""])


def _hint(row: Row) -> str:
    return {MORE: "", LESS: " (less is better)", ONE: " (1 is best)"}[row.better]


def _text(value: float | None, best: bool, below: bool) -> str:
    if value is None:
        return "–"
    text = (f"{value:.3f}" if value == 0 or abs(value) >= 1e-2 else f"{value:.2g}")
    text += "†" if below else ""
    return f"**{text}**" if best else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def table_csv(comparisons: Sequence[Comparison]) -> str:
    """Write one figure a line, for programs: target, figure, better, column, floor, value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["target", "figure", "better", "of", "floor", "value"])
    for table in comparisons:
        columns = [*((name, "no") for name in table.models), *((f, "yes") for f in table.floors)]
        for row in table.rows:
            for (name, floor), value in zip(columns, row.values, strict=True):
                text = "" if value is None else repr(value)
                writer.writerow([table.target, row.name, row.better, name, floor, text])
    return out.getvalue()
