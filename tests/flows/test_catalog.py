"""`seisproc catalog`: what people type and write, and what they are told."""

import json
import os
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest

from flows.catalog_config import YamlForms, entry_form, entry_text, open_catalog
from flows.catalog_due import wanted_now
from flows.header_config import HeaderConfig
from seisproc.catalog.due import check
from seisproc.catalog.entry import Basin, Broken
from seisproc.catalog.history import Record
from seisproc.catalog.layout import Layout
from seisproc.errors import ConfigError
from seisproc.grid import Grid
from seisproc.segy.create import create_segy

GRID = Grid(np.arange(10, 16, dtype="int32"), np.arange(20, 25, dtype="int32"), 4.0 * np.arange(8))
LAYOUT = Layout("/data/basin")
BASIN = Basin("Basin", "/data/basin/stores", crs="EPSG:23031", models=("fault-3d",),
              settings={"samples": 5})


def write_segy(path, seed=0, east=0.0):
    volume = np.random.default_rng(seed).standard_normal(GRID.shape).astype("float32")
    i, j = np.meshgrid(np.arange(6.0), np.arange(5.0), indexing="ij")
    create_segy(path, volume, GRID, cdp_x=east + 100 * i, cdp_y=50 * j)
    return path


@pytest.fixture
def basin(tmp_path, command):
    """A catalogue whose files count as whole at once."""
    root = tmp_path / "basin"
    code, out, err = command("catalog", "init", root, "--inbox", root / "in",
                             "--title", "North Sea")
    assert code == 0, err
    assert out.endswith(f"Next: seisproc catalog scan {root}\n")
    with (root / "catalog.yaml").open("a") as file:
        file.write("quiet_s: 0\n")
    (root / "in").mkdir()
    return root


def read(text, name="f3"):
    return YamlForms().entry(text, name, BASIN, LAYOUT)


def test_an_entry_says_little_and_the_basin_the_rest():
    entry = read("sources: ../in/f3.sgy\nsettings: {overlap: 0.5}\nheaders: {inline: 9-12, "
                 "crossline: 13}\n")
    assert entry.sources == ("/data/in/f3.sgy",)
    assert (entry.store, entry.title) == ("/data/basin/stores/f3.zarr", "f3")
    assert (entry.crs, entry.models) == ("EPSG:23031", ("fault-3d",))
    assert entry.settings == {"samples": 5, "overlap": 0.5}
    form = entry_form(entry)
    assert (form.settings.samples, form.headers.inline.byte) == (5, 9)
    assert form.headers.overrides() == entry.headers
    other = read("sources: [a.sgy]\nmodels: []\ncrs: EPSG:32631\nstore: s3://b/x.zarr\n")
    assert (other.models, other.crs, other.store) == ((), "EPSG:32631", "s3://b/x.zarr")
    model = read("sources: [a.sgy]\nmodels: [../models/facies, s3://m/fault@2, ./own]\n")
    assert model.models == ("/data/models/facies", "s3://m/fault@2", "/data/basin/own")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("source: a.sgy", "source is no name of a survey entry"),
        ("source: a.sgy", "Write sources"),
        ("sources: a.sgy\nheaders: {inlin: 9}", "Write inline"),
        ("sources: a.sgy\npriority: high", "priority is not right"),
        ("sources: []", "sources"),
        ("sources: ['']", "none of them empty"),
        ("title: none", "sources"),
        ("sources: a.sgy\noutline: [[1, 2], [3, 4]]", "three corners"),
        ("sources: a.sgy\noutline: [[1, 2], [3, 4], [.inf, 1]]", "finite"),
        ("sources: a.sgy\nrun: a/b", "no slash"),
        ("sources: a.sgy\nheaders: {inline: 9}", "belong together"),
        ("sources: s3://me:hunter2@host/a.sgy", "credentials"),
        ("sources: https://host/a.sgy?sig=hunter2", "credentials"),
        ("sources: a.sgy\nmodels: ['https://host/m?sig=hunter2']", "credentials"),
        ("- a\n- b", "no settings"),
        ("sources: [a.sgy", "no YAML"),
        ("sources: a.sgy\nsettings: {samples: 0}", "settings.samples"),
        ("sources: a.sgy\nsettings: {precision: tf32}", "settings.precision"),
        ("sources: a.sgy\nnote: 2026-02-30", "day is out of range"),
        ("sources: a.sgy\nnote: 0x_", "no YAML"),
        ("sources: a**.sgy", "is no pattern"),
        ("sources: ~nobody99/a.sgy", "no such user"),
        ("sources: [a.sgy, 'b.sgy', \"c\\0.sgy\"]", "zero byte"),
    ],
)
def test_a_slip_in_an_entry_is_told_by_its_file_and_name(text, what):
    found = read(text)
    assert isinstance(found, Broken)
    assert found.why.startswith("surveys/f3.yaml")
    assert what in found.why
    assert "hunter2" not in found.why


def test_settings_are_judged_together_with_the_basins():
    over = replace(BASIN, settings={"device": "cuda", "precision": "tf32"})
    found = YamlForms().entry("sources: a.sgy\nsettings: {device: cpu}", "f3", over, LAYOUT)
    assert isinstance(found, Broken) and "settings.precision is not right" in found.why
    over = replace(BASIN, settings={"device": "cuda"})
    entry = YamlForms().entry("sources: a.sgy\nsettings: {precision: tf32}", "f3", over, LAYOUT)
    assert entry.settings == {"device": "cuda", "precision": "tf32"}
    assert entry_form(entry).settings.precision == "tf32"
    inbox = "[{place: in, entries: {settings: {precision: tf32}}}]"
    basin = YamlForms().basin(f"settings: {{device: cuda}}\ninboxes: {inbox}", LAYOUT)
    assert basin.inboxes[0].told == {"settings": {"precision": "tf32"}}


def test_whatever_an_entry_makes_a_library_raise_it_is_invalid(monkeypatch):
    def broken(self):
        raise RuntimeError("boom at s3://me:hunter2@host/a")

    monkeypatch.setattr(HeaderConfig, "overrides", broken)
    found = read("sources: a.sgy")
    assert found.why.endswith("cannot be read: RuntimeError: boom at s3://host/a")


def test_a_slip_in_the_basins_file_is_told_too():
    with pytest.raises(ConfigError, match=r"catalog.yaml: inboxs.*Write inboxes"):
        YamlForms().basin("inboxs: [in]", LAYOUT)
    with pytest.raises(ConfigError, match=r"inboxes.0.pattern.*Write patterns"):
        YamlForms().basin("inboxes: [{place: in, pattern: x}]", LAYOUT)
    with pytest.raises(ConfigError, match="HTTP, which has no listings"):
        YamlForms().basin("inboxes: ['https://host/in']", LAYOUT)
    assert YamlForms().basin("", LAYOUT).title == "basin"


def test_what_an_inbox_says_of_gates_is_written_into_its_entries():
    gates = "{noise: null, dead_traces: {warn: 0.3, hold: null}}"
    basin = YamlForms().basin(f"inboxes: [{{place: in, entries: {{gates: {gates}}}}}]", LAYOUT)
    entry = read(entry_text({"sources": ["a.sgy"], **basin.inboxes[0].told}))
    assert entry.gates == {"noise": None, "dead_traces": {"warn": 0.3, "hold": None}}
    assert entry_form(entry).gates.noise is None


def test_gates_that_hold_before_they_warn_make_an_entry_invalid():
    basin = YamlForms().basin("gates: {dead_traces: {hold: 0.2}}", LAYOUT)
    text = "sources: [a.sgy]\ngates: {dead_traces: {warn: 0.3}}"
    assert "dead_traces" in YamlForms().entry(text, "a", basin, LAYOUT).why


def test_what_is_written_for_an_entry_reads_back_as_it_was():
    told = {"sources": ["in/ümlaut.sgy"], "headers": {"inline": {"byte": 9, "type": "int32"}},
            "title": "", "models": [], "note": "yes: no"}
    text = entry_text(told)
    assert "models" not in text and "title" not in text
    assert read(text.replace("headers", "note2: x\nheaders")).why  # unknown keys are refused
    assert read("sources: [in/ümlaut.sgy]\nnote: 'yes: no'\n").note == "yes: no"


def test_from_nothing_to_a_list_of_what_is_due(basin, command):
    write_segy(basin / "in/f3.sgy")
    shutil.copy(basin / "in/f3.sgy", basin / "in/copy of f3.sgy")
    (basin / "in/bad.sgy").write_bytes(b"not seismic " * 900)
    own = write_segy(basin.parent / "own.sgy", seed=1)
    code, out, _ = command("catalog", "add", basin, "own", own, "--priority", 3, "--crs", "EPSG:1",
                           "--inline-byte", "189", "--crossline-byte", "193")
    assert code == 0
    assert (basin / "surveys/own.yaml").read_text().startswith("sources:\n- /")
    code, out, _ = command("catalog", "scan", basin)
    assert code == 0
    assert "new surveys            bad" in out
    assert "known already" in out
    code, out, _ = command("catalog", "list", basin)
    lines = out.splitlines()
    assert lines[0].startswith("North Sea: 3 surveys")
    assert [line.split()[0] for line in lines[2:5]] == ["own", "f3", "bad"]
    code, out, _ = command("catalog", "list", basin, "--json", "--due")
    told = json.loads(out)
    assert [each["name"] for each in told["surveys"]] == ["own", "f3"]
    assert told["states"] == {"new": 2, "unreadable": 1}
    assert told["arrivals"][0]["state"] == "duplicate"
    code, out, _ = command("catalog", "list", basin, "--state", "unreadable", "--json")
    assert [each["name"] for each in json.loads(out)["surveys"]] == ["bad"]
    code, out, _ = command("catalog", "show", basin, "own", "--json")
    told = json.loads(out)
    assert told["content"]["shape"] == [6, 5, 8]
    assert told["files"][0]["sha256"]
    assert [event["what"] for event in told["history"]] == ["added", "settled"]
    code, out, _ = command("catalog", "show", basin, "own")
    assert "3d, 6 x 5 x 8 in twt, 30 traces" in out


def test_a_map_says_what_overlaps(basin, command):
    write_segy(basin / "in/a.sgy")
    write_segy(basin / "in/b.sgy", seed=1, east=250)
    command("catalog", "add", basin, "c", write_segy(basin / "c.sgy", 2), "--crs", "epsg: 32631")
    command("catalog", "scan", basin)
    code, out, _ = command("catalog", "map", basin)
    assert code == 0
    assert "3 surveys on the map, 1 overlaps" in out
    picture, json_file = basin / "map.png", basin / "out/basin.geojson"
    code, out, err = command("catalog", "map", basin, "--output", picture, "--output", json_file,
                             "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["overlaps"][0]["share_of_first"] == 0.5
    assert len(told["written"]) == 5, "two reference systems have two files each"
    assert picture.read_bytes().startswith(b"\x89PNG")
    collection = json.loads((basin / "out/basin-epsg-32631.geojson").read_text())
    assert [each["properties"]["name"] for each in collection["features"]] == ["c"]
    assert collection["features"][0]["properties"]["state"] == "new"
    assert "already there" in command.refuses("catalog", "map", basin, "--output", picture)
    assert "map" in command.refuses("catalog", "map", basin, "--output", basin / "map.txt")


def test_what_a_person_can_do_wrong_is_one_line(basin, command, tmp_path):
    assert "no catalogue here" in command.refuses("catalog", "list", tmp_path / "none")
    assert "there already" in command.refuses("catalog", "init", basin)
    assert "any survey at all" in command.refuses("catalog", "show", basin, "f3")
    command("catalog", "add", basin, "block-f3", basin / "f3.sgy")
    assert "Name block-f3" in command.refuses("catalog", "show", basin, "blok-f3")
    assert "there already" in command.refuses("catalog", "add", basin, "block-f3", "f4.sgy")
    assert "Call it a-b" in command.refuses("catalog", "add", basin, "a/b", "f4.sgy")
    line = command.refuses("catalog", "add", basin, "x", "https://host/f.sgy?sig=hunter2")
    assert "credentials" in line and "hunter2" not in line
    for source in ("s3://bucket/in/line#3.sgy", "s3://bucket/in/line?.sgy"):
        line = command.refuses("catalog", "add", basin, "x", source)
        assert "a ? or # ends the path" in line and "Rename it" in line
    assert not (basin / "surveys/x.yaml").exists()
    assert "no state" in command.refuses("catalog", "list", basin, "--state", "odd")
    assert "neither quarantined" in command.refuses("catalog", "release", basin, "block-f3")
    (basin / "f3.sgy").write_bytes(b"no SEG-Y")
    command("catalog", "scan", basin)
    assert "no release helps" in command.refuses("catalog", "release", basin, "block-f3")


def test_a_file_cut_short_is_told_with_what_its_entry_may_say(basin, command):
    file = write_segy(basin / "in/torn.sgy")
    file.write_bytes(file.read_bytes()[:-77])
    command("catalog", "scan", basin)
    _, out, _ = command("catalog", "show", basin, "torn")
    assert "`headers: {samples: ..., sample_format: ...}`" in " ".join(out.split())


def test_a_quarantined_survey_is_released_by_hand(basin, command):
    write_segy(basin / "in/f3.sgy")
    command("catalog", "scan", basin)
    opened = open_catalog(str(basin))
    seen = opened.seen("f3")
    recipe = {"sources": list(seen.hashes), "headers": {}, "volume": {}}
    opened.note("f3", Record("quarantined", time.time(), recipe, "all traces are dead"))
    code, out, _ = command("catalog", "list", basin)
    assert "quarantined" in out and "all traces are dead" in out
    code, out, _ = command("catalog", "release", basin, "f3", "--note", "they are not")
    assert (code, out) == (0, "f3 will be tried again\n")
    code, out, _ = command("catalog", "list", basin, "--due")
    assert "1 released" in out and "released: they are not" in out and "failed" not in out


def test_a_setting_that_changes_is_told_with_the_default_that_held(basin, command):
    write_segy(basin / "in/f3.sgy")
    command("catalog", "scan", basin)
    opened = open_catalog(str(basin))
    (verdict,) = check(opened, wanted_now(opened.load())).verdicts
    opened.note("f3", Record("done", time.time(), verdict.recipe))
    (basin / "stores/f3.zarr").mkdir(parents=True)
    (basin / "stores/f3.zarr/zarr.json").write_text("{}")
    entry = basin / "surveys/f3.yaml"
    entry.write_text(entry.read_text() + "settings: {samples: 300}\n")
    _, out, _ = command("catalog", "show", basin, "f3")
    assert "settings changed: samples 20 (the default) -> 300" in out


def test_an_entry_that_names_no_model_there_is_says_so(basin, command):
    write_segy(basin / "in/f3.sgy")
    command("catalog", "add", basin, "f3", basin / "in/f3.sgy", "--model", basin / "models/none")
    command("catalog", "scan", basin)
    code, out, _ = command("catalog", "list", basin, "--json")
    assert code == 0
    assert "no model" in out and "no bundle here" in out


def test_a_registry_that_cannot_be_read_is_told_with_the_reason(basin, command):
    for name in "ab":
        write_segy(basin / f"in/{name}.sgy", seed=ord(name))
        command("catalog", "add", basin, name, basin / f"in/{name}.sgy", "--model",
                basin / "bad/facies")
    command("catalog", "scan", basin)
    (basin / "bad/facies/production.json").mkdir(parents=True)
    code, out, err = command("catalog", "list", basin, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["states"] == {"no model": 2}
    snapshot = open_catalog(str(basin)).load()
    found = check(open_catalog(str(basin)), wanted_now(snapshot), snapshot=snapshot)
    ((why, names),) = found.broken_models.items()
    assert names == ("a", "b") and not found.due
    assert why.startswith(str(basin / "bad/facies")) and "Is a directory" in why


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_catalogue_that_may_only_be_read_can_be_listed(basin, command):
    write_segy(basin / "in/f3.sgy")
    command("catalog", "scan", basin)
    basin.chmod(0o555)
    try:
        assert command("catalog", "list", basin)[0] == 0
    finally:
        basin.chmod(0o755)


def test_a_name_that_is_no_unicode_is_printed_all_the_same(basin, command):
    write_segy(basin / "x.sgy").rename(basin / "in/Ma\udcdfstab.sgy")
    for verb, word in (("scan", "could not be looked at"), ("list", "unreadable")):
        code, out, err = command("catalog", verb, basin)
        assert code == 0, err
        assert word in out and "Ma\\xdfstab.sgy" in out


def test_two_reference_systems_never_share_a_file(basin, command):
    for number, crs in enumerate(("ED50 UTM31", "ED50-UTM31", "ed50 utm31", "no crs", None)):
        source = write_segy(basin / f"s{number}.sgy", number, east=200.0 * number)
        options = ("--crs", crs) if crs else ()
        command("catalog", "add", basin, f"s{number}", source, *options)
    command("catalog", "scan", basin)
    code, _, err = command("catalog", "map", basin, "--output", basin / "out/b.geojson")
    assert code == 0, err
    found = {
        path.stem: [each["properties"]["name"] for each in json.loads(path.read_text())["features"]]
        for path in (basin / "out").glob("*.geojson") if "overlaps" not in path.stem
    }
    assert found == {"b-ed50-utm31": ["s0", "s2"], "b-ed50-utm31-2": ["s1"], "b-no-crs": ["s3"],
                     "b-no-crs-2": ["s4"]}
