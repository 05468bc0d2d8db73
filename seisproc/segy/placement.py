"""Which trace lies where: a stacked survey, pre-stack gathers, a 2-D line, or flat traces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from seisproc.segy.columns import Columns
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.floatwords import whole_floats
from seisproc.segy.gathers import in_gathers
from seisproc.segy.geometry import THIN_FILL, Candidate, judge, locate
from seisproc.segy.layout import Field
from seisproc.segy.lines import along_path, in_order, on_line, without_geometry
from seisproc.segy.overrides import WORDS, HeaderOverrides
from seisproc.segy.placed import Judged, Placement, Words, marked
from seisproc.segy.search import ORIGIN, search, search_warning, worth_searching
from seisproc.segy.unstacked import (
    ONLY_STACKED,
    duplicates_error,
    no_geometry_error,
    recorded_gathers,
)

PLACE_FIELDS = tuple(WORDS.values())


def place(
    layouts: Sequence[FileLayout],
    columns: Columns,
    candidates: Sequence[Candidate],
    overrides: HeaderOverrides,
    stated: Sequence[tuple[Field, Field]] = (),
) -> Placement:
    """Find what the files hold and where each trace lies, or what they were said to hold.

    ``stated`` are pairs of words that the text header names for the coordinates.

    Raises
    ------
    GeometryError
        If the traces look like a survey but do not make one.
    """
    words = Words(columns, overrides)
    shots = recorded_gathers(words["field_record"], words["channel"], words["offset"])
    columns = dict(columns)
    floats: dict[Candidate, str] = {}
    for item in candidates:
        if item.trusted:
            floats |= whole_floats(item, columns)
    judged = [(item, judge(item, columns)) for item in candidates]
    if shots is None and overrides.geometry in (None, "3d") and worth_searching(judged):
        found_pairs, more = search(layouts)
        columns = {**columns, **more}
        judged += [(item, judge(item, columns)) for item in found_pairs]
    ways: dict[str, Callable[[], Placement | None]] = {
        "3d": lambda: (
            _stacked(judged, columns, shots, overrides) or _shared(judged, columns, overrides)
        ),
        "prestack": lambda: in_gathers(
            judged, columns, words, told=overrides.geometry == "prestack"
        ),
        "2d": lambda: on_line(judged, words, told=overrides.geometry == "2d"),
        "flat": lambda: in_order(judged, words, ("",)),
    }
    name = layouts[0].source.name + (" and others" if len(layouts) > 1 else "")
    if overrides.geometry is not None:
        found = ways[overrides.geometry]()
    elif shots is not None:
        warning = f"shot gathers, not stacked data: {shots}; kept as flat traces. {ONLY_STACKED}"
        found = ways["3d"]() or in_order(judged, words, (warning,))
    else:
        found = ways["3d"]() or ways["prestack"]()
        if found is None:
            line = ways["2d"]()
            _refuse_duplicates(name, judged, columns, sure=line is not None)
            found = (
                line
                or along_path(layouts, judged, words, stated)
                or without_geometry(judged, words)
            )
    if found is None:
        raise no_geometry_error(layouts, [evidence for _, evidence in judged])
    told = tuple(
        text for item, text in floats.items() if found.used == (item.inline, item.crossline)
    )
    return dataclasses.replace(found, warnings=(*found.warnings, *told))


def _stacked(
    judged: Judged, columns: Columns, shots: str | None, overrides: HeaderOverrides
) -> Placement | None:
    """Take the best pair of line numbers that gives every trace a cell of its own."""
    usable = []
    for item, evidence in judged:
        trusted = item.trusted or overrides.geometry == "3d"
        # one line number everywhere is a 2-D line, unless the words are meant for 3-D
        doubtful = shots is not None or evidence.verdict == "section"
        if evidence.verdict in ("3d", "section") and (trusted or not doubtful):
            usable.append((item, evidence))
    if not usable:
        return None
    item, best = max(usable, key=lambda entry: entry[1].score)
    cells = locate(item, columns)
    return Placement(
        kind="3d",
        axes={"inline": cells.inline, "crossline": cells.crossline},
        trace_index=cells.trace_index(),
        places=cells,
        evidence=marked([evidence for _, evidence in judged], best),
        used=(item.inline, item.crossline),
        warnings=(search_warning(item),) if item.origin.startswith(ORIGIN) else (),
    )


def _shared(
    judged: Judged, columns: Columns, overrides: HeaderOverrides
) -> Placement | None:
    """Settle cells that several traces claim, where the user said how."""
    if overrides.duplicates not in ("first", "mean"):
        return None
    verdicts = ("duplicates", "gathers") if overrides.geometry == "3d" else ("duplicates",)
    for item, evidence in judged:
        if evidence.verdict not in verdicts or min(evidence.inlines, evidence.crosslines) < 2:
            continue
        cells = locate(item, columns)
        taken, first, counts = np.unique(cells.cell, return_index=True, return_counts=True)
        index = np.full(len(cells.inline) * len(cells.crossline), -1, "int64")
        index[taken] = first
        shared = np.ones(len(cells.cell), bool)
        shared[first if overrides.duplicates == "first" else first[counts == 1]] = False
        others = np.flatnonzero(shared)
        kept = "the first is kept" if overrides.duplicates == "first" else "their mean is taken"
        return Placement(
            kind="3d",
            axes={"inline": cells.inline, "crossline": cells.crossline},
            trace_index=index.reshape(len(cells.inline), len(cells.crossline)),
            places=cells,
            evidence=marked([evidence for _, evidence in judged], evidence),
            others=others,
            other_cells=cells.cell[others],
            used=(item.inline, item.crossline),
            warnings=(f"several traces lie in {int((counts > 1).sum()):,} cells: {kept}",),
        )
    return None


def _refuse_duplicates(name: str, judged: Judged, columns: Columns, sure: bool) -> None:
    """Refuse a survey with shared cells; ``sure``: only where the words are meant for lines."""
    for item, evidence in judged:
        if sure and not item.trusted and evidence.fill < THIN_FILL:
            continue
        if evidence.verdict == "duplicates" and min(evidence.inlines, evidence.crosslines) > 1:
            pair = (columns[item.inline], columns[item.crossline])
            raise duplicates_error(name, pair, evidence)


