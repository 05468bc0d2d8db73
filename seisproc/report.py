"""The report of a survey: one HTML file that holds everything, pictures included.

It asks nothing of the network, reads in light and dark, and prints. The same pictures are
available one by one as PNG (:func:`pictures`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import fsspec
import jinja2
import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, OutputExistsError
from seisproc.gallery import (
    Picture,
    amplitude_statistics,
    card_pictures,
    draw_pictures,
    score_pictures,
)
from seisproc.records import write_atomic
from seisproc.schema import DOMAINS
from seisproc.sections import axis_label
from seisproc.summary import BinSize, InterpretationSummary, bin_size, newest_run, summarise
from seisproc.survey import Survey
from seisproc.tables import Column, Table, readable, tables, text


@dataclass(frozen=True)
class ReportReceipt:
    """Where the report is, which pictures it holds, and how large it is."""

    path: str
    pictures: tuple[str, ...]
    bytes: int


def write_report(
    store_url: str,
    output_html: str,
    *,
    run: str | None = None,
    labels: str | None = None,
    scores: Mapping[str, Any] | None = None,
    cards: Sequence[Mapping[str, Any]] | None = None,
    timeline: Sequence[Mapping[str, Any]] | None = None,
    overwrite: bool = False,
) -> ReportReceipt:
    """Write the report of a survey and, if there is one, of an interpretation.

    Parameters
    ----------
    store_url : str
        A published survey store.
    output_html : str
        Where to write; it appears whole or not at all.
    run : str, optional
        The interpretation to show. Default: the one made last; without any, the report shows the
        survey alone.
    labels : str, optional
        Name under ``labels/`` of an interpretation to show beside it.
    scores : mapping, optional
        Nested figures, see :mod:`seisproc.tables`; confusion matrices and calibration bins become
        figures.
    cards : sequence of mapping, optional
        Cards of the models that made the interpretation: name, target, classes, metrics, history,
        limitations.
    timeline : sequence of mapping, optional
        Stages in order, each with ``stage`` and ``seconds``; other entries become columns.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    StoreError
        If the survey, run or labels are not there.
    OutputExistsError
        If ``output_html`` exists and ``overwrite`` is false.
    """
    output_html = str(output_html)
    _require_free(output_html, overwrite)
    survey = Survey(str(store_url))
    run = run or newest_run(survey)
    summary = summarise(survey, run) if run else None
    drawn = draw_pictures(survey, summary, labels)
    charts = score_pictures(scores or {}, _class_names(summary, cards or ()))
    cards_shown = [_card(number, card) for number, card in enumerate(cards or (), 1)]
    page = _environment().get_template("report.html").render(
        title=_title(survey),
        subject=_subject(summary),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        tiles=_tiles(survey, summary),
        axes=_axes(survey),
        statistics=_statistics(survey),
        sources=_sources(survey),
        warnings=_warnings(survey),
        groups=_groups(drawn),
        summary=summary,
        unit=DOMAINS[survey.domain],
        has_area=bool(summary and any(v.area_km2 is not None for v in summary.volumes)),
        has_volume=bool(summary and any(v.volume_km3 is not None for v in summary.volumes)),
        scores=tables(scores or {}),
        score_pictures=charts,
        cards=cards_shown,
        timeline=_timeline(timeline or ()),
        provenance=_provenance(survey, summary),
    )
    content = page.encode()
    write_atomic(output_html, content)
    every = (*drawn, *charts, *(p for card in cards_shown for p in card["pictures"]))
    return ReportReceipt(output_html, tuple(p.name for p in every), len(content))


def pictures(store_url: str, run: str | None = None, labels: str | None = None) -> dict[str, bytes]:
    """Draw the pictures of a survey and an interpretation as PNG, by name.

    ``run`` and ``labels`` are as in :func:`write_report`. Names are of lower-case letters, digits
    and dashes, e.g. ``inline-facies``.
    """
    survey = Survey(str(store_url))
    run = run or newest_run(survey)
    drawn = draw_pictures(survey, summarise(survey, run) if run else None, labels)
    return {picture.name: picture.png for picture in drawn}


def _require_free(output: str, overwrite: bool) -> None:
    fs, path = fsspec.core.url_to_fs(output)
    if fs.isdir(path):
        raise ConfigError(
            f"{output} is a folder", expected="the name of an HTML file", do="Name a file in it"
        )
    if fs.exists(path) and not overwrite:
        raise OutputExistsError(
            f"{output} exists already", do="Pass --overwrite to replace it, or name another"
        )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("seisproc"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )
    environment.filters["data_url"] = _data_url
    environment.filters["text"] = text
    return environment


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _title(survey: Survey) -> str:
    name = survey.attributes.get("name") or survey.url.rsplit("/", 1)[-1]
    return str(name).removesuffix(".zarr")


def _subject(summary: InterpretationSummary | None) -> str:
    return f"Interpretation “{summary.run}”" if summary else "Seismic survey, not interpreted yet"


def _tiles(survey: Survey, summary: InterpretationSummary | None) -> list[tuple[str, str]]:
    """Pick the few figures that a reader wants first."""
    grid, live = survey.grid, survey.live
    tiles = [
        (" × ".join(map(str, grid.shape)), "inlines × crosslines × samples"),
        (f"{int(live.sum()):,}", f"live traces of {live.size:,}"),
        (
            f"{grid.sample[0]:g}–{grid.sample[-1]:g} {DOMAINS[grid.domain]}",
            f"{axis_label(grid, 2).split(' (')[0].lower()}, every {grid.step:g}",
        ),
    ]
    size = bin_size(survey)
    if size is not None:
        tiles.append((f"{live.sum() * size.area_km2:,.3g} km²", f"bins of {_bin(size)}"))
    if summary and summary.fault and summary.fault.voxels:
        share = summary.fault.above / summary.fault.voxels
        tiles.append((f"{100 * share:.2f} %", "of voxels are faults (probability > 0.5)"))
    if summary and "facies" in summary.uncertainty:
        tiles.append((f"{summary.uncertainty['facies'].mean:.2f}", "mean facies uncertainty, 0–1"))
    return tiles


def _axes(survey: Survey) -> list[tuple[str, str]]:
    grid = survey.grid
    rows = []
    axes: tuple[NDArray[Any], ...] = (grid.inline, grid.crossline, grid.sample)
    for axis, values in enumerate(axes):
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


def _statistics(survey: Survey) -> list[tuple[str, str]]:
    statistics = amplitude_statistics(survey)
    rows = [(name, text(statistics[key])) for key, name in _STATISTICS if key in statistics]
    percentiles = statistics.get("percentiles") or {}
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


def _sources(survey: Survey) -> list[str]:
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


def _warnings(survey: Survey) -> list[str]:
    provenance = survey.attributes.get("provenance")
    inner = provenance.get("warnings", ()) if isinstance(provenance, Mapping) else ()
    return list(dict.fromkeys(map(str, (*survey.attributes.get("warnings", ()), *inner))))


def _groups(drawn: Sequence[Picture]) -> dict[str, list[Picture]]:
    groups: dict[str, list[Picture]] = {}
    for picture in drawn:
        groups.setdefault(picture.group, []).append(picture)
    return groups


def _class_names(
    summary: InterpretationSummary | None, cards: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    if summary and summary.classes:
        return tuple(item.name for item in summary.classes)
    facies = (card for card in cards if card.get("target") == "facies")
    return next((tuple(map(_short, card.get("classes", ()))) for card in facies), ())


def _card(number: int, card: Mapping[str, Any]) -> dict[str, Any]:
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


def _timeline(stages: Sequence[Mapping[str, Any]]) -> Table | None:
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


def _provenance(
    survey: Survey, summary: InterpretationSummary | None
) -> list[tuple[str, list[tuple[str, str]]]]:
    shown = ("source", "warnings", "classes")
    parts: list[tuple[str, Mapping[str, Any]]] = [("Survey", survey.attributes)]
    if summary:
        parts.append((f"Interpretation {summary.run}", summary.attributes))
    return [
        (name, _facts({key: value for key, value in attributes.items() if key not in shown}))
        for name, attributes in parts
    ]


def _facts(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as lines of name and text, ``a: b: c`` for what lies deep."""
    lines: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{readable(key)}"
        if isinstance(value, Mapping):
            lines += _facts(value, f"{name}: ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            flat = [_short(item) for item in value]
            lines.append((name, ", ".join(flat[:24]) + (" …" if len(flat) > 24 else "")))
        else:
            lines.append((name, text(value)))
    return lines


def _short(item: Any) -> str:
    if isinstance(item, Mapping):
        if "name" in item:
            return str(item["name"])
        return " ".join(f"{text(value)}" for value in item.values())
    return text(item)
