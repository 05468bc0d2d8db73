import contextlib
import os
import shutil
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from seisproc.catalog import catalog as catalog_module
from seisproc.catalog import content, reading
from seisproc.catalog import history as history_module
from seisproc.catalog import scan as scan_module
from seisproc.catalog.arrivals import read_arrivals
from seisproc.catalog.history import Record, history
from seisproc.errors import BusyError, OutputExistsError
from tests.seisproc.catalog.conftest import write_segy


def test_new_files_of_an_inbox_become_surveys(basin):
    write_segy(basin.inbox / "F3 (full).sgy")
    write_segy(basin.inbox / "2019/F3 (full).sgy", seed=1)
    (basin.inbox / "notes.txt").write_text("no survey")
    (basin.inbox / ".f4.sgy").write_text("hidden")
    found = basin.scan()
    assert sorted(found.added) == ["2019-f3-full", "f3-full"]
    snapshot = basin.open().load()
    assert snapshot.names == ["2019-f3-full", "f3-full"]
    assert snapshot.seen["f3-full"].content.shape == (6, 5, 8)
    assert snapshot.seen["f3-full"].content.outline["type"] == "Polygon"
    again = basin.scan()
    assert not (again.added or again.settled or again.hashed_bytes)


def test_a_growing_file_waits_until_it_was_the_same_for_the_quiet_time(careful):
    basin = careful(0.4)
    whole = write_segy(basin.root / "whole.sgy").read_bytes()
    target = basin.inbox / "f3.sgy"
    target.write_bytes(whole[:-700])
    assert list(basin.scan().waiting) == [str(target)]
    time.sleep(0.45)
    target.write_bytes(whole)
    assert list(basin.scan().waiting) == [str(target)], "it grew: the time begins anew"
    assert basin.open().load().names == []
    time.sleep(0.45)
    assert basin.scan().added == ["f3"]
    assert not basin.verdict("f3").why[0].startswith("f3.sgy does not divide")


def test_one_scan_that_looks_twice(careful):
    basin = careful(0.3)
    growing, whole = basin.inbox / "growing.sgy", write_segy(basin.inbox / "whole.sgy")
    growing.write_bytes(whole.read_bytes()[:-700])

    def grow() -> None:
        for _ in range(12):
            time.sleep(0.05)
            with growing.open("ab") as file:
                file.write(b"\0" * 10)

    writer = threading.Thread(target=grow)
    writer.start()
    found = basin.scan(wait=True)
    writer.join()
    assert found.added == ["whole"]
    assert list(found.waiting) == [str(growing)]


def test_a_file_that_changes_while_it_is_hashed_waits(basin, monkeypatch):
    file = write_segy(basin.inbox / "f3.sgy")
    plain = content.content_hash

    def meanwhile(url, stop):
        digest = plain(url, stop)
        with file.open("ab") as open_file:
            open_file.write(b"more")
        return digest

    monkeypatch.setattr(content, "content_hash", meanwhile)
    found = basin.scan()
    assert not found.added
    assert "changed while" in found.waiting[str(file)]


def test_an_interrupted_scan_stops_hashing_and_leaves_nothing_behind(basin, monkeypatch):
    files = [write_segy(basin.inbox / f"s{number}.sgy", seed=number) for number in range(8)]
    plain, seen = content.content_hash, []

    def interrupted(url, stop):
        if url == str(files[0]):
            raise KeyboardInterrupt
        assert stop.wait(20), "it goes on hashing"
        seen.append(url)
        return plain(url, stop)

    monkeypatch.setattr(content, "content_hash", interrupted)
    with pytest.raises(KeyboardInterrupt):
        basin.scan()
    assert len(seen) < len(files)
    assert not (basin.root / "leases").exists()
    monkeypatch.undo()
    assert len(basin.scan().added) == len(files)


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.mark.parametrize("step", range(1, 14, 2))
def test_a_scan_that_is_killed_anywhere_is_made_good_by_the_next(basin, monkeypatch, step):
    for number in range(3):
        write_segy(basin.inbox / f"s{number}.sgy", seed=number)
    shutil.copy(basin.inbox / "s2.sgy", basin.inbox / "z.sgy")
    writes = 0

    def dying(write):
        def counted(*arguments):
            nonlocal writes
            writes += 1
            if writes >= step:
                raise Killed
            return write(*arguments)

        return counted

    for module, name in ((catalog_module, "create_text"), (catalog_module, "write_atomic"),
                         (history_module, "write_atomic"), (scan_module, "write_atomic")):
        monkeypatch.setattr(module, name, dying(getattr(module, name)))
    with contextlib.suppress(Killed):
        basin.scan()
    monkeypatch.undo()
    basin.scan()
    snapshot = basin.open().load()
    assert snapshot.names == ["s0", "s1", "s2"]
    assert all(each.content is not None for each in snapshot.seen.values())
    assert len(basin.check().due) == 3
    assert list(basin.scan().known) == [str(basin.inbox / "z.sgy")]


def test_a_copy_of_a_known_file_is_no_new_survey(basin):
    file = write_segy(basin.inbox / "f3.sgy")
    basin.scan()
    shutil.copy(file, basin.inbox / "copy.sgy")
    assert basin.scan().known == {str(basin.inbox / "copy.sgy"): "the same content as survey f3"}
    write_segy(file, seed=1)
    write_segy(basin.inbox / "third.sgy", seed=1)
    found = basin.scan()
    assert (found.settled, found.added) == (["f3"], [])
    assert found.known == {
        str(basin.inbox / "third.sgy"): "the same content as survey f3",
        str(basin.inbox / "copy.sgy"): "an earlier version of survey f3",
    }


def test_copies_that_arrive_together_are_one_survey(basin):
    file = write_segy(basin.inbox / "first.sgy")
    time.sleep(0.02)
    for name in ("copy.sgy", "second.sgy"):
        shutil.copy(file, basin.inbox / name)
    found = basin.scan()
    assert found.added == ["first"], "the one that was written first"
    assert len(found.known) == 2


def test_a_file_that_was_moved_is_told_so(basin):
    file = write_segy(basin.inbox / "f3.sgy")
    basin.scan()
    file.rename(basin.inbox / "f3-final.sgy")
    found = basin.scan()
    assert list(found.missing) == ["f3"]
    assert "was it moved? Correct `sources` in surveys/f3.yaml" in (
        found.known[str(basin.inbox / "f3-final.sgy")])
    basin.write("surveys/f3.yaml", f"sources: {basin.inbox}/f3-final.sgy\n")
    assert basin.scan().touched == ["f3"], "the content is what it was"


def test_an_entry_that_a_person_removed_does_not_come_back(basin):
    write_segy(basin.inbox / "f3.sgy")
    basin.scan()
    (basin.root / "surveys/f3.yaml").unlink()
    found = basin.scan()
    assert not found.added
    assert "a person removed" in found.known[str(basin.inbox / "f3.sgy")]


@pytest.mark.parametrize("seen_before", [False, True])
def test_files_of_an_entry_with_a_slip_are_not_taken_for_new(basin, seen_before):
    write_segy(basin.inbox / "f3.sgy")
    if seen_before:
        basin.scan()
    basin.write("surveys/f3.yaml", "source: [../inbox/f3.sgy]\n")
    assert not basin.scan().added
    verdict = basin.verdict("f3")
    assert verdict.state == "invalid"
    assert "sources" in verdict.why[0]
    basin.write("surveys/f3.yaml", "")
    assert "just being saved" in basin.verdict("f3").why[0]
    basin.write("surveys/f3.yaml", "sources: [../inbox/f3.sgy]\n")
    basin.scan()
    assert basin.verdict("f3").state == "new"


def test_an_entry_with_another_ending_is_noticed(basin):
    write_segy(basin.inbox / "f3.sgy")
    basin.write("surveys/block.yml", "sources: ../inbox/f3.sgy\n")
    basin.write("surveys/.block.yaml.swp", "junk")
    basin.write("surveys/block.yaml~", "junk")
    assert "Rename it block.yaml" in basin.verdict("block.yml").why[0]
    assert [each.name for each in basin.check().verdicts] == ["block.yml"]


def test_files_of_one_folder_may_make_one_survey(basin):
    inbox = "{place: ../inbox, survey: folder, entries: {priority: 3}}"
    basin.write("catalog.yaml", f"inboxes: [{inbox}]\nquiet_s: 0\n")
    for seed, name in enumerate(("one/1.sgy", "one/2.sgy", "two/1.sgy")):
        write_segy(basin.inbox / name, seed=seed)
    assert sorted(basin.scan().added) == ["one", "two"]
    snapshot = basin.open().load()
    assert [file.name for file in snapshot.seen["one"].files] == ["1.sgy", "2.sgy"]
    assert snapshot.entries["one"].priority == 3
    assert snapshot.seen["one"].content.kind == "prestack", "two traces a cell"
    (basin.inbox / "two/2.sgy").write_bytes(b"no seismic" * 1000)
    found = basin.scan()
    assert not found.added
    assert list(found.unreadable) == ["two"]


def test_what_cannot_be_reached_holds_up_nobody_else(basin):
    basin.write("catalog.yaml", "inboxes: [../inbox, 'nowhere://bucket/in']\nquiet_s: 0\n")
    write_segy(basin.inbox / "f3.sgy")
    basin.write("surveys/away.yaml", "sources: nowhere://bucket/a.sgy\n")
    basin.write("surveys/long.yaml", f"sources: ../inbox/{'a' * 300}.sgy\n")
    basin.write("surveys/half.yaml", f"sources: [{basin.inbox}/f3.sgy, 'nowhere://other/*.sgy']\n")
    basin.write("surveys/own.yaml",
                f"sources: {write_segy(basin.root / 'own.sgy', seed=2)}\nstore: nowhere://s/x.zarr\n")
    found = basin.scan()
    assert found.settled == ["own"]
    assert list(found.failed) == ["nowhere://bucket/in"]
    assert sorted(found.missing) == ["away", "half", "long"]
    assert "cannot be opened" in found.missing["half"]
    states = {each.name: each.state for each in basin.check().verdicts}
    assert states == {"own": "new", **dict.fromkeys(("away", "half", "long"), "missing")}
    catalog = basin.open()
    catalog.note("own", Record("done", 1.0, basin.verdict("own").recipe))
    assert basin.verdict("own").why == (
        "the folder of its store cannot be reached: is the disk mounted?",)


def test_an_inbox_that_is_away_for_a_while_is_remembered(careful):
    basin = careful(0.5)
    write_segy(basin.inbox / "f3.sgy")
    basin.scan()
    first = read_arrivals(basin.open().layout)
    basin.inbox.rename(basin.root / "away")
    assert basin.scan().failed
    assert read_arrivals(basin.open().layout) == first
    (basin.root / "away").rename(basin.inbox)
    time.sleep(0.5)
    assert basin.scan().added == ["f3"]


def test_a_file_that_was_only_touched_is_read_and_changes_nothing(basin):
    file = write_segy(basin.inbox / "f3.sgy")
    basin.scan()
    events = len(history(basin.open().layout, "f3"))
    file.touch()
    found = basin.scan()
    assert (found.touched, found.settled) == (["f3"], [])
    assert len(history(basin.open().layout, "f3")) == events


def test_what_cannot_be_read_says_why_and_is_read_again_in_another_way(basin):
    (basin.inbox / "junk.sgy").write_bytes(b"no seismic" * 1000)
    found = basin.scan()
    assert list(found.unreadable) == ["junk"]
    assert basin.verdict("junk").state == "unreadable"
    with (basin.root / "surveys/junk.yaml").open("a") as file:
        file.write("headers: {samples: 10}\n")
    assert basin.verdict("junk").state == "waiting"
    basin.scan()
    assert basin.verdict("junk").state == "unreadable"


def unreadable_file(path):
    """Link to a file that not even root can read from its beginning."""
    path.symlink_to("/proc/self/mem")
    with pytest.raises(OSError), path.open("rb") as file:
        file.read(1)
    return path


def test_a_file_that_may_not_be_read_harms_no_other_and_says_why(basin):
    write_segy(basin.inbox / "good.sgy")
    bad = unreadable_file(basin.inbox / "bad.sgy")
    basin.write("surveys/own.yaml", f"sources: {unreadable_file(basin.root / 'own.sgy')}\n")
    found = basin.scan()
    assert found.added == ["good"]
    assert sorted(found.failed) == [str(bad), "own"]
    arrival = read_arrivals(basin.open().layout)[str(bad)]
    assert arrival.state == "unreadable" and "argument" in arrival.why
    verdict = basin.verdict("own")
    assert (verdict.state, verdict.due) == ("unreadable", False)
    assert "the last scan could not read it: [Errno" in verdict.why[0]
    basin.scan()
    told = [event.what for event in history(basin.open().layout, "own")]
    assert told == ["unreadable"], "what stays as it is, is told once"
    for seed, path in enumerate((bad, basin.root / "own.sgy"), 5):
        path.unlink()
        write_segy(path, seed)
    assert basin.scan().added == ["bad"]
    assert basin.verdict("own").state == "new"


def test_a_pipe_or_a_folder_is_no_source_and_nobody_waits_for_it(basin):
    for name, make in (("pipe", os.mkfifo), ("folder", Path.mkdir)):
        for place in (basin.inbox, basin.root):
            make(place / f"{name}.sgy")
        basin.write(f"surveys/{name}.yaml", f"sources: {name}.sgy\n")
    (basin.inbox / "gone.sgy").symlink_to("nowhere")
    found = basin.scan()
    assert sorted(found.missing) == ["folder", "pipe"] and not found.added
    assert all("neither a file" in why for why in found.missing.values())
    assert basin.verdict("pipe").state == "missing"


def test_a_disk_that_goes_away_while_headers_are_read_makes_nothing_unreadable(basin, monkeypatch):
    write_segy(basin.inbox / "f3.sgy")
    plain, away = reading.read_content, basin.root / "away"

    def meanwhile(entry, urls):
        basin.inbox.rename(away)
        return plain(entry, urls)

    monkeypatch.setattr(reading, "read_content", meanwhile)
    basin.scan()
    assert basin.verdict("f3").state == "missing"
    monkeypatch.undo()
    away.rename(basin.inbox)
    basin.scan()
    assert basin.verdict("f3").state == "new"


def test_two_scans_do_not_meet(basin):
    with basin.open().claim_scan(), pytest.raises(BusyError, match="scan"):
        basin.scan()
    assert not (basin.root / "leases").exists()


def test_an_entry_is_never_written_over(basin):
    catalog = basin.open()
    catalog.add("f3", "sources: [a.sgy]\n")
    with pytest.raises(OutputExistsError, match="there already"):
        catalog.add("f3", "sources: [b.sgy]\n")
    assert catalog.entry("f3").sources == (f"{basin.root}/a.sgy",)
    (event,) = history(catalog.layout, "f3")
    assert event.what == "added"


def test_the_index_is_a_cache_and_nothing_more(basin):
    for number in range(5):
        write_segy(basin.inbox / f"s{number}.sgy", seed=number)
    basin.scan()
    catalog = basin.open()
    whole = catalog.load()
    for text in ("", "{", '{"surveys": 3}', '{"seen": {"s1.x": "junk"}}'):
        (basin.root / "index.json").write_text(text)
        assert basin.open().load() == whole
    time.sleep(2.1)  # what was written in this very moment is not trusted to the index
    catalog.load()
    catalog.save_index()
    fresh = basin.open()
    assert fresh.load() == whole
    assert fresh._documents.fetched == 0
    basin.write("surveys/s1.yaml", "sources: [../inbox/s1.sgy]\npriority: 7\n")
    assert basin.open().load().entries["s1"].priority == 7


def test_a_damaged_source_is_trouble_of_its_survey_alone(basin):
    write_segy(basin.inbox / "good.sgy")
    with h5py.File(basin.root / "cut.h5", "w") as file:
        file["a"] = np.zeros((4, 5, 6), "f4")
        file.create_dataset("b", data=np.zeros((40, 50, 60)), chunks=(4, 5, 6))
    whole = bytearray((basin.root / "cut.h5").read_bytes())
    whole[96:4000] = b"\x07" * 3904
    (basin.root / "cut.h5").write_bytes(whole)
    basin.write("surveys/cut.yaml",
                "sources: cut.h5\nvolume: {axes: [inline, crossline, twt], interval: 4}\n")
    for number, text in enumerate(("{", "[1]", "null", '{"zarr_format":3,"node_type":"group",'
                                   '"attributes":{"seisproc_schema":1}}')):
        basin.write(f"s{number}.zarr/zarr.json", text)
        basin.write(f"surveys/s{number}.yaml", f"sources: s{number}.zarr\nstore: s{number}.zarr\n")
    found = basin.scan()
    assert (found.added, found.settled) == (["good"], ["good"])
    verdicts = {each.name: each for each in basin.check().verdicts}
    assert verdicts.pop("good").state == "new"
    assert {each.state for each in verdicts.values()} == {"unreadable"}
    assert basin.open().seen("cut").hashes, "it is not hashed anew by every scan"
    assert not basin.scan().hashed_bytes
