"""Traces without a grid: 2-D lines, and flat traces in the order of their file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seisproc.segy import scratch
from seisproc.segy.columns import read_columns
from seisproc.segy.coordinates import coordinate_pairs
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.geometry import Cells, distinct, usual_labels
from seisproc.segy.layout import TRACE_IN_FILE, TRACE_IN_LINE, Field
from seisproc.segy.path import follows_path, numbering
from seisproc.segy.placed import Judged, Placement, Words
from seisproc.segy.unstacked import ONLY_STACKED

LINE_WORDS = ("cdp", "shot_point", "inline", "crossline")
FLAT_WORDS = ("field_record", "channel", "cdp", "offset")
LEAST_NUMBERED = 0.8
"""Share of the traces of a 2-D line that have a CDP number of their own."""

MOST_REPEATS = 4
"""Traces of a 2-D line with the same shot point, on average, at most."""


def on_line(judged: Judged, words: Words, told: bool) -> Placement | None:
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


def along_path(
    layouts: Sequence[FileLayout], judged: Judged, words: Words,
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


def in_order(judged: Judged, words: Words, warnings: tuple[str, ...]) -> Placement:
    """Keep the traces flat, as they follow one another in their files."""
    return _in_file_order("flat", FLAT_WORDS, judged, words, tuple(filter(None, warnings)))


def _in_file_order(
    kind: str, names: tuple[str, ...], judged: Judged, words: Words,
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


def without_geometry(judged: Judged, words: Words) -> Placement | None:
    """Take flat traces, unless the user said where the line numbers are."""
    if words.overrides.inline is not None:
        return None
    warning = (
        "no header words give the traces a place in a survey: kept as flat traces, in file order. "
        "If it is a 3-D survey, give --inline-byte and --crossline-byte"
    )
    return in_order(judged, words, (warning,))
