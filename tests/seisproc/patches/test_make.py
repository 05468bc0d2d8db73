import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError, IncompleteError, OutputExistsError, StoreError
from seisproc.labels import import_labels
from seisproc.patches import make as patches_module
from seisproc.patches.cutting import write_shard
from seisproc.patches.drawing import CROSSLINE, INLINE
from seisproc.patches.make import (
    PatchConfig,
    PatchStore,
    SurveySource,
    SyntheticSource,
    make_patches,
)
from seisproc.patches.splits import GUARD, TEST, TRAIN, SplitConfig, split_map
from seisproc.schema import NONE
from seisproc.synthetic.config import SyntheticConfig

SHAPE = (48, 40, 50)
SPLIT = SplitConfig(fractions=(0.6, 0.2, 0.2), guard=2)
CONFIG = PatchConfig(shape=(16, 24), count=(90, 20, 10), split=SPLIT, seed=3)


@pytest.fixture
def survey(make_survey):
    """Amplitude that names its own place, labels in layers, a rare body, a dead corner."""
    live = np.ones(SHAPE[:2], bool)
    live[:6, :6] = False
    store = make_survey(np.arange(np.prod(SHAPE)).reshape(SHAPE), live)
    facies = np.broadcast_to(np.arange(50) // 17, SHAPE).astype(np.uint8)
    facies[20:24, 18:22, 30:33] = 5
    fault = np.zeros(SHAPE, np.uint8)
    fault[30, :, :] = 1
    import_labels(store.url, "truth", facies=facies, fault=fault, labelled=live)
    return store


def digests(url):
    return {str(path.relative_to(url)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(url).rglob("*")) if path.is_file()}


def test_patches_are_the_survey_at_their_origins(survey, tmp_path):
    url = str(tmp_path / "patches.zarr")
    receipt = make_patches(CONFIG, [SurveySource(survey.url, "truth")], url)
    store = PatchStore(url)
    assert receipt.patches == {"train": 90, "validation": 20, "test": 10}
    seismic, label = store.load("train")
    assert seismic.shape == label.shape == (90, 16, 24)
    facies, amplitude = survey.read("labels/truth/facies"), survey.read("amplitude")
    statistics = survey.statistics
    directions = store.read("direction")
    assert set(directions.tolist()) == {INLINE, CROSSLINE}
    for row, (i, j, k) in enumerate(store.read("origin")[:90]):
        across = (slice(i, i + 1), slice(j, j + 16)) if directions[row] == INLINE \
            else (slice(i, i + 16), slice(j, j + 1))
        box = (*across, slice(k, k + 24))
        np.testing.assert_array_equal(label[row], facies[box].reshape(16, 24))
        unit = (amplitude[box].reshape(16, 24) - statistics["mean"]) / statistics["std"]
        np.testing.assert_allclose(seismic[row], np.nan_to_num(unit), atol=1e-5)
    inside = {name: int((label == code).sum()) for code, name in
              enumerate(c.name for c in store.classes)}
    assert inside == store.class_counts("train") == receipt.voxels["train"]


@given(
    scheme=st.sampled_from(["slabs", "blocks"]), guard=st.integers(0, 3),
    seed=st.integers(0, 1000), trace=st.integers(1, 12), kind=st.sampled_from(["2d", "3d"]),
)
def test_no_test_voxel_lies_within_a_training_patch(scheme, guard, seed, trace, kind):
    from seisproc.patches.drawing import draw_origins, index_block, survey_ground

    split = SplitConfig(scheme, (0.6, 0.1, 0.3), guard=guard, block=16, seed=seed)
    shape = (40, 52, 20)
    parts = split_map(split, shape)
    config = PatchConfig(kind=kind, shape=(trace, 8) if kind == "2d" else (trace, trace, 8),
                         split=split)
    labels = np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8)
    index = index_block(labels, (0, 0, 0), parts, seed)
    covered = {}
    for part in (TRAIN, TEST):
        ground = survey_ground(shape, config.shape, config.direction_codes, parts, part,
                               np.ones(shape[:2], bool), 0.0, index, (0, 1, 2))
        hits = np.zeros(shape, bool)
        if ground.has_room:
            origins, directions = draw_origins(ground, 50, 0.5, np.random.default_rng(seed))
            for (i, j, k), direction in zip(origins, directions, strict=True):
                a, b, c = ground.boxes[int(direction)]
                assert i >= 0 and i + a <= 40 and j + b <= 52 and 0 <= k <= 20 - c
                hits[i:i + a, j:j + b, k:k + c] = True
        covered[part] = hits
    assert not (covered[TRAIN] & (parts != TRAIN)[..., None]).any()
    assert not (covered[TRAIN] & covered[TEST]).any()


def test_the_split_variable_agrees_with_the_map(survey, tmp_path):
    url = str(tmp_path / "patches.zarr")
    make_patches(CONFIG, [SurveySource(survey.url, "truth")], url)
    store, parts = PatchStore(url), split_map(SPLIT, SHAPE)
    split, origin = store.read("split"), store.read("origin")
    np.testing.assert_array_equal(parts[origin[:, 0], origin[:, 1]], split)
    assert (np.diff(split.astype(int)) >= 0).all()
    assert GUARD not in split


def test_balance_brings_out_the_rare_class(survey, tmp_path):
    shares = []
    for balance in (0.0, 1.0):
        url = str(tmp_path / f"{balance}.zarr")
        config = dataclasses.replace(CONFIG, balance=balance)
        make_patches(config, [SurveySource(survey.url, "truth")], url)
        _, label = PatchStore(url).load("train")
        shares.append((label == 5).any(axis=(1, 2)).mean())
    assert shares[1] > max(0.2, 2 * shares[0])


def test_balanced_fault_patches_hold_faults(survey, tmp_path):
    url = str(tmp_path / "faults.zarr")
    config = PatchConfig(target="fault", kind="3d", shape=(8, 8, 16), count=(40, 0, 0),
                         balance=1.0, split=SplitConfig(fractions=(0.9, 0.0, 0.1), guard=1))
    make_patches(config, [SurveySource(survey.url, "truth")], url)
    _, label = PatchStore(url).load("train")
    assert label.shape == (40, 8, 8, 16)
    assert (label == 1).any(axis=(1, 2, 3)).mean() > 0.9


def test_the_same_command_gives_the_same_bytes_in_pieces_and_after_a_failure(
    survey, tmp_path, monkeypatch
):
    monkeypatch.setattr(patches_module, "patch_layout", lambda shape, count: (4, 8))
    monkeypatch.setattr("seisproc.patches.plan.patch_layout", lambda shape, count: (4, 8))
    sources = [SurveySource(survey.url, "truth")]
    whole, torn = str(tmp_path / "whole.zarr"), str(tmp_path / "torn.zarr")
    make_patches(CONFIG, sources, whole)

    def fails_at_times(job):
        if int(job.key) % 3 == 1:
            raise OSError("disk gone")
        return write_shard(job)

    with monkeypatch.context() as patch:
        patch.setattr(patches_module, "write_shard", fails_at_times)
        with pytest.raises(IncompleteError, match="5 of 15 shards"):
            make_patches(CONFIG, sources, torn)
        with pytest.raises(StoreError):
            PatchStore(torn)
    written = []

    def counted(job):
        written.append(job.key)
        return write_shard(job)

    monkeypatch.setattr(patches_module, "write_shard", counted)
    make_patches(CONFIG, sources, torn)
    assert len(written) == 5
    assert digests(torn) == digests(whole)
    assert not (tmp_path / "torn.zarr.work").exists()
    make_patches(CONFIG, sources, torn)
    assert len(written) == 5, "finished patches are left alone"


def test_another_store_is_replaced_only_when_told(survey, tmp_path):
    url = str(tmp_path / "patches.zarr")
    sources = [SurveySource(survey.url, "truth")]
    make_patches(CONFIG, sources, url)
    other = dataclasses.replace(CONFIG, seed=4)
    with pytest.raises(OutputExistsError):
        make_patches(other, sources, url)
    receipt = make_patches(other, sources, url, overwrite=True)
    assert PatchStore(url).attributes["config"]["seed"] == 4
    assert PatchStore(url).fingerprint == receipt.fingerprint


def test_plain_xarray_opens_the_store(survey, tmp_path):
    url = str(tmp_path / "patches.zarr")
    make_patches(CONFIG, [SurveySource(survey.url, "truth")], url)
    opened = xr.open_zarr(url, consolidated=False)
    assert opened.seismic.dims == ("patch", "trace", "sample")
    assert opened.seismic.dtype == np.float32 and opened.label.dtype == np.uint8
    assert opened.label.attrs["flag_meanings"].startswith("basement")
    assert opened.attrs["normalisation"] == "unit-rms"
    assert opened.attrs["config"]["split"]["guard"] == 2
    assert zarr.open_array(f"{url}/seismic").shards is not None


def test_patches_of_dead_or_unlabelled_ground_are_marked(survey, tmp_path):
    url = str(tmp_path / "patches.zarr")
    config = dataclasses.replace(CONFIG, min_labelled=0.0, count=(400, 0, 0), balance=0.0)
    make_patches(config, [SurveySource(survey.url, "truth")], url)
    seismic, label = PatchStore(url).load("train")
    assert (label == NONE).any(), "the dead corner should turn up"
    assert np.isfinite(seismic).all() and not seismic[label == NONE].any()


def test_what_does_not_fit_is_refused_in_one_line(survey, tmp_path):
    url = str(tmp_path / "patches.zarr")
    source = [SurveySource(survey.url, "truth")]
    with pytest.raises(ConfigError, match="smaller than a patch; found: \\(48, 40, 50\\)"):
        make_patches(dataclasses.replace(CONFIG, shape=(16, 64)), source, url)
    with pytest.raises(ConfigError, match="No training patch fits"):
        make_patches(dataclasses.replace(CONFIG, kind="3d", shape=(40, 40, 8)), source, url)
    with pytest.raises(ConfigError, match="nothing to cut"):
        make_patches(CONFIG, [], url)
    with pytest.raises(StoreError):
        make_patches(CONFIG, [SurveySource(survey.url, "other")], url)
    assert not Path(url).exists()


def test_no_store_is_built_among_files_of_somebody(survey, tmp_path):
    source = [SurveySource(survey.url, "truth")]
    mine = tmp_path / "data" / "years-of-work.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    for place in (mine.parent, mine):
        with pytest.raises(OutputExistsError, match="the file years-of-work.txt"):
            make_patches(CONFIG, source, str(place), overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "survey.zarr"]
    assert list(mine.parent.iterdir()) == [mine] and mine.read_text() == "years of work"


def test_a_part_without_room_is_named_in_the_receipt(survey, tmp_path):
    config = dataclasses.replace(CONFIG, kind="3d", shape=(16, 16, 16), count=(10, 4, 0))
    receipt = make_patches(config, [SurveySource(survey.url, "truth")], str(tmp_path / "p.zarr"))
    assert receipt.patches == {"train": 10, "validation": 0, "test": 0}
    assert receipt.warnings == (f"{survey.url} labels/truth: no room for validation patches",)


@pytest.mark.parametrize("wrong", [
    {"kind": "4d"}, {"target": "salt"}, {"shape": (8,)}, {"count": (0, 1, 1)},
    {"directions": ("time",)}, {"balance": 1.5}, {"min_labelled": -0.1},
])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ConfigError):
        PatchConfig(**wrong)


def test_synthetic_volumes_mix_with_a_survey_and_belong_to_one_part_each(survey, tmp_path):
    url = str(tmp_path / "mixed.zarr")
    config = dataclasses.replace(CONFIG, count=(30, 10, 0))
    synthetic = SyntheticSource(SyntheticConfig(shape=(24, 24, 40), seed=5), volumes=3, weight=2)
    receipt = make_patches(config, [SurveySource(survey.url, "truth"), synthetic], url)
    store = PatchStore(url)
    assert receipt.patches == {"train": 30, "validation": 10, "test": 0}
    source, volume, split = (store.read(name) for name in ("source", "volume", "split"))
    assert np.bincount(source[split == 0]).tolist() == [10, 20]
    assert set(volume[source == 0]) == {-1}
    parts_of = {v: set(split[volume == v].tolist()) for v in (0, 1, 2)}
    assert sorted(map(tuple, parts_of.values())) == [(0,), (0,), (1,)]
    seismic, label = store.load("train")
    rms = np.sqrt((seismic[source[:30] == 1] ** 2).mean())
    assert 0.5 < rms < 1.5 and label.max() <= 5
    again = str(tmp_path / "again.zarr")
    make_patches(config, [SurveySource(survey.url, "truth"), synthetic], again)
    assert digests(again) == digests(url)


def test_two_workers_write_the_same_bytes_as_this_process(survey, tmp_path, monkeypatch):
    from distributed import Client, LocalCluster

    monkeypatch.setattr(patches_module, "patch_layout", lambda shape, count: (4, 16))
    monkeypatch.setattr("seisproc.patches.plan.patch_layout", lambda shape, count: (4, 16))
    synthetic = SyntheticSource(SyntheticConfig(shape=(24, 24, 40), seed=5), volumes=2)
    sources = [SurveySource(survey.url, "truth"), synthetic]
    here, there = str(tmp_path / "here.zarr"), str(tmp_path / "there.zarr")
    make_patches(CONFIG, sources, here)
    ticks = []
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False,
                     dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        make_patches(CONFIG, sources, there, client=client,
                     on_progress=lambda done, total: ticks.append((done, total)))
    assert ticks == [(n, 10) for n in range(1, 11)], "two volumes and eight shards"
    assert not (tmp_path / "there.zarr.work").exists()
    assert digests(there) == digests(here)
