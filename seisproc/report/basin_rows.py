"""What a basin's report says of its surveys, as plain rows for its page.

Records come from many runs of several versions: what a run noted is taken where it is there, and
what is missing is left out.
"""

from __future__ import annotations

import os.path
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from seisproc.catalog.basin_map import OTHER, STATE_COLOURS
from seisproc.catalog.due import Check, Verdict
from seisproc.catalog.history import Record
from seisproc.interpretation.pace import duration
from seisproc.places import is_remote, shown
from seisproc.report.digest import VERSION, Digest
from seisproc.report.tables import number
from seisproc.sections.wanted import TARGETS

SHARE = "% of voxels"
"""Unit of the volumes of surveys without coordinates."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what is shown, and what it is sorted by where that is something else."""

    text: str
    order: float | str | None = None


NOTHING = Cell("–", "")


@dataclass(frozen=True)
class SurveyRow:
    """One survey of the basin.

    Attributes
    ----------
    name, title, state, colour : str
    why : tuple of str
        Why it is in this state, and what its last run noted.
    report : str
        Link to its report; empty: none.
    cells : tuple of Cell
        Under the columns of :func:`columns`.
    files : tuple of (str, str)
        Names and links of what was exported.
    """

    name: str
    title: str
    state: str
    colour: str
    why: tuple[str, ...]
    report: str
    cells: tuple[Cell, ...]
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ClassTable:
    """Volumes of the classes of one class set, in one unit.

    Attributes
    ----------
    unit : str
        ``km3``, ``km2 ms``, or :data:`SHARE`.
    classes : tuple of (str, str)
        Name and colour.
    rows : list of (str, str, tuple of Cell)
        Survey, link to its report, and a cell for each class and for the mean uncertainty.
    total : tuple of str or None
        Sum over the surveys; None for shares.
    """

    unit: str
    classes: tuple[tuple[str, str], ...]
    rows: list[tuple[str, str, tuple[Cell, ...]]] = field(default_factory=list)
    total: tuple[str, ...] | None = None


def digests_of(checked: Check) -> dict[str, Digest]:
    """Digests of the surveys of a catalogue that have one of this version, by name."""
    found = {}
    for name, record in checked.snapshot.records.items():
        digest = record.facts.get("digest")
        if isinstance(digest, Mapping) and digest.get("version") == VERSION:
            found[name] = dict(digest)
    return {name: found[name] for name in sorted(found, key=str.lower)
            if name in checked.snapshot.entries}


def targets_of(digests: Iterable[Digest]) -> list[str]:
    """Targets that any survey has an uncertainty of."""
    there = {target for digest in digests for target in digest.get("uncertainty", ())}
    return [target for target in TARGETS if target in there]


def columns(digests: Mapping[str, Digest]) -> list[str]:
    """Headings of the figures of each survey."""
    has_faults = any(digest.get("fault") for digest in digests.values())
    return [
        "last made", "worker hours", "took", "million voxels", "km²",
        *(f"{target} uncertainty" for target in targets_of(digests.values())),
        *(["faults"] if has_faults else []),
    ]


def survey_rows(checked: Check, digests: Mapping[str, Digest], page: str) -> list[SurveyRow]:
    """List all surveys, those that are due first.

    Parameters
    ----------
    checked : Check
    digests : mapping
        See :func:`digests_of`.
    page : str
        Where the report will be; links are relative to it where they can be.
    """
    targets = targets_of(digests.values())
    has_faults = any(digest.get("fault") for digest in digests.values())
    return [
        _survey_row(checked, verdict, digests.get(verdict.name, {}), page, targets, has_faults)
        for verdict in checked.verdicts
    ]


def _survey_row(
    checked: Check, verdict: Verdict, digest: Digest, page: str, targets: Sequence[str],
    has_faults: bool,
) -> SurveyRow:
    entry = checked.snapshot.entries.get(verdict.name)
    record = checked.snapshot.records.get(verdict.name)
    facts = {} if record is None else record.facts
    notes = [str(note) for note in facts.get("notes", ())]
    if verdict.at_work:
        notes.insert(0, "a run is at work on it")
    if digest.get("complete") is False:
        notes.append("its interpretation is not complete")
    told = "; ".join(verdict.why)
    notes += [f"{gate['gate']}: {gate['outcome']}, {gate['why']}" for gate in facts.get("gates", ())
              if gate.get("outcome") != "pass" and gate.get("why") and gate["why"] not in told]
    share = (digest.get("fault") or {}).get("share")
    doubt = digest.get("uncertainty") or {}
    cells = [
        _when(record),
        _figure(facts.get("worker_hours"), "{:.2f}"),
        _took(facts.get("seconds")),
        _figure(facts.get("voxels"), "{:,.1f}", 1e-6),
        _figure(digest.get("area_km2")),
        *(_figure(doubt.get(target, {}).get("mean"), "{:.3f}") for target in targets),
    ]
    if has_faults:
        cells.append(_figure(share, "{:.2f} %", 100))
    exports = [str(place) for place in facts.get("exports", ())]
    return SurveyRow(
        verdict.name, entry.title if entry and entry.title != verdict.name else "",
        verdict.state, STATE_COLOURS.get(verdict.state, OTHER), (*verdict.why, *notes),
        report_link(checked, verdict.name, page), tuple(cells),
        tuple((_stem(place), link(place, page)) for place in exports),
    )


def report_link(checked: Check, name: str, page: str) -> str:
    """Link to the report of a survey; empty where there is none."""
    record = checked.snapshot.records.get(name)
    place = "" if record is None else str(record.facts.get("report") or "")
    return link(place, page) if place else ""


def class_tables(
    checked: Check, digests: Mapping[str, Digest], page: str
) -> list[ClassTable]:
    """Volumes of facies by survey: a table for each class set and unit, most surveys first."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for name, digest in digests.items():
        classes = digest.get("classes") or ()
        if classes:
            named = tuple((str(each["class"]), str(each["colour"])) for each in classes)
            groups.setdefault((named, digest.get("volume_unit") or SHARE), []).append(name)
    tables = []
    for (named, unit), names in sorted(groups.items(), key=lambda item: -len(item[1])):
        rows = []
        for name in names:
            classes = digests[name]["classes"]
            doubt = digests[name].get("uncertainty", {}).get("facies", {}).get("mean")
            cells = [_figure(each["share"], "{:.1f} %", 100) if unit == SHARE
                     else _figure(each["volume"]) for each in classes]
            rows.append((name, report_link(checked, name, page),
                         (*cells, _figure(doubt, "{:.3f}"))))
        total = None if unit == SHARE else tuple(
            number(sum(digests[name]["classes"][at]["volume"] or 0 for name in names))
            for at in range(len(named))
        )
        tables.append(ClassTable(unit, named, rows, total))
    return tables


def fault_rows(
    checked: Check, digests: Mapping[str, Digest], page: str
) -> list[tuple[str, str, tuple[Cell, ...]]]:
    """Survey, link to its report, and figures of its faults."""
    found: list[tuple[str, str, tuple[Cell, ...]]] = []
    for name, digest in digests.items():
        fault = digest.get("fault")
        if fault:
            doubt = digest.get("uncertainty", {}).get("fault", {})
            found.append((name, report_link(checked, name, page), (
                _figure(fault.get("share"), "{:.2f} %", 100),
                _figure(fault.get("mean_probability"), "{:.3f}"),
                _figure(fault.get("traces_above_half"), "{:,.0f}"),
                _figure(fault.get("surfaces"), "{:,.0f}"),
                _figure(fault.get("surface_area_km2")),
                _figure(doubt.get("mean"), "{:.3f}"),
            )))
    return found


def tiles(checked: Check, digests: Mapping[str, Digest]) -> list[tuple[str, str]]:
    """Pick the few figures that a reader wants first."""
    records = checked.snapshot.records.values()
    states = Counter(verdict.state for verdict in checked.verdicts)
    hours = sum(float(record.facts.get("worker_hours") or 0) for record in records)
    voxels = sum(int(record.facts.get("voxels") or 0) for record in records)
    area = sum(digest.get("area_km2") or 0 for digest in digests.values())
    interpreted = sum("run" in digest for digest in digests.values())
    found = [
        (f"{len(checked.verdicts):,} surveys", f"{states['done']:,} of them done"),
        (f"{len(checked.due):,}", "with something to do"),
        (f"{interpreted:,}", "interpreted"),
        (f"{number(voxels / 1e6)} million", "voxels"),
        (number(hours), "worker hours, each survey's last run"),
    ]
    if area:
        found.append((f"{number(area)} km²", "of live traces, shared ground counted twice"))
    return found


def states(checked: Check) -> list[tuple[str, int, str]]:
    """State, number of surveys and colour, in the order in which states are told."""
    counts = Counter(verdict.state for verdict in checked.verdicts)
    return [(state, count, STATE_COLOURS.get(state, OTHER))
            for state, count in counts.most_common()]


def link(place: str, page: str) -> str:
    """Link from a page to a place: relative within one file system, else whole.

    >>> link("/basin/reports/f3 a.html", "/basin/basin.html")
    'reports/f3%20a.html'
    >>> link("s3://b/reports/f3.html", "s3://b/pages/basin.html")
    '../reports/f3.html'
    >>> link("https://me:secret@host/f3.html", "/basin/basin.html")
    'https://host/f3.html'
    """
    place = shown(place)
    if not is_remote(place) and not is_remote(page):
        folder = os.path.dirname(_local(page))  # noqa: PTH120 - both may be of another machine
        return quote(Path(os.path.relpath(_local(place), folder)).as_posix())
    there, here = urlsplit(place), urlsplit(page)
    if (there.scheme, there.netloc) == (here.scheme, here.netloc):
        return quote(posixpath.relpath(there.path, posixpath.dirname(here.path)))
    return place if is_remote(place) else Path(_local(place)).absolute().as_uri()


def _local(place: str) -> str:
    return place.removeprefix("file://").removeprefix("local://")


def _stem(place: str) -> str:
    """Name of a file without its folder and ending.

    >>> _stem("/exports/f3/fault_uncertainty.sgy")
    'fault uncertainty'
    """
    return place.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("_", " ")


def _when(record: Record | None) -> Cell:
    if record is None:
        return NOTHING
    moment = datetime.fromtimestamp(record.time, UTC)
    return Cell(moment.strftime("%Y-%m-%d %H:%M"), record.time)


def _took(seconds: float | None) -> Cell:
    return Cell(duration(seconds), float(seconds)) if seconds else NOTHING


def _figure(value: float | None, form: str = "", factor: float = 1.0) -> Cell:
    if value is None:
        return NOTHING
    scaled = value * factor
    least = 10.0 ** -int(form.split(".")[1][0]) if "." in form else 0
    text = form.format(scaled) if form else number(scaled)
    if 0 < abs(scaled) < least / 2:
        text = "<" + form.format(least)
    return Cell(text, value)
