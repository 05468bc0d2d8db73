"""Temperature scaling and calibration error."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from models.calibration import (
    calibration_error,
    fit_temperature,
    mean_probability,
    validation_logits,
)
from models.errors import TrainingError
from models.registry import build


def overconfident(factor, binary=False, count=20_000):
    """Logits whose true probabilities are those of ``logits / factor``."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(count, 1 if binary else 4)).astype(np.float32) * 2
    p = mean_probability(torch.from_numpy(z)[None], 1.0).numpy()
    label = (rng.random(count)[:, None] > p.cumsum(1)).sum(1).clip(0, p.shape[1] - 1)
    return z * factor, label.astype(np.uint8)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_right_temperature_is_found(factor, binary):
    fitted = fit_temperature(*overconfident(factor, binary))
    assert fitted.temperature == pytest.approx(factor, rel=0.06)
    assert fitted.ece_after < 0.015
    assert fitted.nll_after <= fitted.nll_before


def test_samples_are_averaged_before_they_are_judged():
    logits, label = overconfident(2.0)
    noisy = logits[None] + np.random.default_rng(1).normal(size=(8, *logits.shape)) * 1.5
    fitted = fit_temperature(noisy.astype(np.float32), label)
    p = mean_probability(torch.from_numpy(noisy), fitted.temperature)
    likelihood = -np.log(p.numpy()[np.arange(len(label)), label]).mean()
    assert fitted.nll_after == pytest.approx(likelihood, rel=1e-3)
    assert fitted.nll_after < fitted.nll_before


def test_calibration_error_agrees_with_torchmetrics():
    logits, label = overconfident(3.0)
    p = torch.from_numpy(logits).softmax(1)
    truth = torch.from_numpy(label.astype(np.int64))
    theirs = multiclass_calibration_error(p, truth, num_classes=4, n_bins=15)
    assert calibration_error(p, truth) == pytest.approx(float(theirs), abs=1e-4)


def test_unlabelled_voxels_do_not_count():
    logits, label = overconfident(2.0)
    padded = np.concatenate([logits, np.full_like(logits, 30.0)])
    padded_label = np.concatenate([label, np.full_like(label, 255)])
    assert fit_temperature(padded, padded_label) == fit_temperature(logits, label)


def test_nothing_to_calibrate_on_is_an_error():
    with pytest.raises(TrainingError, match="no labelled voxel"):
        fit_temperature(np.zeros((4, 2), np.float32), np.full(4, 255, np.uint8))


def test_validation_logits_are_those_of_the_network():
    torch.manual_seed(0)
    network = build("unet3d", channels=[4, 8], head_channels=4).eval()
    seismic = np.random.default_rng(0).normal(size=(2, 8, 8, 8)).astype(np.float32)
    label = np.full((2, 8, 8, 8), 255, np.uint8)
    label[0, 2, 3, 4], label[1, 5, 6, 7] = 1, 0
    logits, truth = validation_logits(network, list(seismic), list(label), samples=1)
    with torch.inference_mode():
        whole = network(torch.from_numpy(seismic)[:, None])[:, 0].numpy()
    assert logits.shape == (1, 2, 1)
    assert truth.tolist() == [1, 0]
    assert logits[0, :, 0] == pytest.approx([whole[0, 2, 3, 4], whole[1, 5, 6, 7]], rel=1e-4)
    many, _ = validation_logits(network, list(seismic), list(label), samples=6)
    assert many.shape == (6, 2, 1)
    assert len(np.unique(many[:, 0, 0])) > 1
