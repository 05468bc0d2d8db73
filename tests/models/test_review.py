"""A second look finds the worst patches, and counts what validation counted."""

import numpy as np
import pytest
import torch
from torch import nn

from models.registry import build
from models.review import cross_entropy, review
from models.train_config import TrainConfig
from models.training import train_network
from models.training_data import ArrayPatches


@pytest.fixture
def config():
    return TrainConfig(
        network="unet", target="facies", arguments={"channels": [4, 8], "head_channels": 4},
        classes=2, steps=4, batch_size=5, validate_every=4, device="cpu",
    )


def test_counts_are_those_of_the_validation(config, sections):
    result = train_network(config, *sections)
    network = build("unet", classes=2, **config.arguments)
    network.load_state_dict(result.state)
    seen = review(config, network, ArrayPatches(*sections[2:]))
    scores = result.history[0].validation
    assert seen.counts.scores(scores.loss) == scores


def test_the_worst_come_first_and_a_block_shows_its_worst_section():
    class Sure(nn.Module):
        """Sees a fault wherever amplitude is positive."""

        dimensions = 3

        def deterministic(self, window):
            return window

        def stochastic(self, features, masks, extent):
            return 9.0 * features

    config = TrainConfig(network="unet3d", target="fault", batch_size=2, device="cpu")
    label = np.zeros((4, 3, 4, 5), np.uint8)
    seismic = np.full(label.shape, -1, np.float32)
    seismic[2, 1, :2] = 1  # in patch 2, eight voxels of its second section are wrong
    seismic[3, 2, :1] = 1
    label[0] = 255
    seen = review(config, Sure(), ArrayPatches(seismic, label), worst=2)
    assert [patch.number for patch in seen.worst] == [2, 3]
    first = seen.worst[0]
    np.testing.assert_array_equal(first.seismic, seismic[2, 1])
    assert first.answer.shape == (4, 5) and first.answer[0, 0] > 0.99
    assert first.error == pytest.approx(9 * 10 / 60, rel=0.01)


def test_unlabelled_voxels_have_no_error():
    label = torch.tensor([[0, 255, 1]], dtype=torch.uint8)
    assert cross_entropy(torch.zeros(1, 2, 3), label).tolist() == [
        [pytest.approx(np.log(2)), 0.0, pytest.approx(np.log(2))]
    ]
