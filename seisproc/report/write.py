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

import jinja2

from seisproc.errors import ConfigError, OutputExistsError
from seisproc.places import open_place, reaching, require_writable
from seisproc.records import write_atomic
from seisproc.report import facts
from seisproc.report.digest import digest_of
from seisproc.report.gallery import Picture, draw_pictures, score_pictures, timeline_picture
from seisproc.report.inventory import newest_run
from seisproc.report.summary import InterpretationSummary, summarise
from seisproc.report.tables import tables, text
from seisproc.report.worker_times import in_words, timeline_of, worker_table
from seisproc.schema import DOMAINS
from seisproc.survey import Survey

_Png = bytes


@dataclass(frozen=True, eq=False)
class WrittenReport:
    """A report, and what it was made from.

    Attributes
    ----------
    path : str
        Where it is.
    pictures : tuple of str
        Names of all its pictures.
    bytes : int
        Its size.
    drawn : mapping
        PNG of the pictures of the survey and its interpretation, by name.
    digest : mapping
        What a basin keeps of the survey (:mod:`seisproc.report.digest`).
    """

    path: str
    pictures: tuple[str, ...]
    bytes: int
    drawn: Mapping[str, _Png]
    digest: Mapping[str, Any]


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
) -> WrittenReport:
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
        Nested figures, see :mod:`seisproc.report.tables`; confusion matrices and calibration bins
        become
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
    GeometryError
        If it is no stacked 3-D survey.
    OutputExistsError
        If ``output_html`` exists and ``overwrite`` is false.
    """
    output_html = str(output_html)
    require_free(output_html, overwrite)
    survey = Survey(str(store_url))
    survey.lattice.grid(survey.url)  # only a stacked 3-D survey has the pictures
    run = run or newest_run(survey)
    summary = summarise(survey, run) if run else None
    drawn = draw_pictures(survey, summary, labels)
    charts = score_pictures(scores or {}, _class_names(summary, cards or ()))
    work = timeline_of(summary.attributes) if summary else None
    bars = () if work is None else (timeline_picture(work),)
    cards_shown = [facts.card(number, card) for number, card in enumerate(cards or (), 1)]
    page = environment().get_template("report.html").render(
        title=facts.title(survey),
        subject=facts.subject(summary),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        tiles=facts.tiles(survey, summary),
        axes=facts.axes(survey),
        statistics=facts.statistics(survey),
        sources=facts.sources(survey),
        warnings=facts.warnings(survey, summary),
        groups=_groups(drawn),
        summary=summary,
        unit=DOMAINS[survey.domain],
        has_area=bool(summary and any(v.area_km2 is not None for v in summary.volumes)),
        has_volume=bool(summary and any(v.volume_km3 is not None for v in summary.volumes)),
        scores=tables(scores or {}),
        score_pictures=charts,
        cards=cards_shown,
        timeline=facts.timeline(timeline or ()),
        work=work and {"told": in_words(work), "table": worker_table(work)},
        work_pictures=bars,
        provenance=facts.provenance(survey, summary),
    )
    content = page.encode()
    write_atomic(output_html, content)
    every = (*drawn, *charts, *bars, *(p for card in cards_shown for p in card["pictures"]))
    return WrittenReport(
        output_html, tuple(p.name for p in every), len(content),
        {picture.name: picture.png for picture in drawn}, digest_of(survey, summary),
    )


def pictures(store_url: str, run: str | None = None, labels: str | None = None) -> dict[str, bytes]:
    """Draw the pictures of a survey and an interpretation as PNG, by name.

    ``run`` and ``labels`` are as in :func:`write_report`. Names are of lower-case letters, digits
    and dashes, e.g. ``inline-facies``.
    """
    survey = Survey(str(store_url))
    run = run or newest_run(survey)
    drawn = draw_pictures(survey, summarise(survey, run) if run else None, labels)
    return {picture.name: picture.png for picture in drawn}


def require_free(output: str, overwrite: bool) -> None:
    """Refuse to write a page where a folder is, a file that may not be replaced, or nobody can."""
    require_writable(output)
    fs, path = open_place(output)
    with reaching(output):
        exists, is_folder = fs.exists(path), fs.isdir(path)
    if is_folder:
        raise ConfigError(
            f"{output} is a folder", expected="the name of an HTML file", do="Name a file in it"
        )
    if exists and not overwrite:
        raise OutputExistsError(
            f"{output} exists already", do="Pass --overwrite to replace it, or name another"
        )


def environment() -> jinja2.Environment:
    """Templates of reports, with the filters ``text`` and ``data_url``."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("seisproc.report"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )
    environment.filters["data_url"] = _data_url
    environment.filters["text"] = text
    return environment


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


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
    listed = (card.get("classes", ()) for card in cards if card.get("target") == "facies")
    return tuple(map(facts.short, next(listed, ())))
