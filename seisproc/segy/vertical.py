"""The vertical axis: domain, first sample and interval, from header words that disagree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError, SegyError
from seisproc.schema import DOMAINS
from seisproc.segy.columns import Columns
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.layout import TIME_SCALAR, TRACE_INTERVAL, Field
from seisproc.segy.overrides import HeaderOverrides

COARSE_INTERVAL = 10_000
"""Nothing in time is sampled at 10 ms or coarser (Nyquist 50 Hz): such a word is millimetres."""

FINE_INTERVAL = 100
"""Nothing is sampled every 0.1 ms or finer: such a word is metres."""

_DEPTH = re.compile(
    r"DOMAIN\s*[:=]?\s*DEPTH|DEPTH\s+DOMAIN|DEPTH\s+(VOLUME|CUBE|SECTION|STACK)"
    r"|SAMPLE\s+(INTERVAL|RATE|UNITS?)\s*[:=]?\s*[\d.]*\s*(METRES?|METERS?|M)\b"
)
_TIME = re.compile(r"DOMAIN\s*[:=]?\s*TIME|TIME\s+DOMAIN|\bTWT\b|TWO[- ]WAY")
_DEPTH_NAME = re.compile(r"(?<![a-z])(depth|psdm_?z)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class VerticalAxis:
    """Sample positions, float64 (n,) in ms (``twt``) or m (``depth``), and what was odd."""

    sample: NDArray[np.float64]
    domain: str
    warnings: tuple[str, ...]


def vertical_axis(
    layouts: Sequence[FileLayout], columns: Columns, overrides: HeaderOverrides, kind: str
) -> VerticalAxis:
    """Find the vertical axis that all traces share.

    Flat traces (``kind``) may start at different times: their axis then counts from each trace's
    own start.

    Raises
    ------
    SegyError
        If no header says the sample interval.
    GeometryError
        If the traces start at different times.
    """
    layout = layouts[0]
    warnings: list[str] = []
    word = _interval_word(layout, columns, overrides, warnings)
    domain = overrides.domain or _domain(layout, word, warnings)
    interval = overrides.interval or _interval(word, domain)
    first = overrides.first_sample
    if first is None:
        low, high = _first_samples(columns, overrides.word("delay"))
        first = low
        if low != high:
            first = 0.0
            unit, delay = DOMAINS[domain], overrides.word("delay")
            found = f"{low:g} to {high:g} {unit}"
            if kind != "flat":
                raise _apart(layout, delay, found, unit)
            warnings.append(
                f"the traces start at different times (byte {delay.byte}), {found}: {domain} "
                "counts from the first sample of each"
            )
    sample = first + interval * np.arange(layout.samples)
    # tenths of a microsecond: 0.1 * 3 must not become a label of seventeen digits
    return VerticalAxis(np.round(sample, 4), domain, tuple(warnings))


def _interval_word(
    layout: FileLayout, columns: Columns, overrides: HeaderOverrides, warnings: list[str]
) -> float:
    traced = columns[TRACE_INTERVAL]
    used = traced[traced > 0]
    usual = int(np.bincount(used).argmax()) if len(used) else 0
    if layout.interval > 0:
        if usual and usual != round(layout.interval) and overrides.interval is None:
            warnings.append(
                f"sample interval {layout.interval:g} in the binary header, {usual} in the trace "
                "headers: the binary header's is used"
            )
        return layout.interval
    if usual:
        if overrides.interval is None:
            warnings.append(
                f"no sample interval in the binary header: {usual} from the trace headers is used"
            )
        return usual
    if overrides.interval is not None:
        return overrides.interval * 1000
    raise SegyError(
        f"{layout.source.name}: the sample interval is 0 in the binary and the trace headers",
        do="Give --interval in ms, or in m with --domain depth",
    )


def _domain(layout: FileLayout, word: float, warnings: list[str]) -> str:
    """Time unless something says depth: the text header, the file's name, an odd interval."""
    text = layout.text.upper()
    says_depth, says_time = bool(_DEPTH.search(text)), bool(_TIME.search(text))
    if says_depth and not says_time:
        return "depth"
    named = bool(_DEPTH_NAME.search(layout.source.name))
    odd = not FINE_INTERVAL <= word < COARSE_INTERVAL
    if says_time or not (odd or named):
        return "twt"
    reason = f"sample interval word {word:g}" if odd else "the file's name"
    warnings.append(f"taken for depth because of {reason}; give --domain twt if it is time")
    return "depth"


def _interval(word: float, domain: str) -> float:
    """Interval in ms or m: the word is us, in depth mm, or m where it is that small."""
    if domain == "depth" and word < FINE_INTERVAL:
        return word
    return word / 1000


def _first_samples(columns: Columns, delay: Field) -> tuple[float, float]:
    """Least and largest delay recording time times its scalar."""
    scalar = columns[TIME_SCALAR].astype("float64")
    factor = np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1))
    first = columns[delay] * factor
    return float(first.min()), float(first.max())


def _apart(layout: FileLayout, delay: Field, found: str, unit: str) -> GeometryError:
    return GeometryError(
        f"{layout.source.name}: the traces do not start together (delay recording time, "
        f"byte {delay.byte})",
        found=found,
        do=f"Give --first-sample in {unit} if the words are wrong, or --geometry flat to keep the "
        "traces as they are; shifting traces is not supported",
    )
