"""A survey is delivered again: its labels come along, or the old store stays."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from seisproc.errors import BusyError, GeometryError, StoreError
from seisproc.grid import Grid, Lattice
from seisproc.labelling.carrying import CARRIED, LostLabelsError
from seisproc.labelling.target import Target
from seisproc.labels import class_set, import_labels
from seisproc.records import lease, work_url
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
CLASSES = (FaciesClass(0, "mud", "#111111"), FaciesClass(3, "sand", "#222222"))


def deliver(path, grid=GRID, seed=1, east=0.0, **options):
    """Write a SEG-Y file whose bins are where their line numbers say."""
    i, j = np.meshgrid(25.0 * grid.inline, 12.5 * grid.crossline, indexing="ij")
    volume = np.random.default_rng(seed).normal(size=grid.shape).astype("float32")
    create_segy(path, volume, grid, cdp_x=i + east, cdp_y=j, **options)
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
    assert made.reused, "what was built is put in place"
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
    assert made.reused, "all was built, and waited for the import to end"
    survey = Survey(store.url)
    assert (survey.fingerprint, survey.groups("labels")) == (made.fingerprint, ["ann", "bob"])
    np.testing.assert_array_equal(survey.read("labels/bob/facies"), bob)


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


def test_a_line_that_lies_elsewhere_is_another_one():
    x, lattice = 25.0 * np.arange(40), Lattice("2d", {"trace": np.arange(40)}, np.arange(5.0))
    line, places = Target("line", lattice, np.ones(40, bool), x, 0 * x), (np.arange(40),)
    line.require_here(x + 20, 0 * x, places, "labels/ann")
    with pytest.raises(GeometryError, match="found: 250 m away; expected: within a bin, 25.0 m"):
        line.require_here(x + 250, 0 * x, places, "labels/ann")


def test_a_replacement_that_was_killed_is_ended_before_another_delivery_is_built(
    store, tmp_path, monkeypatch
):
    """The old store has gone by then, and the new one with its labels lies in the work folder."""
    def killed(*_):
        Path(store.url).rename(tmp_path / "gone")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seisproc.building.put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest([deliver(tmp_path / "newer.sgy", seed=2)], store.url, overwrite=True)
    larger = dataclasses.replace(GRID, inline=np.arange(98, 114, dtype="int32"))
    ingest([deliver(tmp_path / "newest.sgy", larger)], store.url, overwrite=True)
    notes = Survey(store.url).group_attributes("labels/ann")[CARRIED]
    assert [json.dumps(each["survey"]) for each in notes] == ['"first.sgy"', '"newer.sgy"']
