"""The vertical axis: domain, first sample and interval, from header words that disagree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import GeometryError, SegyError
from seisproc.schema import DOMAINS
from seisproc.segy import scratch
from seisproc.segy.columns import Columns
from seisproc.segy.fileheader import FileLayout
from seisproc.segy.layout import TIME_SCALAR, TRACE_INTERVAL, USUAL_SCALARS, Field
from seisproc.segy.overrides import HeaderOverrides

COARSE_INTERVAL = 10_000
"""Nothing in time is sampled at 10 ms or coarser (Nyquist 50 Hz): such a word is millimetres."""

FINE_INTERVAL = 100
"""Nothing is sampled every 0.1 ms or finer: such a word is metres."""

FINE_LINE_INTERVAL = 20
"""Sub-bottom profilers sample lines every 20 us and up; no depth step is that coarse in metres."""

NEGATIVE = 1 << 15
USHRT_MAX = (1 << 16) - 1
"""Intervals from the first to the second are negative ones where the headers disagree."""

OFF_SAMPLE = 0.01
"""Traces that start further than this part of an interval from a sample are not shifted."""

FURTHEST_START = 60_000.0
"""No section begins a minute, or 60 km, above or below the datum."""

MOST_SHIFT = 8
"""Traces of one survey start within this many trace lengths; more are wrong words."""

_DEPTH = re.compile(
    r"DOMAIN\s*[:=]?\s*DEPTH|DEPTH\s+DOMAIN|DEPTH\s+(VOLUME|CUBE|SECTION|STACK)"
    r"|SAMPLE\s+(INTERVAL|RATE|UNITS?)\s*[:=]?\s*[\d.]*\s*(METRES?|METERS?|M)\b"
)
_TIME = re.compile(r"DOMAIN\s*[:=]?\s*TIME|TIME\s+DOMAIN|\bTWT\b|TWO[- ]WAY")
_DEPTH_NAME = re.compile(r"(?<![a-z])(depth|psdm_?z)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class VerticalAxis:
    """The axis of the survey.

    Attributes
    ----------
    sample : float64 (n,)
        Positions in ms (``twt``) or m (``depth``).
    domain : str
    warnings : tuple of str
        What is odd, in words for the user.
    shift : int32 (trace,) or None
        Sample of the axis where each trace starts; None where all start at its first.
    """

    sample: NDArray[np.float64]
    domain: str
    warnings: tuple[str, ...]
    shift: NDArray[np.int32] | None = None


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
        If the traces start at times that one axis cannot hold.
    """
    layout = layouts[0]
    warnings: list[str] = []
    word = _interval_word(layout, columns, overrides, warnings)
    domain = overrides.domain or _domain(layout, word, kind, warnings)
    interval = overrides.interval or _interval(word, domain)
    shift = None
    first = overrides.first_sample
    if first is None:
        starts = _first_samples(columns, overrides.word("delay"), domain, warnings)
        first = float(starts.min())
        if first != starts.max():
            first, shift = _apart(layout, starts, interval, kind, domain, warnings)
    count = layout.samples + (0 if shift is None else int(shift.max()))
    sample = first + interval * np.arange(count)
    # tenths of a microsecond: 0.1 * 3 must not become a label of seventeen digits
    return VerticalAxis(np.round(sample, 4), domain, tuple(warnings), shift)


def _interval_word(
    layout: FileLayout, columns: Columns, overrides: HeaderOverrides, warnings: list[str]
) -> float:
    traced = columns[TRACE_INTERVAL]
    counts = np.zeros(1 << 16, "int64")
    for part in scratch.blocks(len(traced)):
        counts += np.bincount(traced[part], minlength=len(counts))
    counts[0] = 0
    usual = int(counts.argmax())
    if NEGATIVE <= layout.interval <= USHRT_MAX and usual != round(layout.interval):
        # as a signed word it is negative, and nothing says that it is not
        signed = layout.interval - (USHRT_MAX + 1)
        if 0 < usual < NEGATIVE:
            warnings.append(
                f"sample interval {signed:g} in the binary header: {usual} from the trace headers "
                "is used"
            )
            return usual
        if overrides.interval is None:
            raise SegyError(
                f"{layout.source.name}: the sample interval is negative",
                found=f"{signed:g} in the binary header, "
                f"{usual - (USHRT_MAX + 1) if usual else 0} in the trace headers",
                do="Give --interval in ms, or in m with --domain depth",
            )
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


def _domain(layout: FileLayout, word: float, kind: str, warnings: list[str]) -> str:
    """Time unless something says depth: the text header, the file's name, an odd interval."""
    text = layout.text.upper()
    says_depth, says_time = bool(_DEPTH.search(text)), bool(_TIME.search(text))
    if says_depth and not says_time:
        return "depth"
    named = bool(_DEPTH_NAME.search(layout.source.name))
    finest = FINE_LINE_INTERVAL if kind in ("2d", "flat") else FINE_INTERVAL
    odd = not finest <= word < COARSE_INTERVAL
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


def _first_samples(
    columns: Columns, delay: Field, domain: str, warnings: list[str]
) -> NDArray[np.float64]:
    """Delay recording time of every trace, times its scalar; a single one where all are alike."""
    delays, scalars = columns[delay], columns[TIME_SCALAR]
    if delays.strides == scalars.strides == (0,):
        # as in almost every survey, the same for all traces
        delays, scalars = delays[:1], scalars[:1]
    scalar = scalars.astype("float64")
    factor = np.where(scalar < 0, -1 / np.minimum(scalar, -1), np.maximum(scalar, 1))
    starts = np.asarray(delays * factor)
    _warn_of_starts(starts, scalars[np.flatnonzero(delays)], domain, warnings)
    return starts


def _warn_of_starts(
    starts: NDArray[np.float64], scalars: NDArray[np.signedinteger], domain: str,
    warnings: list[str],
) -> None:
    """Say what is odd about the words that the first samples come from."""
    unit = DOMAINS[domain]
    unusual = sorted(set(np.unique(scalars).tolist()) - USUAL_SCALARS)
    if unusual:
        warnings.append(
            f"time scalar {', '.join(map(str, unusual[:5]))} (byte {TIME_SCALAR.byte}) is not one "
            "of the standard's (0, +-1, +-10, ... +-10000); the delay is multiplied by it as it "
            f"stands; give --first-sample in {unit} if it is wrong"
        )
    furthest = float(starts[np.abs(starts).argmax()])
    if abs(furthest) > FURTHEST_START:
        warnings.append(
            f"the traces start at {furthest:,.10g} {unit} (delay recording time, and its scalar at "
            f"byte {TIME_SCALAR.byte}), further than any section; give --first-sample if it is "
            "wrong"
        )


def _apart(
    layout: FileLayout,
    starts: NDArray[np.float64],
    interval: float,
    kind: str,
    domain: str,
    warnings: list[str],
) -> tuple[float, NDArray[np.int32] | None]:
    """First sample of the axis, and of every trace on it, where traces start apart."""
    low, high, unit = float(starts.min()), float(starts.max()), DOMAINS[domain]
    found = f"{low:g} to {high:g} {unit}"
    told = "the traces do not start together (delay recording time)"
    steps = (starts - low) / interval
    on_samples = bool((np.abs(steps - np.rint(steps)) < OFF_SAMPLE).all())
    if kind == "flat":
        warnings.append(f"{told}, {found}: {domain} counts from the first sample of each")
        return 0.0, None
    if layout.sample_format.dtype.startswith("float") and on_samples:
        if steps.max() <= MOST_SHIFT * layout.samples:
            warnings.append(f"{told}, {found}: each is put where it starts, with NaN around it")
            return low, np.rint(steps).astype("int32")
    raise GeometryError(
        f"{layout.source.name}: {told}",
        found=found,
        expected=f"float samples that start whole intervals of {interval:g} {unit} apart, and not "
        f"further than {MOST_SHIFT} traces",
        do=f"Give --first-sample in {unit} if the words are wrong, or --geometry flat to keep the "
        "traces as they are",
    )
