"""Look for line numbers in all header words, where no pair that software usually writes fits.

Counters of shots, channels and gathers make full grids too. So a pair is believed only if it fills
its grid, looks like line numbers, agrees with coordinates, and nothing speaks of unstacked data.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.segy.columns import Columns, read_columns
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.geometry import Candidate, Evidence, distinct, judge, usual_labels
from seisproc.segy.layout import (
    CDP,
    CHANNEL,
    FIELD_RECORD,
    GROUP_X,
    GROUP_Y,
    OFFSET,
    SHOT_POINT,
    SOURCE_X,
    SOURCE_Y,
    TRACE_HEADER_BYTES,
    TRACE_IN_ENSEMBLE,
    TRACE_IN_FILE,
    TRACE_IN_LINE,
    Field,
    trace_words,
)
from seisproc.segy.witnesses import (
    COORDINATES,
    FEWEST_LINES,
    agrees_with_coordinates,
    is_coordinate,
    overlap,
)

ORIGIN = "search of all header words"
PRIORS = (0.45, 0.35, 0.25)
"""Below the usual pairs', above coordinates taken for line numbers; the likeliest pair first."""

FULL = 0.9
"""Share of the cells that must hold a trace before an unknown pair is believed."""

DENSE = 0.5
"""Share of the evenly spaced numbers between the first and the last line that must occur."""

SPARSE = 0.3
"""A usual pair that fills less of its grid is doubted."""

CHUNK = 256
CHUNKS = 64
"""Traces of a sample, together, and how many such runs are taken evenly from all traces."""

MOST_WORDS = 40
MOST_PAIRS = 24


LARGEST_COORDINATE_LABEL = 100_000
COARSEST_COORDINATE_STEP = 10
"""Coordinate words hold line numbers only if these are small: eastings are large and coarse."""

_COUNTERS = (TRACE_IN_LINE, CHANNEL, TRACE_IN_ENSEMBLE, OFFSET)
_TIME_STAMP = tuple(Field(byte, "i2") for byte in range(157, 167, 2))
_LINES_ELSEWHERE = tuple(
    itertools.combinations(
        (TRACE_IN_FILE, FIELD_RECORD, CHANNEL, SHOT_POINT, CDP, TRACE_IN_ENSEMBLE), 2
    )
)
"""Words that hold line numbers in some software's files, and mean something else."""

_UNSTACKED = ((FIELD_RECORD, CHANNEL), (SHOT_POINT, CHANNEL), (CDP, TRACE_IN_ENSEMBLE))


def worth_searching(judged: Sequence[tuple[Candidate, Evidence]]) -> bool:
    """Whether no pair that was judged is a convincing survey, nor one that is merely flawed."""
    if all(item.told for item, _ in judged):
        return False
    for item, evidence in judged:
        thick = min(evidence.inlines, evidence.crosslines) > 1
        if item.told and evidence.verdict in ("3d", "section"):
            return False
        if evidence.verdict == "3d" and item.inline not in COORDINATES:
            if evidence.fill >= (SPARSE / 3 if item.trusted else SPARSE):
                return False
        if item.trusted and thick and evidence.verdict in ("duplicates", "gathers"):
            return False
    return True


def search(layouts: Sequence[FileLayout]) -> tuple[tuple[Candidate, ...], Columns]:
    """Find pairs of header words that number the traces of a full, stacked 3-D survey.

    Every 2- and 4-byte word that starts at an odd byte (from 1) is looked at: on a sample of the
    traces first, then, where it varies like a line number, on all of them.

    Parameters
    ----------
    layouts : sequence of FileLayout
        The files of one survey.

    Returns
    -------
    candidates : tuple of Candidate
        Likeliest first, none where nothing is convincing.
    columns : dict
        Their words, int (trace,).
    """
    traces = sum(layout.trace_count for layout in layouts)
    if traces < FEWEST_LINES**2:
        return (), {}
    shortlist = _varying(layouts)
    witnesses = {*COORDINATES, OFFSET, *itertools.chain(*_UNSTACKED, *_LINES_ELSEWHERE)}
    columns = read_columns(layouts, [*shortlist, *witnesses])
    counted = _located_counters(columns)
    if counted:
        return counted, {}
    if _looks_unstacked(columns):
        return (), {}
    words = [word for field in shortlist if (word := _line_word(field, columns)) is not None]
    pairs = [
        pair
        for pair in itertools.combinations(sorted(words, key=lambda word: word.field.byte), 2)
        if _may_be_lines(*pair, traces)
    ]
    found: list[Candidate] = []
    for first, second in sorted(pairs, key=_liking)[:MOST_PAIRS]:
        candidate = Candidate(first.field, second.field, ORIGIN, PRIORS[len(found)])
        evidence = judge(candidate, columns)
        if evidence.verdict == "3d" and agrees_with_coordinates(candidate, columns):
            found.append(candidate)
        if len(found) == len(PRIORS):
            break
    used = {field for item in found for field in (item.inline, item.crossline)}
    return tuple(found), {field: columns[field] for field in used}


def search_warning(item: Candidate) -> str:
    """Say that a pair was found by search, and how to name another one."""
    return (
        "no usual header words hold line numbers: the pair at bytes "
        f"{item.inline.byte} and {item.crossline.byte} was found by a {ORIGIN}; give "
        "--inline-byte and --crossline-byte if it is another one"
    )


@dataclass(frozen=True, eq=False)
class _LineWord:
    """A header word that varies like a line number, and its labels, int64 (n,), rising."""

    field: Field
    labels: NDArray[np.int64]

    @property
    def counts(self) -> bool:
        """Whether it counts 0, 1, 2, ... or 1, 2, 3, ..."""
        return bool(self.labels[0] in (0, 1) and self.labels[-1] - self.labels[0] == len(self) - 1)

    def __len__(self) -> int:
        return len(self.labels)


def _varying(layouts: Sequence[FileLayout]) -> list[Field]:
    """Words that vary in a sample, one of each set of equals, the likelier first."""
    samples = [(layout, _sample(layout)) for layout in layouts]
    fields = [
        Field(byte, kind)
        for kind, last in (("i4", TRACE_HEADER_BYTES - 3), ("i2", TRACE_HEADER_BYTES - 1))
        for byte in range(1, last + 1, 2)
    ]
    fields.sort(key=lambda field: ((field.byte - 1) % field.size != 0, -field.size))
    kept: dict[bytes, Field] = {}
    for field in fields:
        if _excluded(field):
            continue
        values = np.concatenate([
            trace_words(headers, field, layout.byte_order) for layout, headers in samples
        ]).astype("int64")
        if (values != values[0]).any() and usual_labels(np.unique(values)):
            kept.setdefault(values.tobytes(), field)
    return list(kept.values())[:MOST_WORDS]


def _sample(layout: FileLayout) -> NDArray[np.uint8]:
    """Headers of runs of traces, evenly spread, uint8 (trace, header byte)."""
    if layout.trace_count <= CHUNK * CHUNKS:
        return np.ascontiguousarray(layout.headers(0, layout.trace_count))
    starts = np.linspace(0, layout.trace_count - CHUNK, CHUNKS).astype(int).tolist()
    return np.concatenate([layout.headers(start, start + CHUNK) for start in starts])


def _excluded(field: Field) -> bool:
    """Whether a word holds, or overlaps, what counts traces within a gather, or the time of day."""
    return any(overlap(field, word) for word in (*_COUNTERS, *_TIME_STAMP))


def _looks_unstacked(columns: Columns) -> bool:
    """Offsets, receivers away from sources, or counters of shots and channels in a full grid."""
    if np.ptp(columns[OFFSET]):
        return True
    apart = any(
        np.ptp(columns[source]) and np.ptp(columns[group])
        and (columns[source] != columns[group]).any()
        for source, group in ((SOURCE_X, GROUP_X), (SOURCE_Y, GROUP_Y))
    )
    counted = [judge(Candidate(*pair, "", 0), columns) for pair in _UNSTACKED]
    return apart or any(item.verdict == "3d" and item.fill > SPARSE for item in counted)


def _line_word(field: Field, columns: Columns) -> _LineWord | None:
    """Take a word for line numbers if its values are few, small and nearly evenly spaced."""
    labels = distinct(columns[field])[0]
    if not FEWEST_LINES <= len(labels) <= len(columns[field]) / FEWEST_LINES:
        return None
    step = int(np.gcd.reduce(np.diff(labels)))
    if len(labels) < DENSE * ((labels[-1] - labels[0]) // step + 1) or not usual_labels(labels):
        return None
    if is_coordinate(field) and (
        step > COARSEST_COORDINATE_STEP or np.abs(labels).max() > LARGEST_COORDINATE_LABEL
    ):
        return None
    return _LineWord(field, labels)


def _may_be_lines(first: _LineWord, second: _LineWord, traces: int) -> bool:
    area = len(first) * len(second)
    if not FULL * area <= traces <= area:
        return False
    if first.field.byte + first.field.size > second.field.byte:
        return False
    shot = (FIELD_RECORD.byte, SHOT_POINT.byte)
    shots = (first.field.byte in shot and second.counts) or (
        second.field.byte in shot and first.counts
    )
    # the two halves of one long counter make a grid as well; its lower half is full
    halves = second.field.size == 2 and len(second) > 60_000
    # eastings along a line of shots count as well: of coordinate words, both are lines or neither
    one = is_coordinate(first.field) != is_coordinate(second.field)
    return not (shots or halves or one)


def _liking(pair: tuple[_LineWord, _LineWord]) -> tuple[object, ...]:
    """Sort key: words that hold nothing else by the standard, side by side, long, aligned."""
    fields = [word.field for word in pair]
    return (
        is_coordinate(fields[0]),
        fields[0].byte + fields[0].size != fields[1].byte,
        fields[0].size != fields[1].size,
        -sum(field.size for field in fields),
        sum((field.byte - 1) % field.size for field in fields),
        sum(word.counts for word in pair),
        -fields[0].byte,
    )


def _located_counters(columns: Columns) -> tuple[Candidate, ...]:
    """Pairs of words that count shots, channels or traces by the standard, yet lie on a plane.

    Channels and traces of a gather would share a place or a line on the map.
    """
    if np.ptp(columns[OFFSET]):
        return ()
    for pair in _LINES_ELSEWHERE:
        candidate = Candidate(*pair, f"{ORIGIN}, by coordinates", PRIORS[0])
        evidence = judge(candidate, columns)
        if evidence.verdict == "3d" and evidence.fill >= FULL:
            if min(evidence.inlines, evidence.crosslines) >= FEWEST_LINES:
                if agrees_with_coordinates(candidate, columns, needed=True):
                    return (candidate,)
    return ()


