"""Presets build, and the small ones are small."""

import pytest

from models.errors import NetworkError
from models.presets import ARGUMENTS, SMALL_TRAINING, network_arguments
from models.registry import build
from models.training import TrainConfig


@pytest.mark.parametrize("network", ARGUMENTS)
def test_small_networks_are_a_fraction_of_the_papers(network):
    sizes = {}
    for preset in ARGUMENTS[network]:
        made = build(network, classes=1, **network_arguments(network, preset))
        sizes[preset] = sum(p.numel() for p in made.parameters())
    assert sizes["small"] < 1_200_000
    assert sizes["small"] < 0.3 * sizes["paper"]


@pytest.mark.parametrize("network", SMALL_TRAINING)
def test_small_trainings_are_valid(network):
    arguments = network_arguments(network, "small")
    config = TrainConfig(network, "fault", arguments, **SMALL_TRAINING[network])
    assert config.steps * config.batch_size <= 4000


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(NetworkError, match="unet3d small"):
        network_arguments("unet3d", "huge")
