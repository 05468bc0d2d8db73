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

HEADLINES = {
    "facies": (("mean IoU", "mean_iou"), ("pixel accuracy", "pixel_accuracy")),
    "fault": (("average precision", "average_precision"), ("F1 within 2 voxels", "f1_within_2")),
}
"""Figures of the final table, by target."""


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
        Console().print(_scores_table(scores))


def _made_table(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table("made", "where", "size", title="What was made", title_justify="left")
    for name, path in rows:
        table.add_row(name, _near(path), _size(path))
    return table


def _scores_table(scores: Mapping[str, Any]) -> Table:
    title = f"Scores on the {scores['part']} part ({scores['traces']:,} traces)"
    table = Table("target", "score", "model", "floors", title=title, title_justify="left")
    for target, figures in HEADLINES.items():
        for label, name in figures if target in scores else ():
            result = scores[target]
            floors = ", ".join(
                f"{floor} {_figure(values[name])}" for floor, values in result["floors"].items()
            )
            table.add_row(target, label, _figure(result[name]), floors)
        if target in scores:
            table.add_row(target, "calibration error", _figure(scores[target]["ece"]), "")
            table.add_row(
                target,
                "AUROC of uncertainty",
                _figure(scores[target]["uncertainty_auroc"]),
                "0.500",
            )
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
