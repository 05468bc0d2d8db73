"""What arrives in an inbox: odd names, links, folders, and what is left out."""

import os
import shutil
import time

import pytest

from seisproc.catalog.arrivals import read_arrivals
from seisproc.catalog.history import Record
from seisproc.catalog.sources import sources_to_read
from seisproc.segy import scan as segy
from tests.seisproc.catalog.conftest import write_segy


def test_a_name_that_no_entry_can_hold_harms_nobody_else(basin):
    write_segy(basin.inbox / "good.sgy")
    odd = write_segy(basin.root / "x.sgy", seed=1).rename(basin.inbox / "Ma\udcdfstab.sgy")
    told = f"{basin.inbox}/Ma\\xdfstab.sgy"
    for added in (["good"], []):
        found = basin.scan()
        assert found.added == added
        assert found.failed == {told: "its name is no Unicode text (UTF-8): rename it"}
    assert {each.state for each in read_arrivals(basin.open().layout).values()} == {"unreadable"}
    time.sleep(0.02)
    shutil.copy(odd, basin.inbox / "well-named.sgy")
    assert basin.scan().added == ["well-named"], "the older one, which is none, is not in its way"
    assert basin.scan().known == {told: "the same content as survey well-named"}


def test_a_folder_that_begins_with_a_tilde_is_nobodys_home(basin):
    basin.write("catalog.yaml", "inboxes: ['./~in']\nquiet_s: 0\n")
    write_segy(basin.root / "~in/f3.sgy")
    assert basin.scan().added == ["f3"]
    assert basin.verdict("f3").state == "new"


def test_a_new_file_does_not_take_the_name_of_a_removed_survey(basin):
    write_segy(basin.inbox / "a/f3.sgy")
    basin.scan()
    catalog = basin.open()
    catalog.note("f3", Record("done", 1.0, basin.verdict("f3").recipe))
    (basin.root / "surveys/f3.yaml").unlink()
    write_segy(basin.inbox / "b/f3.sgy", seed=1)
    assert basin.scan().added == ["b-f3"]
    assert basin.verdict("b-f3").why == ("never processed",)
    again = basin.scan()
    assert not again.added and "a person removed" in again.known[f"{basin.inbox}/a/f3.sgy"]


def folders(basin, **options):
    """Have all files of a folder of the inbox be a survey."""
    told = ", ".join(f"{name}: {value}" for name, value in options.items())
    basin.write("catalog.yaml",
                f"inboxes: [{{place: ../inbox, survey: folder, {told}}}]\nquiet_s: 0\n")


@pytest.mark.parametrize(
    ("names", "read", "others"),
    [
        (["line [2]/a.sgy", "line [2]/b.sgy"], ["a.sgy", "b.sgy"], []),
        (["al/a.sgy", "al/b.SGY"], ["a.sgy", "b.SGY"], ["al/readme.txt"]),
        (["al/a.sgy"], ["a.sgy"], ["al/._a.sgy", "al/.old/b.sgy"]),
        (["al/a*.sgy", "al/c.sgy"], ["a*.sgy", "c.sgy"], ["al/x.zarr/d.sgy"]),
    ],
)
def test_a_folder_is_the_same_survey_to_scan_list_run_and_ingest(basin, names, read, others):
    folders(basin)
    for seed, name in enumerate((*names, "other/1.sgy")):
        write_segy(basin.inbox / name, seed)
    for name in others:
        (basin.inbox / name).parent.mkdir(exist_ok=True)
        (basin.inbox / name).write_bytes(b"no seismic" * 1000)
    (name,) = set(basin.scan().added) - {"other"}
    for _ in range(2):
        assert basin.verdict(name).state == "new"
        assert basin.verdict_of_a_run(name).state == "new"
        assert not basin.scan().settled
    assert [file.name for file in basin.open().seen(name).files] == read
    entry = basin.open().entry(name)
    given = sources_to_read(entry)
    assert given == [file.url for file in basin.open().seen(name).files]
    assert segy.scan(given).shape == basin.open().seen(name).content.shape


def test_patterns_that_overlap_mean_each_file_once(basin):
    write_segy(basin.root / "a.sgy")
    write_segy(basin.root / "b.sgy", seed=1)
    basin.write("surveys/f3.yaml", "sources: [b.sgy, '*.sgy']\n")
    assert basin.scan().settled == ["f3"]
    given = sources_to_read(basin.open().entry("f3"))
    assert given == [f"{basin.root}/b.sgy", f"{basin.root}/a.sgy"]
    assert segy.scan(given).kind == basin.open().seen("f3").content.kind


def test_links_to_folders_are_followed_once(basin):
    write_segy(basin.root / "far/a.sgy")
    write_segy(basin.inbox / "own/b.sgy", seed=1)
    (basin.inbox / "far").symlink_to(basin.root / "far")
    (basin.inbox / "latest").symlink_to(basin.inbox / "own")
    (basin.inbox / "own/up").symlink_to(basin.inbox)
    (basin.root / "far/back").symlink_to(basin.inbox / "far")
    assert sorted(basin.scan().added) == ["a", "b"]
    for name in "ab":
        assert basin.verdict(name).state == basin.verdict_of_a_run(name).state == "new"
    assert basin.open().entry("a").sources == (f"{basin.inbox}/far/a.sgy",)
    assert basin.open().entry("b").sources == (f"{basin.inbox}/own/b.sgy",)


def test_an_inbox_above_the_catalogue_is_not_fed_with_its_own_exports(basin):
    basin.write("catalog.yaml", "inboxes: [.., exports/f3]\nquiet_s: 0\n")
    write_segy(basin.inbox / "f3.sgy")
    assert basin.scan().added == ["f3"]
    for seed, name in enumerate(("exports/f3/fault", "reports/x", "seen/y", "in/g"), 1):
        write_segy(basin.root / f"{name}.sgy", seed)
    (basin.inbox / "catalog.yaml").write_text("somebody else's")
    write_segy(basin.inbox / "exports/h.sgy", seed=9)
    found = basin.scan()
    assert sorted(found.added) == ["g", "h"]
    assert found.failed == {f"{basin.root}/exports/f3": "the catalogue itself writes there: choose"
                            " another inbox"}
    basin.write("surveys/own.yaml", "sources: exports/f3/fault.sgy\n")
    assert basin.scan().settled == ["own"], "a person may want it"


def test_a_folder_of_an_inbox_that_cannot_be_listed_is_told(basin, monkeypatch):
    write_segy(basin.inbox / "f3.sgy")
    write_segy(basin.inbox / "closed/g.sgy", seed=1)
    basin.scan()
    plain = os.scandir

    def refusing(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(folder))
        return plain(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    found = basin.scan()
    assert "Permission denied" in found.failed[f"{basin.inbox}/closed"]
    assert "Permission denied" in found.missing["g"] and list(found.missing) == ["g"]
    assert basin.verdict("g").state == "missing"
