"""Training on a patch store: read as it goes, and the same curve after a kill."""

import dataclasses
import json

import numpy as np
import pytest

from models.errors import BundleError
from models.training import TrainConfig
from seisproc.cluster import ClusterSpec, open_cluster
from seisproc.errors import BusyError
from seisproc.patches.augment import AugmentConfig
from seisproc.patches.make import PatchConfig, SyntheticSource, make_patches
from seisproc.patches.reading import PatchReader
from seisproc.patches.store import PatchStore
from seisproc.synthetic.config import SyntheticConfig
from tasks import train as train_module
from tasks.bundle import training_lease
from tasks.distortion import Distortion
from tasks.train import train_bundle

ARGUMENTS = {
    "width": 0.0625, "middle_blocks": 1, "stem_stride": 1, "aspp_rates": [1], "aspp_channels": 8,
    "low_level_channels": 4, "decoder_channels": 8, "head_channels": 8,
}
CONFIG = TrainConfig(
    network="deeplabv3plus", target="facies", arguments=ARGUMENTS, steps=12, batch_size=4,
    validate_every=4, device="cpu",
)
DISTORTION = Distortion(AugmentConfig(p_mix=0.5))


@pytest.fixture
def patches(tmp_path, monkeypatch):
    """A store of seven shards, of which the buffer holds two."""
    for module in ("make", "plan"):
        monkeypatch.setattr(f"seisproc.patches.{module}.patch_layout", lambda shape, count: (4, 8))
    monkeypatch.setattr(
        train_module, "PatchReader",
        lambda store, part: PatchReader(store, part, buffer_bytes=16 * 5 * 24 * 24),
    )
    url = str(tmp_path / "patches.zarr")
    config = PatchConfig(shape=(24, 24), count=(40, 12, 0))
    make_patches(config, [SyntheticSource(SyntheticConfig(shape=(32, 32, 48)), volumes=2)], url)
    return url


class KilledError(Exception):
    pass


def test_a_killed_training_goes_on_along_the_same_curve(patches, tmp_path, monkeypatch):
    def unwanted(self, part):
        raise AssertionError("a store may be larger than memory")

    monkeypatch.setattr(PatchStore, "load", unwanted)
    whole, torn = str(tmp_path / "whole"), str(tmp_path / "torn")
    expected = train_bundle.fn(CONFIG, DISTORTION, patches, whole)
    epoch = train_module.Follower.epoch

    def killed_after(step):
        def kill(self, report):
            epoch(self, report)
            if report.step == step:
                raise KilledError

        return kill

    for step in (4, 8):
        with monkeypatch.context() as patch:
            patch.setattr(train_module.Follower, "epoch", killed_after(step))
            with pytest.raises(KilledError):
                train_bundle.fn(CONFIG, DISTORTION, patches, torn)
    found = train_bundle.fn(CONFIG, DISTORTION, patches, torn)
    assert found.sha256 != "" and not (tmp_path / "torn.work").exists()
    assert dataclasses.replace(found, url="", name="", sha256="") == dataclasses.replace(
        expected, url="", name="", sha256=""
    )
    weights = [np.frombuffer((tmp_path / name / "model.safetensors").read_bytes(), "u1")
               for name in ("whole", "torn")]
    np.testing.assert_array_equal(*weights)
    for name in ("curves.png", "confusion.png", "worst.png"):
        assert (tmp_path / "torn" / "training" / name).read_bytes().startswith(b"\x89PNG")
    told = [(tmp_path / name / "training" / "history.json").read_bytes()
            for name in ("whole", "torn")]
    assert told[0] == told[1] and [e["step"] for e in json.loads(told[0])["history"]] == [4, 8, 12]


@pytest.mark.slow
def test_a_worker_of_a_cluster_trains_the_same_and_tells_of_it(patches, tmp_path, caplog):
    here, far = str(tmp_path / "here"), str(tmp_path / "far")
    caplog.set_level("INFO", "seisproc.train")
    train_bundle.fn(CONFIG, DISTORTION, patches, here)
    lines = [record.message for record in caplog.records if record.message.startswith("step")]
    caplog.clear()
    with open_cluster(ClusterSpec("local", workers=1)) as address:
        train_bundle.fn(CONFIG, DISTORTION, patches, far, cluster=address)
    told = [record.message for record in caplog.records if record.message.startswith("step")]
    assert told == lines and len(told) == 3
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("here", "far")]
    assert weights[0] == weights[1]
    assert not (tmp_path / "far.work").exists()


def test_a_class_that_never_occurs_reaches_log_receipt_and_card(tmp_path, caplog):
    url, bundle = str(tmp_path / "flat.zarr"), str(tmp_path / "b")
    column = SyntheticConfig(shape=(24, 24, 32), seed=3)
    config = PatchConfig(shape=(16, 16), count=(1, 1, 0), balance=0.0)
    make_patches(config, [SyntheticSource(column, volumes=2)], url)
    counts = PatchStore(url).class_counts("train")
    assert min(counts.values()) == 0, "one small patch lacks some class"
    receipt = train_bundle.fn(
        dataclasses.replace(CONFIG, steps=2, batch_size=2, validate_every=1), Distortion(), url,
        bundle,
    )
    card = json.loads((tmp_path / "b" / "card.json").read_text())
    assert any("never occurs in the training patches" in line for line in receipt.warnings)
    assert card["training"]["warnings"] == list(receipt.warnings)
    assert set(receipt.warnings) <= {record.message for record in caplog.records}


def test_a_bundle_that_cannot_be_read_is_not_replaced_unasked(patches, tmp_path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "card.json").write_text('{"format": 99}')
    with pytest.raises(BundleError, match="unknown version.*--overwrite"):
        train_bundle.fn(CONFIG, DISTORTION, patches, str(bundle))
    assert json.loads((bundle / "card.json").read_text()) == {"format": 99}
    assert train_bundle.fn(CONFIG, DISTORTION, patches, str(bundle), overwrite=True).value > 0


def test_two_runs_do_not_train_one_bundle_at_once(patches, tmp_path):
    bundle = str(tmp_path / "bundle")
    with training_lease(bundle), pytest.raises(BusyError, match=r"bundle \(training\)"):
        train_bundle.fn(CONFIG, DISTORTION, patches, bundle)
    train_bundle.fn(CONFIG, DISTORTION, patches, bundle)
    assert not (tmp_path / "bundle.work").exists()
