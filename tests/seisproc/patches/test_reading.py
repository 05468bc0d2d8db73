import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError
from seisproc.labels import import_labels
from seisproc.patches import make as patches_module
from seisproc.patches.make import PatchConfig, SurveySource, make_patches
from seisproc.patches.reading import PatchReader, through_buffer
from seisproc.patches.splits import SplitConfig
from seisproc.patches.store import PatchStore

SHAPE = (48, 40, 50)
PATCH = (8, 12)
BYTES = 5 * 8 * 12
SPLIT = SplitConfig(fractions=(0.6, 0.2, 0.2), guard=2)


@pytest.fixture
def store(make_survey, tmp_path, monkeypatch):
    """90 training patches in shards of 8, so that the last of them also holds validation ones."""
    monkeypatch.setattr(patches_module, "patch_layout", lambda shape, count: (4, 8))
    monkeypatch.setattr("seisproc.patches.plan.patch_layout", lambda shape, count: (4, 8))
    survey = make_survey(np.arange(np.prod(SHAPE)).reshape(SHAPE))
    facies = np.broadcast_to(np.arange(50) // 17, SHAPE).astype(np.uint8)
    import_labels(survey.url, "truth", facies=facies)
    config = PatchConfig(shape=PATCH, count=(90, 20, 0), split=SPLIT, balance=0.0)
    url = str(tmp_path / "patches.zarr")
    make_patches(config, [SurveySource(survey.url, "truth")], url)
    return PatchStore(url)


def reader(store, patches=24, part="train"):
    return PatchReader(store, part, buffer_bytes=patches * BYTES)


def taken(patches, count):
    """Patches as bytes, so that they can be compared and counted."""
    return [s.tobytes() + lab.tobytes() for s, lab in itertools.islice(patches, count)]


@pytest.mark.parametrize("patches", [1, 24, 1000])
def test_a_lap_holds_every_patch_once_in_its_own_order(store, patches):
    found = reader(store, patches)
    laps = [taken(found.shuffled(3, lap * 90), 90) for lap in range(3)]
    stored = taken(zip(*store.load("train"), strict=True), 90)
    assert sorted(laps[0]) == sorted(laps[1]) == sorted(laps[2]) == sorted(stored)
    assert laps[0] != laps[1] != laps[2] and laps[0] != stored


@pytest.mark.parametrize("patches", [1, 24, 1000])
@pytest.mark.parametrize("start", [1, 41, 89, 90, 200])
def test_going_on_from_any_number_gives_what_would_have_come(store, patches, start):
    whole = taken(reader(store, patches).shuffled(3), 300)
    assert taken(reader(store, patches).shuffled(3, start), 300 - start) == whole[start:]


def test_another_seed_gives_another_order(store):
    assert taken(reader(store).shuffled(3), 90) != taken(reader(store).shuffled(4), 90)


def test_the_buffer_is_as_large_as_told_and_each_shard_is_read_once_a_lap(store, monkeypatch):
    found, held, most, spans = reader(store, 24), 0, 0, []
    read = PatchReader._read

    def counted(self, span):
        nonlocal held, most
        held += span.stop - span.start
        most = max(most, held)
        spans.append(span)
        return read(self, span)

    monkeypatch.setattr(PatchReader, "_read", counted)
    for _ in itertools.islice(found.shuffled(0), 5 * 90):
        held -= 1
    assert found.capacity == 24
    assert most <= 24 + 8
    assert sorted(spans[:12], key=lambda span: span.start) == found.spans()
    assert len(spans) <= 5 * 12 + 4


def test_going_on_reads_only_what_is_still_to_come(store, monkeypatch):
    spans, read = [], PatchReader._read

    def counted(self, span):
        spans.append(span)
        return read(self, span)

    found = reader(store, 24)
    monkeypatch.setattr(PatchReader, "_read", counted)
    taken(found.shuffled(0, 80), 1)
    assert len(spans) < 12


def test_a_patch_that_was_handed_out_stays_what_it_was(store):
    kept = list(itertools.islice(reader(store, 8).shuffled(1), 90))
    assert taken(iter(kept), 90) == taken(reader(store, 8).shuffled(1), 90)
    assert kept[0][0].dtype == np.float32 and kept[0][1].dtype == np.uint8


def test_parts_that_share_a_shard_are_kept_apart(store):
    validation = reader(store, part="validation")
    expected = taken(zip(*store.load("validation"), strict=True), 20)
    assert taken(validation.in_order(), 99) == expected
    assert sorted(taken(validation.shuffled(0), 20)) == sorted(expected)
    assert len(validation) == 20
    picked = taken(validation.sample(5), 99)
    assert len(picked) == 5 and set(picked) <= set(expected)
    assert taken(validation.sample(500), 999) == expected


def test_counts_come_from_the_attributes(store, monkeypatch):
    def unread(self, span):
        raise AssertionError("nothing is to be read")

    monkeypatch.setattr(PatchReader, "_read", unread)
    _, label = store.load("train")
    np.testing.assert_array_equal(
        reader(store).voxels(), np.bincount(label.ravel(), minlength=256)
    )
    assert reader(store).fingerprint != reader(store, part="validation").fingerprint


def test_an_empty_part_is_refused(store):
    with pytest.raises(ConfigError, match="no test patches"):
        reader(store, part="test")


@given(st.integers(1, 200), st.integers(1, 250), st.integers(0, 1000))
def test_a_shuffle_buffer_lets_nothing_out_before_it_came(count, capacity, seed):
    out = through_buffer(np.arange(count), capacity, np.random.default_rng(seed))
    assert sorted(out.tolist()) == list(range(count))
    assert (out < np.arange(count) + capacity).all()


def test_a_shuffle_buffer_mixes_over_its_whole_length():
    out = through_buffer(np.arange(4000), 400, np.random.default_rng(0))
    moved = out - np.arange(4000)
    assert np.abs(np.diff(out[:2000])).mean() > 100
    assert moved.max() > 390
