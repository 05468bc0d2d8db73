"""The report of a basin: what it says of every survey, what it links to, what it loads."""

import re
import time
from pathlib import Path

import pytest

from seisproc.catalog.catalog import Snapshot
from seisproc.catalog.due import STATES, Check, Verdict
from seisproc.catalog.entry import Basin, Entry
from seisproc.catalog.history import Record
from seisproc.errors import ConfigError, OutputExistsError
from seisproc.report.basin import draw_maps, write_basin_report
from seisproc.report.basin_colours import UNKNOWN, by_uncertainty
from seisproc.report.basin_rows import class_tables, digests_of, fault_rows, link, survey_rows
from seisproc.schema import PARIHAKA
from seisproc.sections.wanted import WantedSection, choose_sections
from tests.seisproc.report.test_write import Page


def digest(share: float = 0.25, unit: str | None = "km3", doubt: float = 0.2) -> dict:
    """What a run kept of a survey of two classes, the second with this share."""
    shares = (1 - share, share)
    return {
        "version": 1, "kind": "3d", "domain": "depth", "shape": [10, 20, 30], "traces": 200,
        "area_km2": 2.0, "run": "main", "complete": True, "models": ["m"], "volume_unit": unit,
        "classes": [
            {"class": item.name, "code": item.code, "colour": item.colour, "voxels": 6000 * part,
             "share": part, "area_km2": 2.0, "volume": 8 * part if unit else None}
            for item, part in zip(PARIHAKA[:2], shares, strict=True)
        ],
        "fault": {"share": 0.0125, "mean_probability": 0.02, "traces_above_half": 40},
        "uncertainty": {"facies": {"mean": doubt, "percentile_99": 0.9}},
        "least_sure": [
            {"target": "facies", "line": line, "number": number, "uncertainty": doubt + 0.1}
            for line, number in (("inline", 12), ("crossline", 340))
        ],
    }


def check_of(
    records: dict[str, Record], states: dict[str, str] | None = None, root: str = "/basin"
) -> Check:
    """A catalogue of surveys side by side, each a square of 4 km2."""
    names = sorted({*records, *(states or {})})
    entries = {
        name: Entry(name, (f"{root}/{name}.sgy",), f"{root}/stores/{name}.zarr",
                    outline=((4e3 * at, 0), (4e3 * at + 2e3, 0), (4e3 * at + 2e3, 2e3),
                             (4e3 * at, 2e3)))
        for at, name in enumerate(names)
    }
    verdicts = tuple(
        Verdict(name, state, () if state == "done" else (STATES[state],))
        for name in names for state in [(states or {}).get(name, "done")]
    )
    return Check(Snapshot(Basin("Test <basin>", f"{root}/stores"), entries, records=records),
                 verdicts)


def record(kept: dict | None, **facts) -> Record:
    told = {"worker_hours": 1.5, "seconds": 90.0, "voxels": 6_000_000, **facts}
    return Record("done", 1.8e9, facts=told | ({"digest": kept} if kept else {}))


@pytest.fixture
def checked() -> Check:
    return check_of(
        {
            "alpha": record(digest(), report="/basin/reports/alpha.html",
                            exports=["/basin/exports/alpha/facies_uncertainty.sgy"]),
            "beta": record(digest(0.5, doubt=0.4), notes=["one thing was left out"],
                           gates=[{"gate": "dead traces", "outcome": "warn", "why": "7 % are dead"},
                                  {"gate": "drift", "outcome": "pass", "why": "as it should be"}]),
            "gamma": record(digest(unit=None)),
            "line": record({"version": 1, "kind": "2d", "shape": [9, 9], "domain": "twt"}),
            "old": record(None),
            "newer": record({"version": 99, "classes": "?"}),
        },
        {"torn": "quarantined", "alpha": "changed"},
    )


def test_the_page_holds_every_survey_and_loads_nothing(checked, tmp_path):
    page = tmp_path / "basin.html"
    wanted = choose_sections(digests_of(checked))
    receipt = write_basin_report(checked, wanted, str(page), list_file=str(tmp_path / "next.csv"))
    html = page.read_text()
    assert receipt.bytes == len(html.encode())
    assert (receipt.surveys, receipt.summarised, receipt.to_label) == (7, 4, 6)
    assert receipt.pictures == ("state", "facies uncertainty")
    found = Page(html)
    for words in ("Test <basin>", "quarantined", "a run found the source bad",
                  "one thing was left out", "inline 12", "crossline 340", "1.50", "2 min",
                  "seisproc train FOLDER/facies.yaml"):
        assert words in found.text, words
    assert {"Surveys", "Maps", "Facies volumes", "Faults", "What to label next"} <= set(
        found.headings)
    assert "next.csv" in found.loads
    pictures = [each for each in found.loads if each.startswith("data:")]
    assert len(pictures) == 2
    assert not re.search(r"url\(|@import|<script src|https?://", html)


def test_the_only_script_that_may_run_is_the_one_that_sorts(checked, tmp_path):
    import base64
    import hashlib

    write_basin_report(checked, [], str(tmp_path / "basin.html"))
    html = (tmp_path / "basin.html").read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{hashed}'" in html


def test_rows_say_what_was_kept_and_are_sorted_by_numbers(checked):
    digests = digests_of(checked)
    assert list(digests) == ["alpha", "beta", "gamma", "line"]
    rows = {row.name: row for row in survey_rows(checked, digests, "/basin/basin.html")}
    alpha, torn = rows["alpha"], rows["torn"]
    assert alpha.report == "reports/alpha.html"
    assert alpha.files == (("facies uncertainty", "exports/alpha/facies_uncertainty.sgy"),)
    assert [cell.text for cell in alpha.cells[1:]] == [
        "1.50", "2 min", "6.0", "2.000", "0.200", "1.25 %"]
    assert [cell.order for cell in alpha.cells[1:]] == [1.5, 90.0, 6_000_000, 2.0, 0.2, 0.0125]
    assert {cell.text for cell in torn.cells} == {"–"}
    assert {cell.order for cell in torn.cells} == {""}
    assert len({len(row.cells) for row in rows.values()}) == 1
    assert rows["beta"].why == ("one thing was left out", "dead traces: warn, 7 % are dead")


def test_volumes_are_added_up_only_where_they_are_of_one_unit(checked):
    volumes, shares = class_tables(checked, digests_of(checked), "/basin/basin.html")
    assert (volumes.unit, [name for name, _, _ in volumes.rows]) == ("km3", ["alpha", "beta"])
    assert volumes.total == ("10.0", "6.000")
    assert (shares.unit, shares.total) == ("% of voxels", None)
    assert [cell.text for cell in shares.rows[0][2]] == ["75.0 %", "25.0 %", "0.200"]


def test_faults_are_told_where_there_are_any(checked):
    assert [name for name, _, _ in fault_rows(checked, digests_of(checked), "/b.html")] == [
        "alpha", "beta", "gamma"]
    assert fault_rows(check_of({}, {"new": "new"}), {}, "/b.html") == []


@pytest.mark.parametrize("states", [{}, {"only": "new"}])
def test_a_catalogue_of_which_nothing_is_known_has_a_report(tmp_path, states):
    receipt = write_basin_report(check_of({}, states), [], str(tmp_path / "basin.html"))
    assert (receipt.surveys, receipt.summarised) == (len(states), 0)


def test_a_report_is_replaced_only_where_that_is_asked_for(checked, tmp_path):
    page = tmp_path / "basin.html"
    page.write_text("mine")
    with pytest.raises(OutputExistsError, match="overwrite"):
        write_basin_report(checked, [], str(page))
    assert page.read_text() == "mine"
    write_basin_report(checked, [], str(page), overwrite=True)
    with pytest.raises(ConfigError, match="is a folder"):
        write_basin_report(checked, [], str(tmp_path), overwrite=True)


def test_links_between_places_that_cannot_be_relative_are_whole():
    assert link("s3://b/reports/f3.html", "/basin/basin.html") == "s3://b/reports/f3.html"
    assert link("/basin/f3.html", "s3://b/basin.html") == "file:///basin/f3.html"
    assert link("/other/a:b#1.html", "/basin/basin.html") == "../other/a%3Ab%231.html"


def test_a_list_of_one_target_names_its_own_recipe(checked, tmp_path):
    wanted = [WantedSection("alpha", "fault", "inline", 3, 0.25)]
    write_basin_report(checked, wanted, str(tmp_path / "basin.html"))
    assert "FOLDER/fault.yaml" in (tmp_path / "basin.html").read_text()


def test_colours_rise_with_uncertainty_and_what_is_unknown_is_told():
    found = by_uncertainty("facies", {"sure": 0.0, "half": 0.25, "most": 0.5}, ["most", "torn"])
    assert found.words["torn"] == UNKNOWN
    steps = list(found.colours)
    assert steps.index(found.words["sure"]) < steps.index(found.words["half"])
    assert steps.index(found.words["half"]) < steps.index(found.words["most"])
    assert len({*found.colours.values()}) == len(steps)


def test_surveys_that_are_all_quite_sure_are_still_told_apart():
    found = by_uncertainty("fault", {"a": 0.0004, "b": 0.00001})
    assert found.words["a"] != found.words["b"]
    assert len(set(found.colours)) == 6, "every step has a name of its own"


@pytest.mark.slow
def test_a_thousand_surveys_take_seconds(tmp_path):
    records = {f"survey-{n}": record(digest(n / 1000)) for n in range(1000)}
    begun = time.process_time()
    checked = check_of(records)
    write_basin_report(checked, choose_sections(digests_of(checked)), str(tmp_path / "b.html"))
    assert time.process_time() - begun < 30


def test_nothing_is_drawn_where_no_survey_can_be_placed():
    assert draw_maps("basin", [], [], {}) == {}


def test_templates_come_with_the_package():
    import seisproc.report

    folder = Path(seisproc.report.__file__).parent / "templates"
    assert {"basin.html", "page.css", "sort.js"} <= {file.name for file in folder.iterdir()}
