"""Several processes give what one gives, and say what is wrong."""

import dataclasses

import numpy as np
import pytest
import torch

from models.checkpoint import read_checkpoint
from models.errors import TrainingError
from models.launch import train_on_ranks
from models.ranks import Ranks
from models.training import TrainConfig, train_on
from models.training_data import ArrayPatches


@pytest.fixture
def config():
    return TrainConfig(
        network="unet", target="facies", arguments={"channels": [4, 8], "head_channels": 4},
        classes=2, steps=4, batch_size=4, validate_every=2, device="cpu", threads=1, average=0.0,
        checkpoint_minutes=1e-9,
    )


@pytest.fixture
def sets(sections):
    return ArrayPatches(*sections[:2]), ArrayPatches(*sections[2:], "validation")


def test_two_processes_give_the_result_of_one_with_the_same_batch(config, sets, tmp_path):
    alone = train_on(config, *sets)
    epochs, steps = [], []
    shared = train_on_ranks(2, config, *sets, folder=tmp_path, on_epoch=epochs.append,
                            on_step=steps.append)
    assert [report.step for report in steps] == [1, 2, 3, 4]
    assert tuple(epochs) == shared.history
    for ours, one in zip(shared.history, alone.history, strict=True):
        assert ours.train_loss == pytest.approx(one.train_loss, rel=1e-4)
        assert ours.validation.loss == pytest.approx(one.validation.loss, rel=1e-3)
    assert shared.best_step == alone.best_step
    for name, tensor in alone.state.items():
        torch.testing.assert_close(shared.state[name], tensor, rtol=1e-3, atol=1e-4)
    assert read_checkpoint(tmp_path / "last.safetensors")[1]["step"] == 4


def test_what_a_process_complains_of_is_told_here(config, sets, capfd):
    labels = np.full((4, 32, 32), 7, np.uint8)
    wrong = ArrayPatches(np.zeros(labels.shape, np.float32), labels)
    with pytest.raises(TrainingError, match="code 7"):
        train_on_ranks(2, config, wrong, sets[1])
    assert capfd.readouterr().err == ""


def test_what_cannot_be_is_refused_before_a_process_starts(config, sets):
    with pytest.raises(TrainingError, match="4 for 3 processes; expected: a multiple"):
        train_on_ranks(3, config, *sets)
    if not torch.cuda.is_available():
        with pytest.raises(TrainingError, match="no CUDA device"):
            train_on_ranks(2, dataclasses.replace(config, device="auto"), *sets)


def test_one_process_alone_shares_nothing():
    ranks, x = Ranks.here(), torch.ones(3)
    assert ranks == Ranks(0, 1) and ranks.part(5) == slice(0, 5)
    assert ranks.gathered(x) is x and ranks.agreed(lambda: "found") == "found"
