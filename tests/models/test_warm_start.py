"""Beginning with a bundle: its very weights, or the first channels of a wider one."""

import dataclasses

import numpy as np
import pytest
import torch

from models.bundle import save_bundle
from models.card import Card, ClassInfo
from models.errors import BundleError, TrainingError
from models.registry import build
from models.train_config import TrainConfig, deciding
from models.training import train_network
from models.warm_start import begin_with

WIDE = {"channels": [4, 8, 12], "head_channels": 4}
NARROW = {"channels": [4, 8, 10], "head_channels": 4}


@pytest.fixture
def bundle(tmp_path):
    """A bundle of the wide network, and its state."""
    torch.manual_seed(1)
    network = build("unet3d", classes=1, **WIDE)
    card = Card(
        name="wide", network="unet3d", arguments=WIDE, target="fault",
        classes=(ClassInfo(0, "background", "#000000"), ClassInfo(1, "fault", "#ffffff")),
        window=(8, 8, 8), fixed_window=False, multiple=4, training={"fingerprint": "none"},
        metrics={}, licence="Apache-2.0", limitations=(),
    )
    sha256 = save_bundle(tmp_path / "wide", card, network.state_dict())
    return str(tmp_path / "wide"), sha256, network.state_dict()


def test_the_same_network_gets_the_very_weights(bundle):
    url, sha256, state = bundle
    network = build("unet3d", classes=1, **WIDE)
    begin_with(network, url, sha256)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_a_narrower_one_gets_the_first_channels_of_every_layer(bundle):
    url, sha256, state = bundle
    network = build("unet3d", classes=1, **NARROW)
    begin_with(network, url, sha256)
    found = network.state_dict()
    deepest = "encoder.2.body.3.weight"
    assert found[deepest].shape[:2] == (10, 10)
    assert torch.equal(found[deepest], state[deepest][:10, :10])
    assert torch.equal(found["head.inner.weight"], state["head.inner.weight"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [({"channels": [4, 8, 16], "head_channels": 4}, "narrower"),
     ({"channels": [4, 8], "head_channels": 4}, "other layers")],
)
def test_what_does_not_fit_is_refused(bundle, arguments, complaint):
    network = build("unet3d", classes=1, **arguments)
    with pytest.raises(TrainingError, match=complaint):
        begin_with(network, *bundle[:2])


def test_training_begins_there_and_depends_on_it(bundle):
    url, sha256, state = bundle
    rng = np.random.default_rng(0)
    seismic = rng.standard_normal((2, 8, 8, 8)).astype(np.float32)
    label = (rng.random((2, 8, 8, 8)) < 0.1).astype(np.uint8)
    config = TrainConfig("unet3d", "fault", WIDE, steps=1, batch_size=1, validate_every=1,
                         learning_rate=1e-9, average=0, begin=url)
    assert config.begin_sha256 == sha256
    result = train_network(config, seismic, label, seismic, label)
    for name, tensor in result.state.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(tensor, state[name], atol=1e-6, rtol=1e-6)
    without = dataclasses.replace(config, begin="", begin_sha256="")
    assert "begin_sha256" in deciding(config) and "begin_sha256" not in deciding(without)
    assert "begin" not in deciding(config)


def test_no_bundle_there_is_told_at_once(tmp_path):
    with pytest.raises(BundleError, match="no bundle here"):
        TrainConfig("unet3d", "fault", WIDE, begin=str(tmp_path / "nothing"))
