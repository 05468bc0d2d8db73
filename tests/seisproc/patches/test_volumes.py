import dataclasses

import numpy as np
import pytest
import xarray as xr
import zarr

from seisproc.errors import ConfigError, IncompleteError, OutputExistsError, StoreError
from seisproc.patches import volumes as volumes_module
from seisproc.patches.store import PatchStore
from seisproc.patches.volumes import VolumeStore, make_volumes, volume_seed, write_volume
from seisproc.survey import Survey
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.volume import synthesize

CONFIG = SyntheticConfig(shape=(20, 24, 40), seed=3)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    url = str(tmp_path_factory.mktemp("volumes") / "many.zarr")
    make_volumes(CONFIG, 3, url)
    return url


def test_each_volume_is_what_its_seed_and_the_configuration_make(url):
    store = VolumeStore(url)
    seeds = store.read("seed").tolist()
    assert len(set(seeds)) == len(store) == 3
    assert seeds == store.attributes["seeds"] == [volume_seed(3, number) for number in range(3)]
    for number, seed in enumerate(seeds):
        made = synthesize(dataclasses.replace(CONFIG, seed=seed))
        np.testing.assert_array_equal(store.amplitude[number], made.amplitude)
        np.testing.assert_array_equal(store.facies[number], made.facies)
        np.testing.assert_array_equal(store.fault[number], made.fault)
        told = store.attributes["faults"][number]
        assert len(told) == len(made.faults) == store.read("fault_count")[number]
        for entry, fault in zip(told, made.faults, strict=True):
            assert entry["throw"] == pytest.approx(fault.throw)
            assert tuple(entry["centre"]) == pytest.approx(fault.centre)


def test_the_store_says_what_is_in_it(url):
    store, receipt = VolumeStore(url), VolumeStore(url).receipt()
    assert receipt.volumes == 3 and receipt.shape == (20, 24, 40) and receipt.seed == 3
    facies = np.asarray(store.facies[...])
    assert receipt.facies_voxels == {
        entry.name: int((facies == entry.code).sum()) for entry in store.classes
    }
    assert receipt.fault_voxels == int(np.asarray(store.fault[...]).sum())
    assert receipt.faults == int(store.read("fault_count").sum())
    assert store.attributes["config"]["shape"] == [20, 24, 40]


def test_plain_xarray_opens_the_store_with_one_shard_a_volume(url):
    opened = xr.open_zarr(url, consolidated=False)
    for name in ("amplitude", "facies", "fault"):
        assert opened[name].dims == ("volume", "inline", "crossline", "sample")
        shards = zarr.open_array(f"{url}/{name}").shards
        assert shards[0] == 1
        assert all(s >= n for s, n in zip(shards[1:], CONFIG.shape, strict=True))
    assert opened.facies.attrs["flag_meanings"].startswith("basement")
    assert opened.amplitude.dtype == np.float32 and opened.fault.dtype == np.uint8


def test_a_volume_that_failed_is_made_by_the_next_run(tmp_path, monkeypatch):
    url, made = str(tmp_path / "many.zarr"), []

    def fails_once(piece):
        made.append(piece.number)
        if piece.number == 1 and made.count(1) == 1:
            raise OSError("disk gone")
        return write_volume(piece)

    monkeypatch.setattr(volumes_module, "write_volume", fails_once)
    with pytest.raises(IncompleteError, match="1 of 3 volumes failed"):
        make_volumes(CONFIG, 3, url)
    with pytest.raises(StoreError):
        VolumeStore(url)
    ticks = []
    make_volumes(CONFIG, 3, url, on_progress=lambda done, total: ticks.append((done, total)))
    assert made == [0, 1, 2, 1] and ticks == [(2, 3), (3, 3)]
    make_volumes(CONFIG, 3, url)
    assert len(made) == 4, "finished volumes are left alone"
    assert not (tmp_path / "many.zarr.work").exists()


def test_an_unfinished_run_of_other_settings_leaves_nothing_behind(tmp_path, monkeypatch):
    """A second, a third run at one place: the first one's records are not the third's."""
    url = str(tmp_path / "many.zarr")
    other = dataclasses.replace(CONFIG, seed=9)

    def fails(piece):
        if piece.number == 2 and piece.config.seed == volume_seed(3, 2):
            raise OSError("disk gone")
        return write_volume(piece)

    monkeypatch.setattr(volumes_module, "write_volume", fails)
    with pytest.raises(IncompleteError):
        make_volumes(CONFIG, 3, url)
    make_volumes(other, 3, url)
    monkeypatch.setattr(volumes_module, "write_volume", write_volume)
    with pytest.raises(OutputExistsError):
        make_volumes(CONFIG, 3, url)
    assert VolumeStore(url).attributes["config"]["seed"] == 9
    make_volumes(CONFIG, 3, url, overwrite=True)
    store = VolumeStore(url)
    for number, seed in enumerate(store.read("seed").tolist()):
        made = synthesize(dataclasses.replace(CONFIG, seed=seed))
        np.testing.assert_array_equal(store.amplitude[number], made.amplitude)


def test_a_survey_is_never_replaced_nor_taken_for_one(make_survey, tmp_path):
    survey = make_survey(np.random.default_rng(0).normal(size=(8, 8, 16))).url
    before = Survey(survey).fingerprint
    with pytest.raises(OutputExistsError, match="holds no training data"):
        make_volumes(CONFIG, 1, survey, overwrite=True)
    assert Survey(survey).fingerprint == before
    url = str(tmp_path / "v.zarr")
    make_volumes(CONFIG, 1, url)
    with pytest.raises(StoreError, match="no survey store; found: a store of synthetic volumes"):
        Survey(url)


def test_a_store_that_was_removed_is_made_again_whole(tmp_path, monkeypatch):
    import shutil

    url = str(tmp_path / "many.zarr")

    def fails(piece):
        if piece.number == 1:
            raise OSError("disk gone")
        return write_volume(piece)

    monkeypatch.setattr(volumes_module, "write_volume", fails)
    with pytest.raises(IncompleteError):
        make_volumes(CONFIG, 2, url)
    shutil.rmtree(url)
    monkeypatch.setattr(volumes_module, "write_volume", write_volume)
    make_volumes(CONFIG, 2, url)
    assert np.abs(VolumeStore(url).amplitude[0]).max() > 0


def test_what_cannot_be_is_refused(url, tmp_path):
    with pytest.raises(ConfigError, match="at least 1"):
        make_volumes(CONFIG, 0, str(tmp_path / "none.zarr"))
    with pytest.raises(StoreError, match="store of patches; found: another kind"):
        PatchStore(url)
    with pytest.raises(StoreError, match="nothing finished"):
        VolumeStore(str(tmp_path / "nowhere.zarr"))
    with pytest.raises(OutputExistsError):
        make_volumes(dataclasses.replace(CONFIG, seed=4), 3, url)
