"""A training that is cut off anywhere, or finds too little memory, loses nothing."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from models.checkpoint import read_checkpoint, write_checkpoint
from models.errors import TrainingError
from models.training import TrainConfig, train_network

ROOT = Path(__file__).parents[2]
EVERY_STEP, NEVER = 1e-9, 1e9


@pytest.fixture
def config():
    return TrainConfig(
        network="unet", target="facies", arguments={"channels": [4, 8], "head_channels": 4},
        classes=2, steps=12, batch_size=4, validate_every=6, device="cpu",
        checkpoint_minutes=EVERY_STEP,
    )


def aside(folder, minutes):
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("learn_aside.py")), str(folder)]
    return subprocess.Popen([*command, str(minutes)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                            env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})


def steps(process):
    return (int(line) for line in process.stdout)


@pytest.mark.slow
def test_a_run_killed_in_the_middle_of_an_epoch_ends_with_the_same_bytes(tmp_path):
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    with aside(whole, NEVER) as process:
        assert list(steps(process)) == list(range(1, 21))
    for last in (4, 13):
        with aside(torn, EVERY_STEP) as process:
            for step in steps(process):
                if step == last:
                    process.send_signal(signal.SIGKILL)
                    break
        assert process.returncode == -signal.SIGKILL
        assert read_checkpoint(torn / "last.safetensors")[1]["step"] % 10
    with aside(torn, EVERY_STEP) as process:
        assert next(steps(process)) > 13
        list(steps(process))
    assert process.returncode == 0
    for name in ("history.json", "final.safetensors"):
        assert (torn / name).read_bytes() == (whole / name).read_bytes()


class KilledError(Exception):
    pass


@pytest.mark.parametrize("at", [6, 12])
def test_a_run_killed_just_before_a_validation_makes_up_for_it(config, sections, tmp_path, at):
    """The checkpoint holds the last step of an epoch, which nobody has validated."""
    whole = train_network(config, *sections)

    def kill(report):
        if report.step == at:
            raise KilledError

    with pytest.raises(KilledError):
        train_network(config, *sections, folder=tmp_path, on_step=kill)
    _, progress = read_checkpoint(tmp_path / "last.safetensors")
    assert progress["step"] == at and len(progress["losses"]) == 6
    seen = []
    resumed = train_network(config, *sections, folder=tmp_path, on_step=seen.append)
    assert [report.step for report in seen] == list(range(at + 1, 13))
    assert resumed.history == whole.history
    assert all(torch.equal(resumed.state[name], whole.state[name]) for name in whole.state)


def test_an_older_checkpoint_without_open_losses_goes_on(config, sections, tmp_path):
    config = dataclasses.replace(config, checkpoint_minutes=NEVER)
    whole = train_network(config, *sections)

    def kill(report):
        raise KilledError

    with pytest.raises(KilledError):
        train_network(config, *sections, folder=tmp_path, on_epoch=kill)
    groups, progress = read_checkpoint(tmp_path / "last.safetensors")
    progress.pop("losses")
    write_checkpoint(tmp_path / "last.safetensors", groups, progress)
    assert train_network(config, *sections, folder=tmp_path).history == whole.history


SHORT = """
import resource, sys
import numpy as np
from models.training import TrainConfig, train_network
seismic = np.random.default_rng(0).normal(size=(64, 256, 256)).astype(np.float32)
label = np.zeros(seismic.shape, np.uint8); label[:, 128:] = 1
config = TrainConfig(network="unet", target="facies", arguments={"channels": [32, 64]}, classes=2,
                     steps=4, batch_size=32, validate_every=2, device="cpu", threads=1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 29), -1))
train_network(config, seismic, label, seismic[:2], label[:2], folder=sys.argv[1])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_too_little_memory_is_told_with_what_to_change(tmp_path):
    done = subprocess.run([sys.executable, "-c", SHORT, str(tmp_path)], cwd=ROOT, text=True,
                          capture_output=True, check=False, env={"OMP_NUM_THREADS": "1"})
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("models.errors.TrainingError: out of memory at step 0"), done.stderr
    assert "batch_size 32 and windows of 256 x 256" in last and "Lower training.batch_size" in last


def test_other_troubles_are_not_taken_for_a_lack_of_memory(config, sections):
    def broken(seismic, label, rng):
        raise RuntimeError("a shape does not fit")

    with pytest.raises(RuntimeError, match="does not fit"):
        train_network(config, *sections, augment=broken)


def test_a_gradient_that_is_not_finite_stops_before_it_spoils_the_weights(
    config, sections, tmp_path
):
    def huge(seismic, label, rng):
        return np.full_like(seismic, 3e38) * np.sign(seismic), label

    with pytest.raises(TrainingError, match="(gradient|loss) is (nan|inf).*checkpoint is kept"):
        train_network(config, *sections, folder=tmp_path, augment=huge)


def test_every_step_is_reported(config, sections):
    seen = []
    train_network(config, *sections, on_step=seen.append)
    assert [report.step for report in seen] == list(range(1, 13))
    assert all(report.loss > 0 and report.learning_rate > 0 for report in seen[:-1])
