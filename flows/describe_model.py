"""Models and their cards as text: tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flows.describe import Rows, by, facts, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from models.card import Card
    from models.reference import Model

LONGEST = 160
"""Characters of a value of the training's record; the rest is in the card itself."""

_LISTED = ("model", "version", "in production", "target", "network", "published", "sha256", "state")


def print_card(model: Model, console: Console | None = None) -> None:
    """Print a model's card: what it is, scores beside their floors, training, known failures."""
    from rich.console import Console

    console = console or Console()
    card = model.card
    scores, training = _scores(card.metrics), described(card.training)
    failures = [("-", told) for told in card.limitations] or [("-", "none is noted on the card")]
    if not console.is_terminal:
        parts = [plain(_rows(model)), "scores\n" + _aligned(scores)]
        parts += ["known failures\n" + "\n".join(f"- {told}" for _, told in failures)]
        parts += [f"learned from\n{plain(training)}"]
        print("\n\n".join(parts), file=console.file)
        return
    console.print(facts(_rows(model)))
    console.rule("scores", align="left")
    console.print(_table(scores))
    console.rule("known failures", align="left")
    console.print(facts(failures))
    console.rule("learned from", align="left")
    console.print(facts(training))


def print_shipped(models: Sequence[Model], console: Console | None = None) -> None:
    """Print the models that ship with the project, a line each."""
    rows = [("model", "target", "network", "window", "score", "floor", "sha256")]
    for model in models:
        card = model.card
        score, value, floor, _ = _scores(card.metrics)[1] if card.metrics else ("", "", "", "")
        rows.append((
            model.reference, card.target, card.network, by(card.window), f"{score} {value}".strip(),
            floor, model.sha256[:12],
        ))
    if not models:
        print("No model ships with this installation.")
        return
    _print(rows, console)


def print_registry(
    url: str, listed: Sequence[Mapping[str, Any]], console: Console | None = None
) -> None:
    """Print the versions of a registry's models, a line each."""
    rows = [_LISTED]
    rows += [
        (
            str(row["name"]),
            str(row["number"]),
            "yes" if row["production"] else "",
            str(row["target"]),
            str(row["network"]),
            str(row["published"]),
            str(row["sha256"])[:12],
            str(row["state"]),
        )
        for row in listed
    ]
    print(url)
    _print(rows, console)


def described(values: Mapping[str, Any]) -> Rows:
    """Say what a card holds of training, a row for each entry; long lists are cut short.

    >>> described({"config": {"steps": 40, "net": {"width": 8}}, "best_step": 20})
    [('config', 'steps 40, net (width 8)'), ('best step', '20')]
    """
    return [(str(key).replace("_", " "), _said(value)) for key, value in values.items()]


def _said(value: Any, nested: bool = False) -> str:
    if isinstance(value, Mapping):
        told = ", ".join(
            f"{str(key).replace('_', ' ')} {_said(inner, nested=True)}"
            for key, inner in value.items()
            if inner not in ("", None, [], {})
        )
        return f"({told})" if nested else told
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _rows(model: Model) -> Rows:
    from models.bundle import PICTURE
    from models.folder import Folder

    card = model.card
    version = [("version", str(model.version))] if model.version is not None else []
    picture = Folder(model.url).place(PICTURE)
    marked = [("threshold", f"{card.threshold:g}")] if card.target == "fault" else []
    return [
        ("model", card.name),
        *version,
        ("target", f"{card.target}: {', '.join(each.name for each in card.classes)}"),
        ("network", f"{card.network}{_arguments(card)}"),
        ("inputs", f"{', '.join(card.inputs)}; normalised: {card.normalisation}"),
        ("window", f"{by(card.window)}, {_others(card)}"),
        ("temperature", f"{card.temperature:.3g}"),
        *marked,
        ("weights", card.weights_dtype),
        ("licence", card.licence),
        ("where", model.url),
        *([("picture", picture)] if picture else []),
        ("sha256", model.sha256),
    ]


def _arguments(card: Card) -> str:
    told = ", ".join(f"{key} {value}" for key, value in card.arguments.items())
    return f" ({told})" if told else ""


def _others(card: Card) -> str:
    return "no other" if card.fixed_window else f"or multiples of {card.multiple}"


def _scores(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Scores beside their floors, with a heading; whatever form the card's maker gave them."""
    rows: list[tuple[str, ...]] = [("score", "value", "floor", "the floor is")]
    for name, entry in metrics.items():
        told = entry if isinstance(entry, Mapping) else {"value": entry}
        rows.append((
            name.replace("_", " "),
            _figure(told.get("value")),
            _figure(told.get("floor")),
            str(told.get("floor_name", "")),
        ))
    return rows


def _figure(value: Any) -> str:
    if isinstance(value, int | float) and math.isfinite(value):
        return f"{value:.3f}"
    return "" if value is None else str(value)


def _print(rows: Sequence[tuple[str, ...]], console: Console | None) -> None:
    from rich.console import Console

    console = console or Console()
    if console.is_terminal:
        console.print(_table(rows))
    else:
        print(_aligned(rows), file=console.file)


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(*rows[0], box=SIMPLE, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for row in rows[1:]:
        table.add_row(*(Text(cell) for cell in row))
    return table
