"""The words and figures of a report, as rows for its page.

Stores come from many hands: what an attribute should hold is taken in any form it was written in,
and what is missing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.report.gallery import amplitude_statistics, card_pictures
from seisproc.report.inventory import BinSize, bin_size
from seisproc.report.sections import axis_label
from seisproc.report.summary import InterpretationSummary
from seisproc.report.tables import Column, Table, readable, tables, text
from seisproc.schema import DOMAINS
from seisproc.survey import Survey

Rows = list[tuple[str, str]]

_BLANK = re.compile(r"(C\s?\d+)?\s*")
"""A line of a textual header that says nothing."""

LONG_ENTRY = 30
MOST_ENTRIES = 40
"""As many as a textual header has lines."""


def title(survey: Survey) -> str:
    """Name the survey: its own name, or that of its store."""
    name = survey.attributes.get("name") or survey.url.rsplit("/", 1)[-1]
    return str(name).removesuffix(".zarr")


def subject(summary: InterpretationSummary | None) -> str:
    """Say what the report is about."""
    if summary is None:
        return "Seismic survey, not interpreted yet"
    incomplete = summary.attributes.get("complete") is False
    return f"Interpretation “{summary.run}”{', not complete' if incomplete else ''}"


def tiles(survey: Survey, summary: InterpretationSummary | None) -> Rows:
    """Pick the few figures that a reader wants first."""
    grid, live = survey.grid, survey.live
    found = [
        (" × ".join(map(str, grid.shape)), "inlines × crosslines × samples"),
        (f"{int(live.sum()):,}", f"live traces of {live.size:,}"),
        (
            f"{grid.sample[0]:g}–{grid.sample[-1]:g} {DOMAINS[grid.domain]}",
            f"{axis_label(grid, 2).split(' (')[0].lower()}, every {grid.step:g}",
        ),
    ]
    size = bin_size(survey)
    if size is not None:
        found.append((f"{live.sum() * size.area_km2:,.3g} km²", f"bins of {_bin(size)}"))
    if summary and summary.fault and summary.fault.voxels:
        share = summary.fault.above / summary.fault.voxels
        found.append((f"{100 * share:.2f} %", "of voxels are faults (probability > 0.5)"))
    if summary and "facies" in summary.uncertainty:
        found.append((f"{summary.uncertainty['facies'].mean:.2f}", "mean facies uncertainty, 0–1"))
    return found


def axes(survey: Survey) -> Rows:
    """Describe axes, bins, coordinates and sample type."""
    grid = survey.grid
    rows = []
    every_axis: tuple[NDArray[Any], ...] = (grid.inline, grid.crossline, grid.sample)
    for axis, values in enumerate(every_axis):
        steps = np.unique(np.diff(values).round(6))
        every = "" if not len(steps) else f", every {steps[0]:g}"
        every = every if len(steps) < 2 else f", uneven: steps {steps[0]:g} to {steps[-1]:g}"
        span = f"{values[0]:g} to {values[-1]:g}" if len(values) > 1 else f"{values[0]:g}"
        rows.append((axis_label(grid, axis), span + every))
    size = bin_size(survey)
    unknown = "unknown (no coordinates, or a single line)"
    rows.append(("Bin size", unknown if size is None else _bin(size)))
    for name, label in (("cdp_x", "Easting (m)"), ("cdp_y", "Northing (m)")):
        if size is not None:
            values = survey.read(name)
            rows.append((label, f"{np.nanmin(values):,.1f} to {np.nanmax(values):,.1f}"))
    rows.append(("Coordinate system", str(survey.attributes.get("crs") or "not stated")))
    rows.append(("Samples stored as", str(survey.amplitude.dtype)))
    return rows


def _bin(size: BinSize) -> str:
    return f"{size.along:.4g} × {size.across:.4g} m"


def statistics(survey: Survey) -> Rows:
    """List the statistics of the live samples."""
    values = amplitude_statistics(survey)
    rows = [(name, text(values[key])) for key, name in _STATISTICS if key in values]
    percentiles = values.get("percentiles") or {}
    rows += [(f"Percentile {key}", text(value)) for key, value in percentiles.items()]
    return rows


_STATISTICS = (
    ("count", "Samples"),
    ("min", "Minimum"),
    ("max", "Maximum"),
    ("mean", "Mean"),
    ("std", "Standard deviation"),
    ("rms", "Root mean square"),
    ("zero_traces", "Traces of zeros"),
)


def sources(survey: Survey) -> list[str]:
    """Source files in words, whatever form ingest gave them."""
    source = survey.attributes.get("source") or ()
    entries = [source] if isinstance(source, str | Mapping) else list(source)
    lines = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            lines.append(str(entry))
            continue
        name = entry.get("name") or entry.get("url") or entry.get("path") or "?"
        size = entry.get("size") or entry.get("bytes")
        lines.append(f"{name}, {size:,} bytes" if isinstance(size, int) else str(name))
    return lines


def warnings(survey: Survey, summary: InterpretationSummary | None) -> list[str]:
    """Collect what ingest warned of, each warning once, and regions that are missing."""
    provenance = survey.attributes.get("provenance")
    inner = provenance.get("warnings", ()) if isinstance(provenance, Mapping) else ()
    found = list(map(str, (*survey.attributes.get("warnings", ()), *inner)))
    if summary and summary.attributes.get("complete") is False:
        missing = summary.attributes.get("missing", {})
        found.insert(0, f"{missing.get('regions')} of {missing.get('of')} regions of the"
                        " interpretation failed and are missing: all figures lack them.")
    return list(dict.fromkeys(found))


def card(number: int, card: Mapping[str, Any]) -> dict[str, Any]:
    """Prepare a model card for the page: facts, metrics, limitations, training curves."""
    name = str(card.get("name") or f"model {number}")
    shown = ("name", "metrics", "scores", "history", "limitations")
    figures = [card[key] for key in ("metrics", "scores") if isinstance(card.get(key), Mapping)]
    limitations = card.get("limitations") or ()
    return {
        "name": name,
        "facts": _facts({key: _without_history(v) for key, v in card.items() if key not in shown}),
        "tables": [table for nested in figures for table in tables(nested)],
        "limitations": [limitations] if isinstance(limitations, str) else list(limitations),
        "pictures": card_pictures(number, name, card),
    }


def _without_history(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: inner for key, inner in value.items() if key != "history"}


def timeline(stages: Sequence[Mapping[str, Any]]) -> Table | None:
    """Stages as a table, with the share of the total beside the seconds."""
    if not stages:
        return None
    total = sum(float(stage.get("seconds", 0)) for stage in stages) or 1.0
    extra = [key for key in dict.fromkeys(k for stage in stages for k in stage)
             if key not in ("stage", "seconds")]
    rows = tuple(
        (
            str(stage.get("stage", "?")),
            (
                f"{float(stage.get('seconds', 0)):.1f}",
                f"{100 * float(stage.get('seconds', 0)) / total:.0f} %",
                *(text(stage.get(key)) for key in extra),
            ),
        )
        for stage in stages
    )
    return Table("", tuple(map(Column, ("seconds", "share", *map(readable, extra)))), rows)


def provenance(
    survey: Survey, summary: InterpretationSummary | None
) -> list[tuple[str, Rows]]:
    """List all that the survey and the interpretation say of their making."""
    shown = ("source", "warnings", "classes", "timeline")
    parts: list[tuple[str, Mapping[str, Any]]] = [("Survey", survey.attributes)]
    if summary:
        parts.append((f"Interpretation {summary.run}", summary.attributes))
    return [
        (name, _facts({key: value for key, value in attributes.items() if key not in shown}))
        for name, attributes in parts
    ]


def _facts(values: Mapping[str, Any], prefix: str = "") -> Rows:
    """Nested values as lines of name and text, ``a: b: c`` for what lies deep."""
    lines: Rows = []
    for key, value in values.items():
        name = f"{prefix}{readable(key)}"
        if isinstance(value, Mapping):
            lines += _facts(value, f"{name}: ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            entries = [short(item) for item in value]
            lines.append((name, _listed([item for item in entries if not _BLANK.fullmatch(item)])))
        else:
            lines.append((name, text(value)))
    return lines


def _listed(items: Sequence[str]) -> str:
    """Join short entries by commas, long ones line by line; leave out what is too much."""
    between = "\n" if any(len(item) > LONG_ENTRY for item in items) else ", "
    return between.join([*items[:MOST_ENTRIES], *(["…"] if len(items) > MOST_ENTRIES else [])])


def short(item: Any) -> str:
    """Write an entry of a list in a few words: its name, if it has one."""
    if isinstance(item, Mapping):
        if "name" in item:
            return str(item["name"])
        return " ".join(text(value) for value in item.values())
    return text(item)
