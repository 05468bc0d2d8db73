"""Which trace lies where: a stacked survey, pre-stack gathers, a 2-D line, or flat traces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError
from seisproc.segy import scratch
from seisproc.segy.columns import Columns, read_columns
from seisproc.segy.coordinates import coordinate_pairs
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.floatwords import whole_floats
from seisproc.segy.geometry import (
    MAX_CELLS_PER_TRACE,
    THIN_FILL,
    Candidate,
    Cells,
    Evidence,
    distinct,
    judge,
    locate,
    usual_labels,
)
from seisproc.segy.layout import TRACE_IN_FILE, TRACE_IN_LINE, Field
from seisproc.segy.overrides import WORDS, HeaderOverrides
from seisproc.segy.path import follows_path, numbering
from seisproc.segy.search import ORIGIN, search, search_warning, worth_searching
from seisproc.segy.unstacked import (
    ONLY_STACKED,
    duplicates_error,
    no_geometry_error,
    recorded_gathers,
)

LINE_WORDS = ("cdp", "shot_point", "inline", "crossline")
FLAT_WORDS = ("field_record", "channel", "cdp", "offset")
PLACE_FIELDS = tuple(WORDS.values())

GATHER_FILL = 0.25
"""Offsets that fill less of the gathers than this do not make an axis; trace numbers then do."""

NEARLY_STACKED = 1.5
"""Line numbers that fewer traces a cell share are those of a stacked survey with duplicates."""

LEAST_NUMBERED = 0.8
"""Share of the traces of a 2-D line that have a CDP number of their own."""

MOST_REPEATS = 4
"""Traces of a 2-D line with the same shot point, on average, at most."""

_Judged = Sequence[tuple[Candidate, Evidence]]


@dataclass(frozen=True)
class _Words:
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
    words = _Words(columns, overrides)
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
        "prestack": lambda: _gathers(judged, columns, words, told=overrides.geometry == "prestack"),
        "2d": lambda: _line(judged, words, told=overrides.geometry == "2d"),
        "flat": lambda: _flat(judged, words, ("",)),
    }
    name = layouts[0].source.name + (" and others" if len(layouts) > 1 else "")
    if overrides.geometry is not None:
        found = ways[overrides.geometry]()
    elif shots is not None:
        warning = f"shot gathers, not stacked data: {shots}; kept as flat traces. {ONLY_STACKED}"
        found = ways["3d"]() or _flat(judged, words, (warning,))
    else:
        found = ways["3d"]() or ways["prestack"]()
        if found is None:
            line = ways["2d"]()
            _refuse_duplicates(name, judged, columns, sure=line is not None)
            found = (
                line
                or _path(layouts, judged, words, stated)
                or _without_geometry(judged, words)
            )
    if found is None:
        raise no_geometry_error(layouts, [evidence for _, evidence in judged])
    told = tuple(
        text for item, text in floats.items() if found.used == (item.inline, item.crossline)
    )
    return dataclasses.replace(found, warnings=(*found.warnings, *told))


def _stacked(
    judged: _Judged, columns: Columns, shots: str | None, overrides: HeaderOverrides
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
        evidence=_marked([evidence for _, evidence in judged], best),
        used=(item.inline, item.crossline),
        warnings=(search_warning(item),) if item.origin.startswith(ORIGIN) else (),
    )


def _shared(
    judged: _Judged, columns: Columns, overrides: HeaderOverrides
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
            evidence=_marked([evidence for _, evidence in judged], evidence),
            others=others,
            other_cells=cells.cell[others],
            used=(item.inline, item.crossline),
            warnings=(f"several traces lie in {int((counts > 1).sum()):,} cells: {kept}",),
        )
    return None


def _gathers(
    judged: _Judged, columns: Columns, words: _Words, told: bool
) -> Placement | None:
    """Make an axis of the offset, or of the number within the gather."""
    offsets = len(distinct(words["offset"])[0])
    # then gathers elsewhere, such as all traces of a CDP number, are crosslines seen end on
    stacked = any(item.trusted and _is_nearly_stacked(evidence) for item, evidence in judged)
    for item, evidence in judged:
        if stacked and not (item.trusted or told):
            continue
        regular = offsets > 1 or evidence.traces_per_cell.is_integer()
        single = _is_one_gather(item, evidence, columns, words)
        if not single and (evidence.verdict != "gathers" or not (regular or told)):
            continue
        if not (told or item.trusted or min(evidence.inlines, evidence.crosslines) > 1):
            # one number is the same everywhere: shots, or a line whose shot points repeat
            continue
        cells = locate(item, columns)
        name, labels, number = _gather_axis(cells, words)
        shape = (len(cells.inline), len(cells.crossline), len(labels))
        index = np.full(shape[0] * shape[1] * shape[2], -1, "int64")
        index[cells.cell * len(labels) + number] = np.arange(len(number))
        fold = f"{evidence.traces_per_cell:g} traces a cell"
        return Placement(
            kind="prestack",
            axes={"inline": cells.inline, "crossline": cells.crossline, name: labels},
            trace_index=index.reshape(shape),
            places=cells,
            evidence=_marked([evidence for _, evidence in judged], evidence),
            used=(item.inline, item.crossline),
            warnings=(f"pre-stack: {fold}, by {name.replace('_', ' ')}. {ONLY_STACKED}",),
        )
    return None


def _is_one_gather(
    item: Candidate, evidence: Evidence, columns: Columns, words: _Words
) -> bool:
    """Whether all traces are one cell's: its numbers are set, and each has an offset of its own."""
    if evidence.verdict != "unset" or not item.trusted:
        return False
    numbered = any(columns[word][0] != 0 for word in (item.inline, item.crossline))
    return numbered and len(distinct(words["offset"])[0]) == len(words["offset"])


def _is_nearly_stacked(evidence: Evidence) -> bool:
    return (
        evidence.verdict == "duplicates"
        and min(evidence.inlines, evidence.crosslines) > 1
        and evidence.traces_per_cell < NEARLY_STACKED
    )


def _gather_axis(
    cells: Cells, words: _Words
) -> tuple[str, NDArray[np.int32], NDArray[np.integer]]:
    """Axis of the traces within a gather: name, labels, index of every trace."""
    traces, occupied = len(cells.cell), len(np.unique(cells.cell))
    for name in ("offset", "gather_trace"):
        labels, number = distinct(words[name])
        if len(labels) > 1 and traces >= GATHER_FILL * occupied * len(labels):
            place_of = cells.cell * len(labels) + number
            if len(np.unique(place_of)) == traces:
                return name, labels.astype("int32"), number
    order = np.argsort(cells.cell, kind="stable")
    ordered = cells.cell[order]
    begins = np.flatnonzero(np.concatenate([[True], np.diff(ordered) > 0]))
    number = np.empty(traces, "int64")
    number[order] = np.arange(traces) - np.repeat(begins, np.diff([*begins, traces]))
    fold = int(number.max()) + 1
    if len(cells.inline) * len(cells.crossline) * fold > MAX_CELLS_PER_TRACE * traces + 1000:
        raise GeometryError(
            "The gathers are too uneven for a volume",
            found=f"up to {fold} traces a cell, {traces / occupied:.3g} on average",
            do="Give --geometry flat to keep the traces in file order",
        )
    return "gather_trace", np.arange(1, fold + 1, dtype="int32"), number


def _line(judged: _Judged, words: _Words, told: bool) -> Placement | None:
    """Take the traces for a 2-D line if some word numbers them.

    At bends a number may come twice; shot points do so all along a line.
    """
    traces = len(words["cdp"])
    names = ["cdp"]
    if len(distinct(words["offset"])[0]) == 1:
        names += ["shot_point"]
        if len(distinct(words["channel"])[0]) == 1:
            names += ["field_record"]
    for name in names:
        word = words.overrides.word(name)
        numbers = distinct(words.columns[word])[0]
        enough = traces * (LEAST_NUMBERED if name == "cdp" or len(names) == 1 else 1 / MOST_REPEATS)
        if traces > 1 and len(numbers) > 1 and usual_labels(numbers) and (
            len(numbers) == traces
            or (len(numbers) >= enough and _is_monotonic(words.columns[word]))
        ):
            told_word = f", numbered {numbers[0]} to {numbers[-1]} at byte {word.byte}"
            break
    else:
        if not told:
            return None
        told_word = ""
    warning = f"a 2-D line of {traces:,} traces{told_word}. {ONLY_STACKED}"
    return _in_file_order("2d", LINE_WORDS, judged, words, (warning,))


def _path(
    layouts: Sequence[FileLayout], judged: _Judged, words: _Words,
    stated: Sequence[tuple[Field, Field]],
) -> Placement | None:
    """Take traces for a 2-D line that only their own count numbers, if they follow a way."""
    if words.overrides.inline is not None or len(distinct(words["offset"])[0]) > 1:
        return None
    pairs = coordinate_pairs(words.columns, words.overrides, stated)
    pair = next((pair for pair in pairs if follows_path(words.columns, pair)), None)
    if pair is None:
        return None
    counters = (TRACE_IN_LINE, TRACE_IN_FILE)
    word = numbering(read_columns(layouts, counters), counters)
    if word is None:
        return None
    warning = (
        f"a 2-D line of {len(words['cdp']):,} traces, numbered by nothing but their count at byte "
        f"{word.byte}: the coordinates at bytes {pair[0].byte} and {pair[1].byte} follow one way; "
        f"give --geometry flat if it is none. {ONLY_STACKED}"
    )
    return _in_file_order("2d", LINE_WORDS, judged, words, (warning,))


def _is_monotonic(values: NDArray[np.signedinteger]) -> bool:
    """Whether numbers only rise or only fall, with repeats."""
    steps = [
        np.diff(values[part.start : part.stop + 1].astype("int64"))
        for part in scratch.blocks(len(values))
    ]
    return all((step >= 0).all() for step in steps) or all((step <= 0).all() for step in steps)


def _flat(judged: _Judged, words: _Words, warnings: tuple[str, ...]) -> Placement:
    return _in_file_order("flat", FLAT_WORDS, judged, words, tuple(filter(None, warnings)))


def _in_file_order(
    kind: str, names: tuple[str, ...], judged: _Judged, words: _Words,
    warnings: tuple[str, ...],
) -> Placement:
    every = np.arange(len(words["cdp"]), dtype="int64")
    varying = {
        "trace_offset" if name == "offset" else name: words[name].astype("int32")
        for name in names
        if len(every) == 1 or (words[name] != words[name][0]).any()
    }
    return Placement(
        kind=kind,
        axes={"trace": every},
        trace_index=every,
        places=Cells(np.zeros(1, "int32"), every.astype("int32"), every),
        evidence=tuple(evidence for _, evidence in judged),
        words=varying,
        warnings=warnings,
    )


def _without_geometry(judged: _Judged, words: _Words) -> Placement | None:
    """Take flat traces, unless the user said where the line numbers are."""
    if words.overrides.inline is not None:
        return None
    warning = (
        "no header words give the traces a place in a survey: kept as flat traces, in file order. "
        "If it is a 3-D survey, give --inline-byte and --crossline-byte"
    )
    return _flat(judged, words, (warning,))


def _refuse_duplicates(name: str, judged: _Judged, columns: Columns, sure: bool) -> None:
    """Refuse a survey with shared cells; ``sure``: only where the words are meant for lines."""
    for item, evidence in judged:
        if sure and not item.trusted and evidence.fill < THIN_FILL:
            continue
        if evidence.verdict == "duplicates" and min(evidence.inlines, evidence.crosslines) > 1:
            pair = (columns[item.inline], columns[item.crossline])
            raise duplicates_error(name, pair, evidence)


def _marked(evidence: Sequence[Evidence], best: Evidence) -> tuple[Evidence, ...]:
    return tuple(dataclasses.replace(item, chosen=item is best) for item in evidence)
