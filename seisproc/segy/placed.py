"""Where traces were found to lie, in whichever way: what the ways of placing them share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.columns import Columns
from seisproc.segy.geometry import Candidate, Cells, Evidence
from seisproc.segy.layout import Field
from seisproc.segy.overrides import HeaderOverrides

Judged = Sequence[tuple[Candidate, Evidence]]
"""Pairs of words, and what was seen at each."""


@dataclass(frozen=True)
class Words:
    """Columns by the names of :data:`WORDS`, wherever the user said they are."""

    columns: Columns
    overrides: HeaderOverrides

    def __getitem__(self, name: str) -> NDArray[np.signedinteger]:
        return self.columns[self.overrides.word(name)]


@dataclass(frozen=True, eq=False)
class Placement:
    """Where every trace of a survey lies.

    Attributes
    ----------
    kind : str
        ``3d``, ``prestack``, ``2d`` or ``flat``.
    axes : dict
        Lateral dimension -> labels, integers (n,).
    trace_index : int64 (one extent for each axis)
        Trace in file order that fills the cell, -1 where none does.
    places : Cells
        Place of every trace on the map.
    words : dict
        Further numbers of the traces of a line or of flat traces, int32 (trace,).
    others : int64 (n,)
        Traces that share a cell, whose samples the amplitude does not hold as they are.
    other_cells : int64 (n,)
        Flat index of the cell of each of these.
    used : tuple of Field
        Header words that hold line numbers, which are no coordinates as well.
    """

    kind: str
    axes: dict[str, NDArray[np.integer]]
    trace_index: NDArray[np.int64]
    places: Cells
    evidence: tuple[Evidence, ...]
    words: dict[str, NDArray[np.int32]] = dataclasses.field(default_factory=dict)
    others: NDArray[np.int64] = dataclasses.field(default_factory=lambda: np.empty(0, "int64"))
    other_cells: NDArray[np.int64] = dataclasses.field(
        default_factory=lambda: np.empty(0, "int64")
    )
    used: tuple[Field, ...] = ()
    warnings: tuple[str, ...] = ()


def marked(evidence: Sequence[Evidence], best: Evidence) -> tuple[Evidence, ...]:
    """Return all evidence, that of the chosen pair marked."""
    return tuple(dataclasses.replace(item, chosen=item is best) for item in evidence)
