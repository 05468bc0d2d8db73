"""The plain networks: shapes, what each pixel may depend on, and taking over an encoder."""

import pytest
import torch

from models.autoencoder import Autoencoder, AutoencoderArguments
from models.errors import NetworkError, TrainingError
from models.learned_texture import SectionModel, save_section_model
from models.registry import build
from models.training import TrainConfig, train_network

NETWORKS = {
    "dense": {"patch": 8, "hidden": [32, 16], "head_channels": 16},
    "convolutional": {"channels": [8, 8, 8], "head_channels": 8},
    "encoder": {"channels": [8, 8, 16], "latent": 4, "head_channels": 8},
}


def made(name):
    torch.manual_seed(0)
    network = build(name, classes=2, **NETWORKS[name])
    network.train()
    with torch.no_grad():
        for _ in range(10):
            network(torch.randn(4, 1, 32, 32))
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_one_logit_a_class_and_pixel(name):
    assert made(name)(torch.randn(2, 1, 32, 40)).shape == (2, 2, 32, 40)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_learns_the_boundary_of_two_layers(name, sections):
    config = TrainConfig(name, "facies", NETWORKS[name], 2, steps=120, batch_size=8,
                         validate_every=120, learning_rate=1e-2, threads=1)
    result = train_network(config, *sections)
    assert result.best_metric > 0.7


def test_a_patch_of_the_dense_network_knows_nothing_of_the_next_one():
    network = made("dense")
    window = torch.randn(1, 1, 16, 16)
    changed = window.clone()
    changed[..., :8] += 1
    with torch.inference_mode():
        before, after = network(window), network(changed)
    assert torch.equal(before[..., 8:], after[..., 8:])
    # Every pixel of the patch that changed depends on all of it.
    assert bool((before[..., :8] != after[..., :8]).all())


@pytest.mark.parametrize("name, extent", [("dense", (12, 16)), ("encoder", (16, 20))])
def test_windows_that_do_not_divide_are_refused(name, extent):
    with pytest.raises(NetworkError, match="multiples of 8"):
        made(name)(torch.randn(1, 1, *extent))


def test_an_encoder_is_taken_over_or_refused():
    network = made("encoder")
    donor = Autoencoder(AutoencoderArguments((8, 8, 16), 4))
    network.take_encoder(donor.state_dict())
    section = torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        assert torch.equal(network.encoder(section), donor.encoder[:-1](section))
    with pytest.raises(NetworkError, match="another shape"):
        network.take_encoder(Autoencoder(AutoencoderArguments((8, 16, 16), 4)).state_dict())


def test_training_begins_with_the_encoder_of_a_texture_file(sections, tmp_path):
    donor = Autoencoder(AutoencoderArguments((8, 8, 16), 4))
    path = tmp_path / "t.safetensors"
    save_section_model(path, SectionModel.of(donor.eval(), sections[0], {}))
    settings = {"steps": 1, "batch_size": 4, "validate_every": 1, "threads": 1, "average": 0.0,
                "learning_rate": 1e-9}
    config = TrainConfig("encoder", "facies", NETWORKS["encoder"], 2, encoder=str(path), **settings)
    assert len(config.encoder_sha256) == 64
    result = train_network(config, *sections)
    name = "encoder.0.0.weight"
    assert torch.allclose(result.state[name], donor.state_dict()[name], atol=1e-6)
    with pytest.raises(TrainingError, match="absent.safetensors"):
        TrainConfig("encoder", "facies", encoder=str(tmp_path / "absent.safetensors"))
    with pytest.raises(TrainingError, match="encoder is out of range"):
        TrainConfig("unet", "facies", encoder=str(path))
