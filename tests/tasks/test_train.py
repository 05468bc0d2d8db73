"""Training on a patch store: read as it goes, and the same curve after a kill."""

import dataclasses

import numpy as np
import pytest

from models.training import TrainConfig
from seisproc.patches.augment import AugmentConfig
from seisproc.patches.make import PatchConfig, SyntheticSource, make_patches
from seisproc.patches.reading import PatchReader
from seisproc.patches.store import PatchStore
from seisproc.synthetic.config import SyntheticConfig
from tasks import train as train_module
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
    follow = train_module._follow

    def killed_after(step):
        def hooked(progress):
            report = follow(progress)

            def kill(epoch):
                report(epoch)
                if epoch.step == step:
                    raise KilledError

            return kill

        return hooked

    for step in (4, 8):
        with monkeypatch.context() as patch:
            patch.setattr(train_module, "_follow", killed_after(step))
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
