"""What a person reads when a command has ended: what was made, how good it is, what to do next."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from flows.options import print_json

if TYPE_CHECKING:
    from flows.demo import DemoReceipt
    from flows.survey import SurveyReceipt
    from seisproc.scoring.comparison import Comparison

HEADLINES = {
    "facies": (("mean IoU", "mean_iou"), ("pixel accuracy", "pixel_accuracy")),
    "fault": (("average precision", "average_precision"), ("F1 within 2 voxels", "f1_within_2")),
}
"""Figures of the final table, by target."""

MORE = {
    "facies": (
        *HEADLINES["facies"],
        ("mean class accuracy", "mean_class_accuracy"),
        ("frequency-weighted IoU", "frequency_weighted_iou"),
        ("boundary F1 within 2", "boundary_f1_within_2"),
        ("lateral changes / labels'", "lateral_change_ratio"),
        ("pieces / labels'", "fragmentation"),
        ("order violations", "order_violations"),
    ),
    "fault": (
        *HEADLINES["fault"],
        ("F1 within 5 voxels", "f1_within_5"),
        ("same, best threshold", "best_f1_within_5"),
        ("same, thinned", "thinned_f1_within_5"),
        ("IoU", "iou"),
    ),
}
"""Figures of an evaluation's own table."""


def print_survey(receipt: SurveyReceipt, as_json: bool) -> None:
    """Print what ``seisproc run`` made."""
    if as_json:
        print_json(dataclasses.asdict(receipt))
        return
    console = Console()
    console.print(
        _made_table(
            [
                ("survey store", receipt.store),
                ("interpretation", receipt.interpretation),
                *((f"{Path(path).stem} as SEG-Y", path) for path in receipt.exports),
                ("report", receipt.report),
            ]
        )
    )
    console.print(_stages_line(receipt.stages))
    console.print(f"Look at it:  open {_near(receipt.report)}   |   seisproc ui")


def print_demo(receipt: DemoReceipt, as_json: bool) -> None:
    """Print what the demo made, its scores beside their floors, and what to do next."""
    if as_json:
        print_json(dataclasses.asdict(receipt))
        return
    console, folder = Console(), receipt.folder
    console.print(
        _made_table(
            [
                ("survey as SEG-Y", folder.source),
                ("survey store", folder.store),
                *((f"{model.target} model", model.url) for model in receipt.models),
                *((f"{Path(path).stem} as SEG-Y", path) for path in receipt.exports),
                ("report", folder.report),
            ]
        )
    )
    console.print("The exported amplitude equals the source file, byte for byte.")
    console.print(_scores_table(receipt.scores))
    console.print(_stages_line(receipt.stages))
    console.print(
        f"Look at it:       open {_near(folder.report)}\n"
        "History, logs:    seisproc ui  (or: make ui)\n"
        "Your own survey:  seisproc run FILE.sgy --output FOLDER"
    )


def print_scores(scores: Mapping[str, Any], as_json: bool) -> None:
    """Print an evaluation."""
    if as_json:
        print_json(scores)
    else:
        Console().print(_scores_table(scores, MORE))


def print_comparison(comparisons: Sequence[Comparison]) -> None:
    """Print the scores of several models side by side, with the floors."""
    for found in comparisons:
        title = f"{found.target.capitalize()}: {found.ground}"
        floors = [f"{floor} (floor)" for floor in found.floors]
        table = Table("score", *found.models, *floors, title=title, title_justify="left")
        for row in found.rows:
            table.add_row(row.name, *map(_figure, row.values))
        Console().print(table)


def _made_table(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table("made", "where", "size", title="What was made", title_justify="left")
    for name, path in rows:
        table.add_row(name, _near(path), _size(path))
    return table


def _scores_table(
    scores: Mapping[str, Any], shown: Mapping[str, Sequence[tuple[str, str]]] = HEADLINES
) -> Table:
    where = f"the {scores['part']} part"
    if scores["part"] == "sections":
        where = f"{scores['sections']} sections"
    title = f"Scores on {where} ({scores['traces']:,} traces)"
    table = Table("target", "score", "model", "floors", title=title, title_justify="left")
    for target, figures in shown.items():
        result = scores.get(target, {})
        for label, name in figures:
            if name not in result:
                continue
            floors = ", ".join(
                f"{floor} {_figure(values.get(name))}" for floor, values in result["floors"].items()
            )
            table.add_row(target, label, _figure(result[name]), floors)
        if result:
            table.add_row(target, "calibration error", _figure(result["ece"]), "")
            if "ece_rescaled" in result and shown is MORE:
                label = f"same, at temperature {result['temperature']:.2f}"
                table.add_row(target, label, _figure(result["ece_rescaled"]), "")
            table.add_row(target, "AUROC of uncertainty", _figure(result["uncertainty_auroc"]),
                          "0.500")
    return table


def _stages_line(stages: Sequence[Mapping[str, Any]]) -> str:
    total = sum(stage["seconds"] for stage in stages)
    each = ", ".join(f"{stage['stage']} {stage['seconds']:.1f}" for stage in stages)
    return f"Stages: {each}; {total:.0f} s in all."


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _near(path: str) -> str:
    """Path relative to the working folder where it lies in it."""
    if "://" in path:
        return path
    file = Path(path)
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else path


def _size(path: str) -> str:
    if "://" in path:
        return ""
    file = Path(path)
    files = file.rglob("*") if file.is_dir() else [file]
    size = sum(entry.stat().st_size for entry in files if entry.is_file())
    return f"{size / 1e6:,.2f} MB"
