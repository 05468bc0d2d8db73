"""Which pairs of header words may hold the line numbers, before any trace is looked at."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

from seisproc.segy.fileheader import FileLayout
from seisproc.segy.geometry import USUAL, Candidate
from seisproc.segy.hints import stated_words
from seisproc.segy.layout import CDP, CDP_X, CDP_Y, CROSSLINE, INLINE, Field
from seisproc.segy.overrides import HeaderOverrides
from seisproc.segy.xmllayout import layout_fields

STATED = "text header"
STATED_PRIOR = 1.2
PARTNER_PRIOR = 0.9
"""For an inline that the text header states without a crossline."""


def line_candidates(
    layouts: Sequence[FileLayout], overrides: HeaderOverrides
) -> tuple[Candidate, ...]:
    """Pairs of words to judge: the user's alone, or what the file states and what is usual."""
    if overrides.inline and overrides.crossline:
        return (Candidate(overrides.inline, overrides.crossline, "given", 1.0, told=True),)
    xml = layout_fields(layouts[0].extended_text)
    found = []
    if INLINE in xml and CROSSLINE in xml:
        origin = "XML layout in the text header"
        found.append(Candidate(xml[INLINE], xml[CROSSLINE], origin, 1.0, told=True))
    return _without_repeats([*found, *_stated(layouts[0].text), *USUAL])


def stated_coordinates(layouts: Sequence[FileLayout]) -> tuple[tuple[Field, Field], ...]:
    """Pairs of words that an XML layout or the text header names for the coordinates."""
    xml = layout_fields(layouts[0].extended_text)
    pairs = [(xml[CDP_X], xml[CDP_Y])] if CDP_X in xml and CDP_Y in xml else []
    words = stated_words(layouts[0].text)
    pairs += zip(words.get("cdp_x", ()), words.get("cdp_y", ()), strict=False)
    return tuple(pairs)


def _stated(text: str) -> Iterable[Candidate]:
    words = stated_words(text)
    inlines, crosslines = words.get("inline", ()), words.get("crossline", ())
    for inline, crossline in itertools.product(inlines, crosslines):
        if inline != crossline:
            yield Candidate(inline, crossline, STATED, STATED_PRIOR, stated=True)
    if not crosslines:
        for inline, crossline in itertools.product(inlines, (*words.get("cdp", ()), CDP)):
            yield Candidate(inline, crossline, f"{STATED} and CDP", PARTNER_PRIOR)


def _without_repeats(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """One candidate for each pair of words: the first, which names the others' origin too."""
    kept: dict[tuple[Field, Field], Candidate] = {}
    for item in candidates:
        pair = (item.inline, item.crossline)
        if pair not in kept:
            kept[pair] = item
        elif item.origin not in kept[pair].origin:
            both = f"{kept[pair].origin}, {item.origin}"
            kept[pair] = dataclasses.replace(kept[pair], origin=both)
    return tuple(kept.values())
