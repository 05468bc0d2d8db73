import dataclasses
import json
import shutil
import time

import pytest

from seisproc.catalog.due import Wanted, check
from seisproc.catalog.held import HELD_BY, held_by
from seisproc.catalog.history import Record, history
from seisproc.errors import BusyError
from tests.seisproc.catalog.conftest import Basin, write_segy

WANTED = Wanted({"facies": "s3://models/facies/1@sha256:" + "a" * 64}, {}, {"segy": 3},
                {"samples": 20, "overlap": None})
NEWER = dataclasses.replace(WANTED, pinned={"facies": "s3://models/facies/2@sha256:" + "b" * 64})


def finish(basin: Basin, name: str, outcome: str = "done", **options) -> None:
    """Do what a run does when it has ended."""
    catalog = basin.open()
    verdict = basin.verdict(name, WANTED)
    with catalog.claim(name):
        record = Record(outcome, time.time(), verdict.recipe, **options)
        catalog.note(name, record)
    store = catalog.entry(name).store
    (basin.root / store).mkdir(parents=True, exist_ok=True)
    (basin.root / store / "zarr.json").write_text("{}")


@pytest.fixture
def done(basin):
    write_segy(basin.inbox / "f3.sgy")
    basin.write("surveys/f3.yaml", "sources: ../inbox/f3.sgy\nmodels: [facies]\n")
    assert basin.verdict("f3", WANTED).state == "waiting"
    basin.scan()
    assert basin.verdict("f3", WANTED).state == "new"
    finish(basin, "f3")
    assert basin.verdict("f3", WANTED).state == "done"
    assert not basin.check(WANTED).due
    return basin


def change(basin: Basin, text: str) -> None:
    basin.write("surveys/f3.yaml", f"sources: ../inbox/f3.sgy\n{text}\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("models: [facies]\nsettings: {samples: 5}",
         "settings changed: samples 20 (the default) -> 5"),
        ("models: [facies]\nsettings: {overlap: 0.5}", "settings changed: overlap nothing -> 0.5"),
        ("models: [facies]\nheaders: {inline: 9, crossline: 13}",
         "headers changed: crossline nothing -> byte 13"),
        ("models: [facies]\nrun: other", "run changed: main -> other"),
        ("models: []", "model no longer wanted: models/facies/1 (aaaaaaaa)"),
        ("models: [facies]\nstore: other.zarr", "its store is gone"),
    ],
)
def test_what_decides_the_product_is_due_and_says_so(done, text, why):
    change(done, text)
    verdict = done.verdict("f3", WANTED)
    assert (verdict.state, verdict.due) == ("changed", True)
    assert why in verdict.why


@pytest.mark.parametrize("text", ["priority: 9", "title: Block F3", "note: x", "crs: EPSG:23031"])
def test_what_does_not_is_not(done, text):
    change(done, f"models: [facies]\n{text}")
    assert done.verdict("f3", WANTED).state == "done"


def test_a_newer_model_in_production_and_a_newer_algorithm_are_due(done):
    verdict = done.verdict("f3", NEWER)
    assert verdict.why == (
        "new model: models/facies/2 (bbbbbbbb), before models/facies/1 (aaaaaaaa)",)
    newer = dataclasses.replace(WANTED, algorithms={"segy": 4})
    assert done.verdict("f3", newer).why == ("algorithm changed: segy 3 -> 4",)


def test_a_changed_source_is_due_once_it_was_scanned(done):
    write_segy(done.inbox / "f3.sgy", seed=9)
    assert done.verdict("f3", WANTED).state == "waiting"
    done.scan()
    verdict = done.verdict("f3", WANTED)
    assert (verdict.state, verdict.why) == ("changed", ("source changed: f3.sgy",))


def test_a_touched_source_is_not(done):
    (done.inbox / "f3.sgy").touch()
    assert done.verdict("f3", WANTED).state == "waiting"
    done.scan()
    assert done.verdict("f3", WANTED).state == "done"


def test_a_bad_file_is_tried_again_when_it_changes_or_a_person_says_so(done):
    finish(done, "f3", "quarantined", reason="all traces are dead")
    verdict = done.verdict("f3", NEWER)
    assert (verdict.state, verdict.why) == ("quarantined", ("all traces are dead",))
    change(done, "models: [facies]\nheaders: {domain: depth}")
    assert done.verdict("f3", WANTED).state == "changed"
    change(done, "models: [facies]")
    assert done.open().release("f3", "looked at it")
    verdict = done.verdict("f3", WANTED)
    assert (verdict.state, verdict.due) == ("released", True)
    assert "released: looked at it" in verdict.why
    assert not done.open().release("f3")
    told = [event.what for event in history(done.open().layout, "f3")]
    assert told == ["settled", "done", "quarantined", "released"]


def test_a_release_is_from_the_hold_that_a_person_has_seen(done):
    finish(done, "f3", "review", reason="uncertainty above 0.4")
    seen = done.open().record("f3")
    finish(done, "f3", "review", reason="half of its traces are dead")
    later = done.open().record("f3")
    assert not done.open().release("f3", "so it is", held=seen.time)
    assert done.open().record("f3") == later
    assert done.open().release("f3", "so it is", held=later.time)
    assert done.verdict("f3", WANTED).state == "released"


def test_a_review_waits_for_a_person_or_for_another_model(done):
    finish(done, "f3", "review", reason="uncertainty above 0.4")
    assert done.verdict("f3", WANTED).state == "review"
    assert done.verdict("f3", NEWER).state == "changed"


def test_a_review_is_due_again_when_its_own_limit_changes(done):
    held = held_by(["order_violations"], {}, {"column": ["top", "base"]})
    change(done, "models: [facies]\ngates: {column: [top, base]}")
    finish(done, "f3", "review", reason="out of order", facts={HELD_BY: held})
    change(done, "models: [facies]\ngates: {column: [top, base], noise: null}")
    assert done.verdict("f3", WANTED).state == "review"
    change(done, "models: [facies]\ngates: {order_violations: null}")
    assert done.verdict("f3", WANTED).why == (
        "gate limit changed: order_violations 0.25 -> never",
        "gate limit changed: column top, base -> the network's")
    change(done, "models: [facies]\ngates: {order_violations: {hold: 0.01}, column: [top, base]}")
    verdict = done.verdict("f3", WANTED)
    assert verdict.state == "invalid" and "would hold before it warns" in verdict.why[0]


def test_records_from_before_are_read(done):
    place = done.root / "runs" / "f3.json"
    told = json.loads(place.read_text())
    del told["run_id"]
    place.write_text(json.dumps(told))
    record = done.open().record("f3")
    assert (record.outcome, record.run_id) == ("done", "")


def test_what_failed_or_did_not_end_is_due_again(done):
    finish(done, "f3", "failed", reason="3 regions failed", attempts=1)
    assert done.verdict("f3", WANTED).why == ("3 regions failed",)
    finish(done, "f3", "started", run="nightly/2026-11-20/f3")
    verdict = done.verdict("f3", WANTED)
    assert (verdict.state, verdict.why) == (
        "interrupted", ("run nightly/2026-11-20/f3 did not end",))


def test_what_cannot_be_worked_on_says_why(done):
    change(done, "models: [facies]\nhold: waits for the new velocities")
    assert done.verdict("f3", WANTED).why == ("waits for the new velocities",)
    change(done, "models: [facies, other]")
    missing = dataclasses.replace(WANTED, missing={"other": "other: no bundle here"})
    verdict = done.verdict("f3", missing)
    assert (verdict.state, verdict.why) == ("no model", ("other: no bundle here",))
    assert done.check(missing).broken_models == {"other: no bundle here": ("f3",)}
    assert not done.check(dataclasses.replace(WANTED, pinned={**WANTED.pinned, "other": "x"})
                          ).broken_models
    change(done, "models: [facies]")
    (done.inbox / "f3.sgy").unlink()
    assert done.verdict("f3", WANTED).state == "missing"


def test_of_two_with_one_content_the_one_that_is_done_counts(done):
    done.write("surveys/a-copy.yaml", "sources: ../inbox/copy.sgy\nmodels: [facies]\n")
    write_segy(done.inbox / "copy.sgy")
    done.scan()
    copy = done.verdict("a-copy", WANTED)
    assert (copy.state, copy.due) == ("duplicate", False)
    assert copy.why == ("the same content as f3, read in the same way",)
    assert done.verdict("f3", WANTED).state == "done"
    done.write("surveys/a-copy.yaml", "sources: ../inbox/copy.sgy\nrun: other\nmodels: [facies]\n")
    assert done.verdict("a-copy", WANTED).state == "new", "another interpretation was asked for"


def test_a_copy_is_not_made_because_nothing_can_be_done_for_the_first(done):
    done.write("surveys/z-copy.yaml", "sources: ../inbox/copy.sgy\nmodels: [facies]\n")
    shutil.copy(done.inbox / "f3.sgy", done.inbox / "copy.sgy")
    done.scan()
    change(done, "models: [facies]\nhold: wait")
    copy = done.verdict("z-copy", WANTED)
    assert copy.state == "duplicate" and copy.why[0].endswith("; f3 is on hold")
    change(done, "models: [facies]")
    (done.inbox / "f3.sgy").rename(done.root / "away.sgy")
    assert done.verdict("z-copy", WANTED).why[0].endswith("; f3 is missing")
    (done.root / "runs/f3.json").unlink()
    assert done.verdict("z-copy", WANTED).state == "new", "f3 was never made, and is not there"


def test_a_new_place_for_stores_is_no_disk_that_is_away(done):
    catalog = done.root / "catalog.yaml"
    catalog.write_text(catalog.read_text() + "stores: elsewhere\n")
    verdict = done.verdict("f3", WANTED)
    assert verdict.state == "changed" and "its store is gone" in verdict.why


def test_the_most_wanted_come_first(basin):
    for number, priority in enumerate((0, 5, 1)):
        write_segy(basin.inbox / f"s{number}.sgy", seed=number)
        basin.write(f"surveys/s{number}.yaml",
                    f"sources: ../inbox/s{number}.sgy\npriority: {priority}\n")
    basin.scan()
    assert [each.name for each in basin.check().due] == ["s1", "s2", "s0"]


def test_two_runs_do_not_work_on_one_survey(done):
    catalog = done.open()
    with catalog.claim("f3"):
        assert done.verdict("f3", WANTED).at_work
        catalog.note("f3", Record("started", time.time(), run="nightly/2026-11-20/f3"))
        assert done.verdict("f3", WANTED).why[0] == (
            "run nightly/2026-11-20/f3 has not ended: it is at work, or died")
        with pytest.raises(BusyError, match="survey f3"), done.open().claim("f3"):
            pass
        with pytest.raises(BusyError):
            done.open().release("f3")
    assert not done.verdict("f3", WANTED).at_work


def test_a_run_that_comes_second_finds_nothing_to_do(done):
    catalog = done.open()
    change(done, "models: [facies]\nrun: other")
    first, second = (check(catalog, WANTED).due[0] for _ in range(2))
    finish(done, first.name)
    with catalog.claim(second.name):
        assert not done.verdict_of_a_run(second.name, WANTED).due
    change(done, "models: [facies]\nhold: a person came in between")
    assert done.verdict_of_a_run("f3", WANTED).state == "on hold"


def test_a_disk_that_is_not_mounted_does_not_make_everything_due(done):
    stores = done.root / "stores"
    stores.rename(done.root / "away")
    verdict = done.verdict("f3", WANTED)
    assert (verdict.state, verdict.due) == ("missing", False)
    assert "mounted" in verdict.why[0]
    stores.mkdir()
    write_segy(done.root / "g.sgy", seed=8)
    done.write("surveys/g.yaml", "sources: g.sgy\nmodels: [facies]\n")
    done.scan()
    for name in ("f3", "g"):
        verdict = done.verdict(name, WANTED)
        assert (verdict.state, verdict.due) == ("missing", False), "an empty mount point"
        assert "is empty and held stores: is the disk mounted?" in verdict.why[0]
    (stores / "removed").touch()
    assert done.verdict("f3", WANTED).why == ("its store is gone",)
    assert done.verdict("g", WANTED).state == "new"
    (done.root / "surveys/g.yaml").unlink()
    done.inbox.rename(done.root / "inbox-away")
    found = done.scan()
    assert "mounted" in found.failed[str(done.inbox)]
    assert list(found.missing) == ["f3"]


def test_two_surveys_do_not_share_a_store(done):
    done.write("surveys/g.yaml", "sources: ../inbox/f3.sgy\nstore: stores/f3.zarr\n")
    assert "its store is that of f3" in done.verdict("g", WANTED).why[0]
    assert done.verdict("f3", WANTED).state == "done"


def test_a_store_that_is_there_already_is_a_source_of_its_own(done):
    from seisproc.segy.ingest import ingest

    store = done.root / "own.zarr"
    ingest([str(write_segy(done.root / "own.sgy", seed=4))], str(store))
    done.write("surveys/own.yaml", "sources: own.zarr\nstore: own.zarr\nmodels: [facies]\n")
    done.scan()
    verdict = done.verdict("own", WANTED)
    assert verdict.state == "new"
    content = done.open().seen("own").content
    assert (content.kind, content.shape, content.traces) == ("3d", (6, 5, 8), 30)
    assert content.outline["type"] == "Polygon"
    assert done.open().entry("own").is_ingested
