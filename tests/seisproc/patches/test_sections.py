"""Training patches from sections without a survey, and from 2-D lines."""

import dataclasses
import hashlib
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisproc import survey
from seisproc.chunking import layout
from seisproc.errors import ConfigError, SeisprocError, VolumeError
from seisproc.grid import Lattice
from seisproc.labels import import_labels
from seisproc.patches.drawing import CROSSLINE, INLINE
from seisproc.patches.make import (
    PatchConfig,
    PatchStore,
    SectionsSource,
    SurveySource,
    make_patches,
)
from seisproc.patches.sections import section_files, sections_source
from seisproc.patches.splits import TEST, TRAIN, VALIDATION, SplitConfig, split_sections
from seisproc.schema import NONE, FaciesClass

SPLIT = SplitConfig(fractions=(0.6, 0.2, 0.2), guard=2)
CONFIG = PatchConfig(shape=(12, 10), count=(60, 20, 20), split=SPLIT, seed=3, min_labelled=0.1)
INLINES, CROSSLINES, SAMPLES = np.arange(100, 160), np.arange(300, 350), 30


def write_section(folder, line, direction=INLINE, step=1, **changes):
    """A section whose amplitude and labels follow from its place."""
    along = (CROSSLINES if direction == INLINE else INLINES)[::step]
    fixed = np.full(len(along), line)
    inline, crossline = (fixed, along) if direction == INLINE else (along, fixed)
    k = np.arange(SAMPLES)[:, None]
    arrays = {
        "seismic": (inline * 7 + crossline * 3 + k * 5) % 11 - 5.0,
        "facies": ((inline + crossline + k) // 9 % 6).astype("uint8"),
        "fault": ((inline + crossline + k) % 17 == 0).astype("uint8"),
        "inline": inline, "crossline": crossline, **changes,
    }
    name = f"{'inline' if direction == INLINE else 'crossline'}_{line}.npz"
    np.savez(Path(folder) / name, **{n: a for n, a in arrays.items() if a is not None})


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "sections"
    made.mkdir()
    for line in (104, 118, 133, 150):
        write_section(made, line)
    for line in (310, 335):
        write_section(made, line, CROSSLINE)
    return str(made)


def lines_of(url):
    with np.load(url) as arrays:
        return np.stack([arrays["inline"], arrays["crossline"]], axis=1), arrays["facies"].T


def covered(store, urls, part):
    """Places of all traces under the patches of a part, and of those with labels in them."""
    rows = store.rows(part)
    origin, volume, direction = (store.read(n)[rows] for n in ("origin", "volume", "direction"))
    _, label = store.load(part)
    everywhere, labelled = set(), set()
    for (i, j, _), number, way, patch in zip(origin, volume, direction, label, strict=True):
        first = j if way == INLINE else i
        lines = lines_of(urls[number])[0][first : first + patch.shape[0]]
        everywhere |= set(map(tuple, lines.tolist()))
        labelled |= set(map(tuple, lines[(patch != NONE).any(axis=1)].tolist()))
    return np.array(sorted(everywhere)), np.array(sorted(labelled))


def test_patches_are_the_sections_at_their_origins(folder, tmp_path):
    url = str(tmp_path / "patches.zarr")
    receipt = make_patches(CONFIG, [SectionsSource(folder)], url)
    store, urls = PatchStore(url), section_files(folder)
    assert receipt.patches == {"train": 60, "validation": 20, "test": 20}
    amplitudes = np.concatenate([np.load(each)["seismic"].ravel() for each in urls])
    whole = [np.load(each)["seismic"].T for each in urls]
    assert set(store.read("direction").tolist()) == {INLINE, CROSSLINE}
    for part in ("train", "validation", "test"):
        seismic, label = store.load(part)
        rows = store.rows(part)
        origin, volume = store.read("origin")[rows], store.read("volume")[rows]
        for row, (i, j, k) in enumerate(origin):
            first = max(i, j)
            box = (slice(first, first + 12), slice(k, k + 10))
            unit = (whole[volume[row]][box] - amplitudes.mean()) / amplitudes.std()
            np.testing.assert_allclose(seismic[row], unit, atol=1e-5)
            known = label[row] != NONE
            np.testing.assert_array_equal(
                label[row][known], lines_of(urls[volume[row]])[1][box][known])
    assert (store.load("train")[1] != NONE).all(), "training sections are whole"


def test_each_section_belongs_to_one_part(folder, tmp_path):
    make_patches(CONFIG, [SectionsSource(folder)], url := str(tmp_path / "patches.zarr"))
    store = PatchStore(url)
    split, volume = store.read("split"), store.read("volume")
    parts = {number: set(split[volume == number].tolist()) for number in set(volume.tolist())}
    assert all(len(each) == 1 for each in parts.values()) and len(parts) == 6
    assert set().union(*parts.values()) == {TRAIN, VALIDATION, TEST}


lines = st.lists(st.tuples(st.sampled_from([INLINE, CROSSLINE]), st.integers(0, 49)),
                 min_size=2, max_size=7, unique=True)


@given(lines, st.integers(0, 4), st.integers(0, 99))
@settings(max_examples=20)
def test_no_labelled_test_voxel_lies_within_or_beside_a_training_patch(chosen, guard, seed):
    split = SplitConfig(fractions=(0.5, 0.2, 0.3), guard=guard, seed=seed)
    config = dataclasses.replace(CONFIG, split=split, seed=seed)
    with tempfile.TemporaryDirectory() as name:
        for direction, line in chosen:
            write_section(name, line + (100 if direction == INLINE else 300), direction)
        make_patches(config, [SectionsSource(name)], f"{name}/patches.zarr")
        store, urls = PatchStore(f"{name}/patches.zarr"), section_files(name)
        seen, _ = covered(store, urls, "train")
        for part in ("validation", "test"):
            _, judged = covered(store, urls, part)
            if len(judged):
                apart = np.abs(judged[:, None] - seen[None]).max(axis=2)
                assert apart.min() > guard
            seen = np.concatenate([seen, covered(store, urls, part)[0]]) \
                if store.count(part) else seen


places = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 40), st.integers(0, 20), st.integers(1, 40)),
    min_size=1, max_size=9,
)


@given(places, st.integers(0, 5), st.integers(0, 99))
def test_unmasked_traces_of_different_parts_are_further_apart_than_the_guard(
    chosen, guard, seed
):
    tracks = []
    for axis, line, first, count in chosen:
        track = np.full((count, 2), float(line))
        track[:, axis] = first + np.arange(count)
        tracks.append(track)
    found = split_sections(SplitConfig(guard=guard, seed=seed), tracks)
    assert [len(each.masked) for each in found] == [len(track) for track in tracks]
    assert any(each.part == TRAIN for each in found)
    assert not any(each.masked.any() for each in found if each.part == TRAIN)
    for (a, one), (b, other) in [
        (x, y) for x in zip(found, tracks, strict=True) for y in zip(found, tracks, strict=True)
    ]:
        if a.part > b.part and not a.masked.all():
            kept = one[~a.masked]
            assert np.abs(kept[:, None] - other[None]).max(axis=2).min() > guard


def test_sections_side_by_side_stay_together():
    tracks = [np.stack([np.full(50, line), np.arange(50.0)], axis=1)
              for line in (0.0, 2, 4, 30, 60, 90)]
    for seed in range(20):
        found = split_sections(SplitConfig(guard=3, seed=seed), tracks)
        assert found[0].part == found[1].part == found[2].part
        assert {each.part for each in found} == {TRAIN, VALIDATION, TEST}
        assert not any(each.masked.any() for each in found)


def test_line_numbers_with_steps_count_as_traces(tmp_path):
    for line in (100, 104, 108, 140):
        write_section(tmp_path, line, step=4)
    make_patches(dataclasses.replace(CONFIG, count=(10, 5, 5)), [SectionsSource(str(tmp_path))],
                 url := str(tmp_path / "p.zarr"))
    assert PatchStore(url).count("train") == 10


def test_the_same_sections_give_the_same_bytes_and_others_do_not(folder, tmp_path):
    source = [SectionsSource(folder)]
    urls = [str(tmp_path / name) for name in ("a.zarr", "b.zarr", "c.zarr")]
    for url in urls[:2]:
        make_patches(CONFIG, source, url)
    digests = [
        {str(p.relative_to(url)): hashlib.sha256(p.read_bytes()).hexdigest()
         for p in sorted(Path(url).rglob("*")) if p.is_file()} for url in urls[:2]
    ]
    assert digests[0] == digests[1]
    write_section(folder, 150, seismic=np.random.default_rng(0).normal(size=(SAMPLES, 50)))
    changed = make_patches(CONFIG, source, urls[2])
    assert changed.fingerprint != PatchStore(urls[0]).fingerprint


def test_sections_mix_with_a_survey_by_weight(folder, tmp_path, make_survey):
    shape = (40, 40, 30)
    store = make_survey(np.random.default_rng(0).normal(size=shape))
    import_labels(store.url, "truth",
                  facies=np.random.default_rng(1).integers(0, 6, shape).astype("uint8"))
    sources = [SurveySource(store.url, "truth", weight=2), SectionsSource(folder, weight=1)]
    make_patches(CONFIG, sources, url := str(tmp_path / "patches.zarr"))
    patches = PatchStore(url)
    source = patches.read("source")[patches.rows("train")]
    assert np.bincount(source).tolist() == [40, 20]
    assert patches.attributes["sources"][1]["kind"] == "sections"
    assert 0.7 < np.std(patches.load("train")[0][source == 1]) < 1.3


def test_sections_of_one_direction_only(folder, tmp_path):
    config = dataclasses.replace(CONFIG, directions=("crossline",), count=(9, 3, 0))
    make_patches(config, [SectionsSource(folder)], url := str(tmp_path / "patches.zarr"))
    assert set(PatchStore(url).read("direction").tolist()) == {CROSSLINE}


def test_faults_of_sections(folder, tmp_path):
    config = dataclasses.replace(CONFIG, target="fault", balance=1.0, count=(20, 0, 0))
    make_patches(config, [SectionsSource(folder)], url := str(tmp_path / "patches.zarr"))
    _, label = PatchStore(url).load("train")
    assert (label == 1).any(axis=(1, 2)).all() and set(np.unique(label)) == {0, 1}


def test_a_class_set_lies_with_the_sections(tmp_path):
    write_section(tmp_path, 104, facies=np.full((SAMPLES, 50), 8))
    (tmp_path / "classes.yaml").write_text("- {code: 8, name: salt, colour: '#aa0000'}\n")
    assert sections_source(str(tmp_path)).classes == (FaciesClass(8, "salt", "#aa0000"),)
    config = dataclasses.replace(CONFIG, count=(5, 0, 0))
    make_patches(config, [sections_source(str(tmp_path))], url := str(tmp_path / "p.zarr"))
    assert PatchStore(url).class_counts("train") == {"salt": 5 * 120}
    with pytest.raises(SeisprocError, match="values outside its class set; found: 8; expected: 0"):
        make_patches(config, [SectionsSource(str(tmp_path))], str(tmp_path / "q.zarr"))


def test_what_is_no_source_is_refused_in_one_line(folder, tmp_path):
    def refused(match, source, error=SeisprocError, **changes):
        with pytest.raises(error, match=match):
            make_patches(dataclasses.replace(CONFIG, **changes), [source],
                         str(tmp_path / "p.zarr"))

    (tmp_path / "empty").mkdir()
    refused("holds no sections", SectionsSource(str(tmp_path / "empty")), VolumeError)
    refused("holds no sections", SectionsSource(str(tmp_path / "nowhere")), VolumeError)
    refused("sections have no 3-D patches", SectionsSource(folder), ConfigError, kind="3d",
            shape=(8, 8, 8))
    refused("Each section of .* is smaller than a patch", SectionsSource(folder), ConfigError,
            shape=(12, 40))
    other = (FaciesClass(0, "salt", "#000000"),)
    refused("values outside", SectionsSource(folder, other))
    only = tmp_path / "only"
    only.mkdir()
    write_section(only, 104, fault=None)
    refused("no section has fault labels", SectionsSource(str(only)), target="fault")
    write_section(only, 104, seismic=None)
    refused("holds no array 'seismic'", SectionsSource(str(only)), VolumeError)
    write_section(only, 104, seismic=np.zeros((SAMPLES, 49)))
    refused("differ in shape", SectionsSource(str(only)), VolumeError)


def test_a_line_with_labels_is_a_source_too(tmp_path):
    lattice = Lattice("2d", {"trace": np.arange(120)}, 4.0 * np.arange(40))
    url = str(tmp_path / "line.zarr")
    values = np.random.default_rng(0).normal(size=lattice.shape).astype("float32")
    chunks, shards = layout(lattice.shape)
    array = survey.create_array(
        url, "amplitude", lattice.shape, "float32", lattice.dims, chunks=chunks, shards=shards,
        fill_value=math.nan, attributes={"statistics": {"mean": 0.0, "std": 1.0}},
    )
    array[...] = values
    survey.write_coordinates(url, lattice)
    survey.write_array(url, "live", np.ones(120, bool), ("trace",))
    survey.publish(url, {"domain": "twt", "kind": "2d", "fingerprint": "f" * 16})
    labels = (np.arange(40)[None, :] // 9 + np.zeros((120, 1))).astype("uint8")
    import_labels(url, "truth", facies=labels)
    make_patches(CONFIG, [SurveySource(url, "truth")], made := str(tmp_path / "patches.zarr"))
    store = PatchStore(made)
    assert set(store.read("direction").tolist()) == {INLINE}
    seismic, label = store.load("train")
    for row, (i, j, k) in enumerate(store.read("origin")[:60]):
        assert i == 0
        np.testing.assert_allclose(seismic[row], values[j : j + 12, k : k + 10], atol=1e-5)
        np.testing.assert_array_equal(label[row], labels[j : j + 12, k : k + 10])
    with pytest.raises(ConfigError, match="is a line: it has no 3-D patches"):
        make_patches(dataclasses.replace(CONFIG, kind="3d", shape=(4, 4, 4)),
                     [SurveySource(url, "truth")], str(tmp_path / "q.zarr"))
