"""Tables of figures: on a terminal, as plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

WHOLE = 1000
"""From here on a figure needs no decimals."""


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that have the same keys; columns without any value are left out."""
    names = [name for name in (rows[0] if rows else {})
             if any(row[name] is not None for row in rows)]
    cells = [[figure(row[name]) for name in names] for row in rows]
    heads = [name.replace("_", " ") for name in names]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title, title_justify="left")
        for name in names:
            numeric = all(not isinstance(row[name], str) for row in rows)
            table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
        for line in cells:
            table.add_row(*line)
        Console().print(table)
        return
    click.echo(title)
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for line in (heads, *cells) if heads else ():
        told = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(told).rstrip())


def figure(value: Any) -> str:
    """Write a value in a cell.

    >>> figure(1234567), figure(0.123456), figure(23456.7), figure(None)
    ('1,234,567', '0.1235', '23,457', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= WHOLE else f"{value:,.4g}"
