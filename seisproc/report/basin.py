"""The report of a basin: one HTML file with a table of its surveys, maps, volumes, what is unsure.

It is made of what the catalogue keeps; no survey store is opened. It asks nothing of the network,
reads in light and dark, and its tables can be sorted.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

from seisproc.atomic import write_atomic
from seisproc.catalog.basin_map import Colouring, by_state, draw_basin
from seisproc.catalog.due import STATES, Check
from seisproc.catalog.geography import Overlap, Place, by_crs, overlaps, places_of
from seisproc.places import shown
from seisproc.report import basin_rows as rows
from seisproc.report.basin_colours import by_uncertainty
from seisproc.report.canvas import png
from seisproc.report.digest import Digest
from seisproc.report.write import environment, require_free
from seisproc.sections.wanted import TARGETS, WantedSection

MOST_NAMES = 12
"""Surveys that are named as those that no map shows; of more, it says how many."""


@dataclass(frozen=True)
class BasinReceipt:
    """What was written.

    Attributes
    ----------
    path : str
        The page.
    bytes : int
    surveys : int
        All of the catalogue.
    summarised : int
        Those of which a run has kept figures.
    to_label : int
        Sections that it says should be labelled next.
    pictures : tuple of str
        Maps in it.
    """

    path: str
    bytes: int
    surveys: int
    summarised: int
    to_label: int
    pictures: tuple[str, ...]


def write_basin_report(
    checked: Check,
    wanted: Sequence[WantedSection],
    output_html: str,
    *,
    list_file: str = "",
    overwrite: bool = False,
) -> BasinReceipt:
    """Write the report of a basin.

    Parameters
    ----------
    checked : Check
        The catalogue, and the state of each survey.
    wanted : sequence of WantedSection
        What should be labelled next (:func:`seisproc.sections.wanted.choose_sections`).
    output_html : str
        Where to write, a local path or fsspec URL; it appears whole or not at all.
    list_file : str
        Where that list lies as CSV; the page links to it.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputExistsError
        If ``output_html`` exists and ``overwrite`` is false.
    ConfigError
        If it is a folder.
    """
    require_free(output_html, overwrite)
    digests = rows.digests_of(checked)
    states = {verdict.name: verdict.state for verdict in checked.verdicts}
    places, unplaced = places_of(checked.snapshot, states)
    shared = overlaps(places)
    maps = draw_maps(checked.snapshot.basin.title, places, shared, digests)
    script = files("seisproc.report").joinpath("templates/sort.js").read_text()
    page = environment().get_template("basin.html").render(
        title=checked.snapshot.basin.title,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        tiles=rows.tiles(checked, digests),
        states=[(*each, STATES[each[0]]) for each in rows.states(checked)],
        columns=rows.columns(digests),
        surveys=rows.survey_rows(checked, digests, output_html),
        maps=maps,
        wide=len(by_crs(places)) > 1,
        unplaced=_named(unplaced),
        classes=rows.class_tables(checked, digests, output_html),
        faults=rows.fault_rows(checked, digests, output_html),
        shared=len(shared),
        wanted=[(target, [_wanted(checked, each, output_html)
                          for each in wanted if each.target == target])
                for target in TARGETS if any(each.target == target for each in wanted)],
        list_file=list_file and (shown(list_file), rows.link(list_file, output_html)),
        summarised=len(digests),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    content = page.encode()
    write_atomic(output_html, content)
    return BasinReceipt(output_html, len(content), len(checked.verdicts), len(digests),
                        len(wanted), tuple(maps))


def draw_maps(
    title: str, places: Sequence[Place], shared: Sequence[Overlap], digests: Mapping[str, Digest]
) -> dict[str, bytes]:
    """Draw the surveys by state, and by the mean uncertainty of each target: PNG by name."""
    if not places:
        return {}
    colourings: dict[str, Colouring] = {"state": by_state(places)}
    names = [place.name for place in places]
    for target in rows.targets_of(digests.values()):
        doubts = {name: digests.get(name, {}).get("uncertainty", {}) for name in names}
        means = {name: doubt[target]["mean"] for name, doubt in doubts.items() if target in doubt}
        colourings[f"{target} uncertainty"] = by_uncertainty(target, means, names)
    return {name: png(draw_basin(title, places, shared, colouring))
            for name, colouring in colourings.items()}


def _wanted(checked: Check, section: WantedSection, page: str) -> tuple[WantedSection, str]:
    """Pair a section with a link to what its survey's report says of uncertainty."""
    link = rows.report_link(checked, section.survey, page)
    return section, f"{link}#uncertainty" if link else ""


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
