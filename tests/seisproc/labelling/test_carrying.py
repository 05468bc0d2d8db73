"""A survey is delivered again: its labels come along, or the old store stays."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from seisproc.errors import BusyError, StoreError
from seisproc.grid import Grid
from seisproc.labelling.carrying import CARRIED, LostLabelsError, carry_labels
from seisproc.labels import class_set, import_labels
from seisproc.records import lease, work_url
from seisproc.replace import put_in_place
from seisproc.schema import NONE, FaciesClass
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.segy.overrides import HeaderOverrides
from seisproc.survey import Survey
from seisproc.verify import verify
from seisproc.volumes.crop import crop
from seisproc.volumes.ingest import ingest_volume
from seisproc.volumes.ranges import Range
from seisproc.volumes.settings import Numbering, VolumeSettings

GRID = Grid(np.arange(100, 112, dtype="int32"), np.arange(300, 310, dtype="int32"),
            4.0 * np.arange(20))
EARTH = np.random.default_rng(0).normal(size=(60, 60, 60))
"""What deliveries show, under noise of their own: from inline 90, crossline 290 and -40 ms on."""
CLASSES = (FaciesClass(0, "mud", "#111111"), FaciesClass(3, "sand", "#222222"))


def deliver(path, grid=GRID, seed=1, east=0.0, later=0, **options):
    """Write a SEG-Y file whose bins are where their line numbers say."""
    i, j = np.meshgrid(25.0 * grid.inline, 12.5 * grid.crossline, indexing="ij")
    depth = (grid.sample.astype(int) + 40) // 4 - later
    volume = EARTH[np.ix_(grid.inline - 90, grid.crossline - 290, depth)]
    volume = volume + 0.3 * np.random.default_rng(seed).normal(size=grid.shape)
    create_segy(path, volume.astype("float32"), grid, cdp_x=i + east, cdp_y=j, **options)
    return str(path)


@pytest.fixture
def volumes():
    """Facies and faults on inlines 102 to 108 above 60 ms, but for one of these."""
    facies = np.full(GRID.shape, NONE, np.uint8)
    facies[2:9, :, :15] = np.random.default_rng(7).choice([0, 3], (7, 10, 15))
    facies[4] = NONE
    fault = np.where(facies == NONE, NONE, 0).astype(np.uint8)
    fault[5, 3, :9] = 1
    return {"facies": facies, "fault": fault}


@pytest.fixture
def store(tmp_path, volumes):
    """A survey from SEG-Y, with labels."""
    url = str(tmp_path / "s.zarr")
    ingest([deliver(tmp_path / "first.sgy")], url)
    import_labels(url, "ann", **volumes, classes=CLASSES, warnings=["picked at night"],
                  sources={"facies": "a.sgy"})
    return Survey(url)


def stored(folder):
    """Every file of the arrays below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.parent != folder}


def test_labels_come_along_bit_for_bit_with_all_that_is_known_of_them(store, tmp_path, volumes):
    folder, told = Path(store.url) / "labels" / "ann", store.group_attributes("labels/ann")
    before = stored(folder)
    newer = deliver(tmp_path / "newer.sgy", seed=2)
    made = ingest([newer], store.url, overwrite=True)
    assert made.fingerprint != store.fingerprint
    assert stored(folder) == before
    found = Survey(store.url).group_attributes("labels/ann")
    (note,) = found[CARRIED]
    assert (note["survey_fingerprint"], note["fingerprint"], note["survey"]) == (
        store.fingerprint, told["fingerprint"], "first.sgy")
    changed = {"fingerprint", "survey_fingerprint", "seal", CARRIED}
    assert {k: v for k, v in found.items() if k not in changed} == {
        k: v for k, v in told.items() if k not in changed}
    fresh = str(tmp_path / "fresh.zarr")
    ingest([newer], fresh)
    again = import_labels(fresh, "ann", **volumes, classes=CLASSES)
    assert found["fingerprint"] == again.fingerprint, "as if they had been imported onto it"
    assert found["survey_fingerprint"] == made.fingerprint
    assert not verify(store.url).problems and not list(tmp_path.glob("*.work"))
    ingest([deliver(tmp_path / "third.sgy", seed=3)], store.url, overwrite=True)
    notes = Survey(store.url).group_attributes("labels/ann")[CARRIED]
    assert [each["survey"] for each in notes] == ["first.sgy", "newer.sgy"]
    assert stored(folder) == before


@pytest.mark.parametrize("grid", [
    Grid(np.arange(96, 120, dtype="int32"), np.arange(300, 315, dtype="int32"),
         4.0 * np.arange(30) - 8.0),
    Grid(np.array([102, 103, 105, 106, 107, 108], "int32"), GRID.crossline, 4.0 * np.arange(16)),
], ids=["larger", "without what has no label"])
def test_they_are_placed_by_their_line_numbers_and_times(store, tmp_path, volumes, grid):
    ingest([deliver(tmp_path / "newer.sgy", grid)], store.url, overwrite=True)
    survey, axes = Survey(store.url), ("inline", "crossline", "sample")
    common = [np.intersect1d(getattr(GRID, n), getattr(grid, n), return_indices=True)[1:]
              for n in axes]
    ours, theirs = np.ix_(*(a for a, _ in common)), np.ix_(*(b for _, b in common))
    for kind, codes in volumes.items():
        expected = np.full(grid.shape, NONE, np.uint8)
        expected[theirs] = codes[ours]
        np.testing.assert_array_equal(survey.read(f"labels/ann/{kind}"), expected)
        assert (expected != NONE).sum() == (codes != NONE).sum()
    assert class_set(survey.group_attributes("labels/ann")) == CLASSES


def dead():
    live = np.ones(GRID.shape[:2], bool)
    live[2, 3] = False
    return live


@pytest.mark.parametrize(("options", "why"), [
    ({"grid": dataclasses.replace(GRID, inline=GRID.inline + 3)},
     "does not lie on the survey's grid: its inline axis differs; found: 6 values 102 to 108"),
    ({"grid": dataclasses.replace(GRID, sample=4.0 * np.arange(14))}, ".*its sample axis differs"),
    ({"grid": dataclasses.replace(GRID, domain="depth")}, "is in twt, the survey in depth"),
    ({"east": 60.0}, "belongs to another survey: .* found: 60 m away"),
    ({"live": dead()}, "covers cells where the survey has no trace; .*inline 102, crossline 303"),
])
def test_what_has_no_place_in_the_new_store_keeps_the_old_one(store, tmp_path, options, why):
    before, newer = stored(Path(store.url)), deliver(tmp_path / "newer.sgy", **options)
    told = {"overwrite": True, "overrides": HeaderOverrides(domain=options["grid"].domain)} \
        if "grid" in options else {"overwrite": True}
    with pytest.raises(LostLabelsError, match=f"labels/ann {why}.*--drop-labels ann") as refused:
        ingest([newer], store.url, **told)
    assert list(refused.value.reasons) == ["ann"]
    assert stored(Path(store.url)) == before
    assert not list(tmp_path.glob("*.work")), "it is known before anything is built"
    ingest([newer], store.url, drop_labels=["ann"], **told)
    assert Survey(store.url).groups("labels") == []


@pytest.mark.parametrize(("options", "why"), [
    ({"later": 3}, r"would lie beside the events .* new samples are shifted by \+12.0 ms"),
    ({"later": -8, "seed": 5}, r"would lie beside the events .* shifted by -32.0 ms"),
    ({"later": 29}, "was picked on other samples than the new ones"),
], ids=["later", "earlier", "others"])
def test_labels_whose_events_lie_elsewhere_now_keep_the_old_store(
    store, tmp_path, options, why, volumes
):
    newer = deliver(tmp_path / "newer.sgy", **options)
    with pytest.raises(LostLabelsError, match=f"labels/ann {why}.*--drop-labels ann"):
        ingest([newer], store.url, overwrite=True)
    assert Survey(store.url).fingerprint == store.fingerprint
    np.testing.assert_array_equal(store.read("labels/ann/facies"), volumes["facies"])
    ingest([newer], store.url, overwrite=True, drop_labels=["ann"])
    assert Survey(store.url).groups("labels") == []


def test_cells_that_turn_out_to_hold_no_trace_are_met_before_anything_goes(store, tmp_path):
    values = np.ones(GRID.shape, "float32")
    values[2, 3] = np.nan
    np.save(tmp_path / "newer.npy", values)
    told = VolumeSettings(axes=("inline", "crossline", "twt"), interval=4.0, numbers={
        "inline": Numbering(100), "crossline": Numbering(300)})
    for _ in range(2):
        with pytest.raises(LostLabelsError, match="inline 102, crossline 303"):
            ingest_volume(str(tmp_path / "newer.npy"), store.url, settings=told, overwrite=True)
        assert Survey(store.url).fingerprint == store.fingerprint
    made = ingest_volume(
        str(tmp_path / "newer.npy"), store.url, settings=told, overwrite=True, drop_labels=["ann"]
    )
    assert (made.reused, made.resumed) == (False, made.tasks), "what was built is put in place"
    assert Survey(store.url).groups("labels") == [] and not list(tmp_path.glob("*.work"))


def test_labels_that_come_while_the_new_store_is_built_are_carried_as_well(
    store, tmp_path, volumes
):
    newer = deliver(tmp_path / "newer.sgy", seed=2)
    bob = np.where(volumes["facies"] == NONE, NONE, 1)

    def work_on(done, total):
        if done == total:
            import_labels(store.url, "bob", facies=bob)

    with lease(work_url(store.url, "labels/cleo", store.fingerprint), "labels/cleo"), \
            pytest.raises(BusyError, match="labels/cleo of .*another run"):
        ingest([newer], store.url, overwrite=True, on_progress=work_on)
    assert Survey(store.url).fingerprint == store.fingerprint
    made = ingest([newer], store.url, overwrite=True)
    assert made.resumed == made.tasks, "all was built, and waited for the import to end"
    assert not made.reused and ingest([newer], store.url, overwrite=True).reused
    survey = Survey(store.url)
    assert (survey.fingerprint, survey.groups("labels")) == (made.fingerprint, ["ann", "bob"])
    np.testing.assert_array_equal(survey.read("labels/bob/facies"), bob)


def test_a_store_that_was_removed_does_not_come_back_as_one_that_waited(store, tmp_path):
    with lease(work_url(store.url, "labels/cleo", store.fingerprint), "labels/cleo"), \
            pytest.raises(BusyError):
        ingest([deliver(tmp_path / "newer.sgy", seed=2)], store.url, overwrite=True)
    shutil.rmtree(store.url)
    made = ingest([deliver(tmp_path / "third.sgy", seed=3)], store.url)
    assert Survey(store.url).fingerprint == made.fingerprint
    assert not list(tmp_path.glob("*.work"))


def test_a_replacement_that_stood_still_while_somebody_imported_gives_way(
    store, tmp_path, monkeypatch, volumes
):
    """Its lease was taken over meanwhile, and the import is over: nobody holds any."""
    newer = deliver(tmp_path / "newer.sgy", seed=2)

    def stand_still(*arguments):
        carry_labels(*arguments)
        Path(f"{store.url}.work/replacing/lease").unlink()
        import_labels(store.url, "bob", **volumes, classes=CLASSES)

    with monkeypatch.context() as patch:
        patch.setattr("seisproc.building.carry_labels", stand_still)
        with pytest.raises(BusyError, match="was taken over by another run"):
            ingest([newer], store.url, overwrite=True)
    assert Survey(store.url).fingerprint == store.fingerprint
    ingest([newer], store.url, overwrite=True)
    assert Survey(store.url).groups("labels") == ["ann", "bob"]


def test_an_import_gives_way_to_a_replacement(store, tmp_path, volumes):
    with lease(f"{store.url}.work/replacing", "the store"), \
            pytest.raises(BusyError, match="which is being replaced, is being written by another"):
        import_labels(store.url, "bob", **volumes, classes=CLASSES)
    newer = deliver(tmp_path / "newer.sgy", seed=2)

    class Late:
        """A volume during whose opening the store is replaced."""

        @property
        def shape(self):
            if Survey(store.url).fingerprint == store.fingerprint:
                ingest([newer], store.url, overwrite=True)
            return GRID.shape

        def __getitem__(self, index):
            return volumes["facies"][index]

    with pytest.raises(StoreError, match="was replaced while labels for it were being read"):
        import_labels(store.url, "bob", facies=Late(), classes=CLASSES)
    assert Survey(store.url).groups("labels") == ["ann"]
    assert not list(tmp_path.glob("*.work"))


def test_labels_that_a_killed_import_had_taken_out_of_the_store_come_along(
    store, tmp_path, volumes
):
    """Between two renames the old ones lie in the work folder, and the new ones still do."""
    other = {"facies": np.where(volumes["facies"] == NONE, NONE, 3)}
    import_labels(store.url, "ann-2", **other, classes=CLASSES)
    group = Path(store.url) / "labels" / "ann-2"
    work = Path(work_url(store.url, "labels/ann-2", store.fingerprint))
    work.mkdir(parents=True)
    group.rename(work / "staged")
    ingest([deliver(tmp_path / "newer.sgy", seed=2)], store.url, overwrite=True)
    survey = Survey(store.url)
    assert survey.groups("labels") == ["ann", "ann-2"]
    np.testing.assert_array_equal(survey.read("labels/ann-2/facies"), other["facies"])
    assert not list(tmp_path.glob("*.work"))


def test_labels_that_are_fewer_than_were_imported_are_told_of(store, tmp_path):
    """A shard that is missing reads as cells without a label."""
    zarr.open_array(f"{store.url}/labels/ann/facies", mode="r+")[2] = NONE
    with pytest.raises(LostLabelsError, match="labels/ann is not what it was when it was imported"):
        ingest([deliver(tmp_path / "newer.sgy", seed=2)], store.url, overwrite=True)
    assert Survey(store.url).fingerprint == store.fingerprint


def test_a_crop_that_is_made_anew_brings_its_labels_and_keeps_those_picked_on_it(
    store, tmp_path, volumes
):
    part, mine = str(tmp_path / "part.zarr"), np.full((4, 10, 20), 1, np.uint8)
    crop(store.url, part, {"inline": Range(102, 105)})
    import_labels(part, "mine", facies=mine)
    larger = {"inline": Range(101, 106)}
    crop(store.url, part, larger, overwrite=True)
    survey = Survey(part)
    np.testing.assert_array_equal(survey.read("labels/ann/facies"), volumes["facies"][1:7])
    np.testing.assert_array_equal(survey.read("labels/mine/facies")[1:5], mine)
    import_labels(store.url, "mine", **volumes, classes=CLASSES)
    with pytest.raises(LostLabelsError, match="labels/mine is a name of labels that the new"):
        crop(store.url, part, larger, overwrite=True)


LINE = np.arange(40)


def deliver_line(path, traces, numbered, placed):
    """Write a 2-D line of some of its traces, with CDP numbers and coordinates or without."""
    grid = Grid(np.zeros(1, "int32"), np.arange(len(traces), dtype="int32"), 4.0 * np.arange(20))
    values = np.random.default_rng(1).normal(size=(100, 20)).astype("float32")[traces]
    x = 1000 + 25.0 * traces[None] if placed else None
    create_segy(path, values[None], grid, cdp_x=x, cdp_y=x)
    content = np.fromfile(path, "uint8")
    words = content[3600:].reshape(len(traces), -1)
    for byte in (21, 189, 193):  # CDP, inline, crossline
        numbers = 500 + traces if numbered and byte == 21 else 0 * traces
        words[:, byte - 1 : byte + 3] = numbers.astype(">i4").view("uint8").reshape(-1, 4)
    content.tofile(path)
    return [str(path)]


@pytest.mark.parametrize(("numbered", "placed", "newer", "why"), [
    (True, True, np.arange(50), ""),
    (True, False, np.arange(50), ""),
    (False, True, np.arange(50), ""),
    (True, False, np.delete(np.arange(41), 20), "CDP 521 instead of 520, and so on at 11 of 26"),
    (False, True, np.delete(np.arange(41), 20), "found: up to 35.4 m away, at 11 of 26 traces"),
    (False, True, LINE + 1, "found: up to 35.4 m away, at 26 of 26 traces"),
    (False, False, np.arange(50), "neither CDP or shot .*: 50 traces, and 40 in the old store"),
])
def test_traces_of_a_line_are_the_same_ones(tmp_path, numbered, placed, newer, why):
    """They are counted in their files: behind one that was lost all are others."""
    store, told = str(tmp_path / "line.zarr"), HeaderOverrides(geometry="2d")
    ingest(deliver_line(tmp_path / "old.sgy", LINE, numbered, placed), store, overrides=told)
    facies = np.full((40, 20), NONE, np.uint8)
    facies[5:31] = np.random.default_rng(2).integers(0, 6, (26, 20))
    import_labels(store, "ann", facies=facies)
    files = deliver_line(tmp_path / "newer.sgy", newer, numbered, placed)
    if why:
        with pytest.raises(LostLabelsError, match=f"labels/ann .*{why}"):
            ingest(files, store, overrides=told, overwrite=True)
    else:
        ingest(files, store, overrides=told, overwrite=True)
        np.testing.assert_array_equal(Survey(store).read("labels/ann/facies")[:40], facies)


@pytest.mark.parametrize("shape", [(6, 5, 4), (6, 4)], ids=["3-D", "2-D"])
def test_numbers_that_nobody_gave_tell_nothing_when_their_count_is_another(tmp_path, shape):
    axes = ("inline", "crossline", "twt") if len(shape) == 3 else ("cdp", "twt")

    def make(gain, shape):
        earth = np.random.default_rng(0).normal(size=(7, *shape[1:]))[: shape[0]]
        np.save(tmp_path / "v.npy", gain * earth.astype("f4"))
        ingest_volume(str(tmp_path / "v.npy"), str(tmp_path / "s.zarr"), overwrite=True,
                      settings=VolumeSettings(axes=axes, interval=4.0))

    make(1, shape)
    import_labels(str(tmp_path / "s.zarr"), "ann", facies=np.ones(shape, np.uint8))
    make(2, shape)
    assert Survey(str(tmp_path / "s.zarr")).groups("labels") == ["ann"]
    with pytest.raises(LostLabelsError, match="7 (inlines|traces), and 6 in the old store"):
        make(3, (7, *shape[1:]))


@pytest.mark.parametrize(("damaged", "why"), [
    ("facies/c/0/0/0", "labels/ann/facies/c/0/0/0 is damaged, inlines 100 to 111"),
    ("zarr.json", "labels/ann is damaged; found: UnicodeDecodeError"),
    ("labelled/zarr.json", "labels/ann is damaged"),
])
def test_labels_that_are_damaged_keep_the_store_until_they_are_let_go(
    store, tmp_path, damaged, why
):
    file, newer = Path(store.url) / "labels/ann" / damaged, deliver(tmp_path / "n.sgy", seed=2)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0xFF
    file.write_bytes(bytes(content))
    with pytest.raises(LostLabelsError, match=why):
        ingest([newer], store.url, overwrite=True)
    assert Survey(store.url).fingerprint == store.fingerprint
    ingest([newer], store.url, overwrite=True, drop_labels=["ann"])
    assert Survey(store.url).groups("labels") == []


def killed_at(monkeypatch, newer, store, step):
    """Replace a store, but be killed at a step of putting the new one in its place."""
    def killed(*places):
        step(*places)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seisproc.building.put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest([newer], store.url, overwrite=True)


def test_a_replacement_that_was_killed_is_ended_before_another_delivery_is_built(
    store, tmp_path, monkeypatch
):
    """The old store has gone by then, and the new one with its labels lies in the work folder."""
    newer = deliver(tmp_path / "newer.sgy", seed=2)
    killed_at(monkeypatch, newer, store, lambda *_: Path(store.url).rename(tmp_path / "gone"))
    larger = dataclasses.replace(GRID, inline=np.arange(98, 114, dtype="int32"))
    ingest([deliver(tmp_path / "newest.sgy", larger)], store.url, overwrite=True)
    notes = Survey(store.url).group_attributes("labels/ann")[CARRIED]
    assert [json.dumps(each["survey"]) for each in notes] == ['"first.sgy"', '"newer.sgy"']


def test_who_ends_a_replacement_that_was_killed_says_that_it_took_place(
    store, tmp_path, monkeypatch
):
    newer = deliver(tmp_path / "newer.sgy", seed=2)
    killed_at(monkeypatch, newer, store, put_in_place)
    assert [ingest([newer], store.url, overwrite=True).reused for _ in range(2)] == [False, True]
