"""Training learns, repeats itself, resumes to the same curve, and says what is wrong."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
import torch

from models.checkpoint import read_checkpoint
from models.errors import TrainingError
from models.registry import build
from models.train_config import learning_rate
from models.training import TrainConfig, train_network


@pytest.fixture
def config(section_arguments):
    return TrainConfig(
        network="deeplabv3plus",
        target="facies",
        arguments=section_arguments,
        classes=2,
        steps=12,
        batch_size=4,
        validate_every=4,
        device="cpu",
        precision="float32",
    )


def flip(seismic, label, rng):
    return (seismic[::-1], label[::-1]) if rng.random() < 0.5 else (seismic, label)


def curve(result):
    return repr([dataclasses.asdict(report) for report in result.history])


def test_facies_network_learns_what_its_floor_cannot(config, sections):
    config = dataclasses.replace(config, steps=60, batch_size=8, validate_every=30)
    result = train_network(config, *sections)
    truth = sections[3]
    share = max(truth.mean(), 1 - truth.mean())
    assert result.best_metric > share / 2 + 0.2
    assert result.history[-1].train_loss < 0.7 * math.log(2) * 1.5
    network = build("deeplabv3plus", classes=2, **config.arguments)
    network.load_state_dict(result.state)
    with torch.inference_mode():
        answer = network.eval()(torch.from_numpy(sections[2])[:, None]).argmax(1).numpy()
    assert (answer == truth).mean() > share + 0.1


def test_fault_network_learns_a_plane():
    rng = np.random.default_rng(0)
    label = np.zeros((12, 8, 16, 16), np.uint8)
    label[np.arange(12), :, rng.integers(3, 13, 12)] = 1
    seismic = rng.normal(size=label.shape).astype(np.float32) * (1 - 0.9 * label)
    config = TrainConfig(
        network="unet3d",
        target="fault",
        arguments={"channels": [8, 16], "head_channels": 8},
        steps=60,
        batch_size=2,
        validate_every=30,
        device="cpu",
    )
    result = train_network(config, seismic[:9], label[:9], seismic[9:], label[9:])
    assert result.best_metric > 0.5 > 5 * label.mean()


def test_the_same_seed_gives_the_same_weights_and_another_does_not(config, sections):
    first = train_network(config, *sections, augment=flip)
    second = train_network(config, *sections, augment=flip)
    other = train_network(dataclasses.replace(config, seed=1), *sections, augment=flip)
    assert curve(first) == curve(second) != curve(other)
    assert all(torch.equal(first.state[name], second.state[name]) for name in first.state)


def test_training_leaves_the_global_generator_alone(config, sections):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_network(dataclasses.replace(config, steps=2), *sections)
    assert torch.equal(torch.rand(3), expected)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("at", [4, 8])
def test_a_killed_run_resumes_to_the_same_curve(config, sections, tmp_path, at):
    whole = train_network(config, *sections, augment=flip)

    def kill(report):
        if report.step == at:
            raise KilledError

    with pytest.raises(KilledError):
        train_network(config, *sections, augment=flip, folder=tmp_path, on_epoch=kill)
    seen = []
    resumed = train_network(config, *sections, augment=flip, folder=tmp_path, on_epoch=seen.append)
    assert [report.step for report in seen] == [step for step in (4, 8, 12) if step > at]
    assert curve(resumed) == curve(whole)
    assert resumed.best_step == whole.best_step
    assert all(torch.equal(resumed.state[name], whole.state[name]) for name in whole.state)


def test_a_finished_run_is_not_trained_again(config, sections, tmp_path):
    whole = train_network(config, *sections, folder=tmp_path)
    seen = []
    again = train_network(config, *sections, folder=tmp_path, on_epoch=seen.append)
    assert seen == []
    assert curve(again) == curve(whole)


def test_a_checkpoint_holds_no_pickle(config, sections, tmp_path):
    train_network(config, *sections, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.name == "last.safetensors"
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(file.read_bytes())
    groups, progress = read_checkpoint(file)
    assert set(groups) == {"network", "average", "best", "optimizer"}
    assert progress["step"] == 12


@pytest.mark.parametrize("change", ["configuration", "patches"])
def test_a_checkpoint_of_another_run_is_refused(config, sections, tmp_path, change):
    train_network(dataclasses.replace(config, steps=4), *sections, folder=tmp_path)
    seismic, *rest = sections
    if change == "patches":
        seismic = seismic + 1
    steps = 4 if change == "patches" else 8
    with pytest.raises(TrainingError, match="another configuration or other patches"):
        train_network(dataclasses.replace(config, steps=steps), seismic, *rest, folder=tmp_path)


def test_a_damaged_checkpoint_is_refused(config, sections, tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"\x80\x04not a checkpoint")
    with pytest.raises(TrainingError, match="not a readable checkpoint"):
        train_network(config, *sections, folder=tmp_path)


def test_a_loss_that_is_not_finite_stops_with_the_checkpoint_kept(config, sections, tmp_path):
    def spoil(seismic, label, rng):
        return seismic * np.float32(np.nan), label

    def gentle_then_spoilt(seismic, label, rng):
        gentle_then_spoilt.calls += 1
        return spoil(seismic, label, rng) if gentle_then_spoilt.calls > 24 else (seismic, label)

    gentle_then_spoilt.calls = 0
    with pytest.raises(TrainingError, match="the loss is nan at step 6"):
        train_network(config, *sections, folder=tmp_path, augment=gentle_then_spoilt)
    _, progress = read_checkpoint(tmp_path / "last.safetensors")
    assert progress["step"] == 4


def test_a_class_that_never_occurs_is_told(config, sections):
    config = dataclasses.replace(config, classes=3, steps=4)
    result = train_network(config, *sections)
    assert result.warnings == (
        "class 2 never occurs in the training patches",
        "class 2 never occurs in the validation patches",
    )
    assert result.history[0].warnings == result.warnings


def test_early_stopping_keeps_the_best(config, sections):
    """With a learning rate of next to nothing, no validation is better than the first few."""
    config = dataclasses.replace(
        config, steps=400, validate_every=1, learning_rate=1e-12, average=0.0, patience=3
    )
    result = train_network(config, *sections)
    assert result.stopped.startswith("no better validation metric for 3")
    assert result.history[-1].step == result.best_step + 3
    assert result.best_metric == max(report.validation.metric for report in result.history)


def test_patches_may_be_anything_that_is_read_one_by_one(config, sections, tmp_path):
    class OneByOne:
        def __init__(self, array):
            self.array = array

        def __len__(self):
            return len(self.array)

        def __getitem__(self, index):
            assert isinstance(index, int)
            return self.array[index]

    config = dataclasses.replace(config, steps=4)
    plain = train_network(config, *sections)
    lazy = train_network(config, *(OneByOne(array) for array in sections))
    assert curve(lazy) == curve(plain)


def test_the_learning_rate_rises_and_falls(config):
    config = dataclasses.replace(config, steps=100, warmup=0.1, learning_rate=1.0)
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert int(np.argmax(rates)) in (9, 10)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda x, y: (x[:0], y[:0]), "at least one"),
        (lambda x, y: (x[:3], y[:2]), "3 of seismic and 2 of labels"),
        (lambda x, y: (x[:, :16], y), "equal shapes"),
        (lambda x, y: (x, np.where(y == 1, 7, y).astype(np.uint8)), "code 7"),
        (lambda x, y: (x, np.full_like(y, 255)), "no training patch has a label"),
    ],
)
def test_unusable_patches_are_refused(config, sections, spoil, words):
    seismic, label = spoil(*sections[:2])
    with pytest.raises(TrainingError, match=words):
        train_network(config, seismic, label, *sections[2:])


@pytest.mark.parametrize(
    "wrong",
    [{"target": "salt"}, {"steps": 0}, {"average": 1.0}, {"class_weights": "heavy"}],
)
def test_a_wrong_configuration_names_its_field(config, wrong):
    with pytest.raises(TrainingError, match=next(iter(wrong))):
        dataclasses.replace(config, **wrong)


def test_balanced_weights_favour_the_rare_class(config, sections):
    rare = sections[1].copy()
    rare[4:] = 0
    from models.training_data import ArrayPatches, loss_weights

    voxels = ArrayPatches(sections[0], rare).voxels()
    weights = loss_weights(dataclasses.replace(config, class_weights="balanced"), voxels)
    assert float(weights[1]) > 2 * float(weights[0])
    assert float(weights.mean()) == pytest.approx(1.0)
