"""Compiled or not, a step is a step."""

import dataclasses
import logging

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.ranks import Ranks
from models.training import TrainConfig, train_network
from models.training_step import Learner, compiled


@pytest.fixture
def config():
    return TrainConfig(
        network="unet", target="facies", arguments={"channels": [4, 8], "head_channels": 4},
        classes=2, steps=2, batch_size=4, validate_every=2, device="cpu", compile=True,
    )


def test_where_there_is_no_compiler_training_goes_on_without(config, sections, caplog, tmp_path):
    from torch._inductor import config as inductor

    absent = {"cpp.cxx": (None, str(tmp_path / "absent")), "force_disable_caches": True}
    torch.compiler.reset()
    with caplog.at_level(logging.WARNING, "seisproc.train"), inductor.patch(absent):
        made = train_network(config, *sections)
    assert any("torch.compile does not work here" in record.message for record in caplog.records)
    plain = train_network(dataclasses.replace(config, compile=False), *sections)
    assert made.history[0].validation == plain.history[0].validation


def test_an_older_gpu_does_not_learn_in_a_precision_that_it_only_emulates(config, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Old GPU")
    asked = dataclasses.replace(config, compile=False, device="cuda", precision="bfloat16")
    with pytest.raises(ModelError, match="bfloat16 on an older GPU.*7.5.*float32"):
        Learner(asked, np.ones(256, np.int64), Ranks())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_compiled_training_is_the_same_up_to_rounding(config, sections):
    torch.compiler.reset()
    made = train_network(config, *sections)
    plain = train_network(dataclasses.replace(config, compile=False), *sections)
    ours, other = made.history[0], plain.history[0]
    assert ours.train_loss == pytest.approx(other.train_loss, rel=1e-4)
    assert ours.validation.loss == pytest.approx(other.validation.loss, rel=1e-3)


def test_an_error_of_the_function_itself_is_not_hidden():
    def broken(x):
        raise ValueError("not of the compiler")

    with pytest.raises(ValueError, match="not of the compiler"):
        compiled(broken)(torch.zeros(1))


class _NoNumberInHalfPrecision(torch.autograd.Function):
    """Passes everything on, and spoils gradients of what was computed under autocast."""

    @staticmethod
    def forward(ctx, x):
        ctx.spoils = torch.is_autocast_enabled("cpu")
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * float("nan") if ctx.spoils else gradient


def test_a_gradient_that_is_no_number_in_bfloat16_is_taken_again_in_float32(
    config, sections, monkeypatch, caplog
):
    from models.unet import UNet

    plain = UNet.deterministic
    monkeypatch.setattr(
        UNet, "deterministic",
        lambda self, window: _NoNumberInHalfPrecision.apply(plain(self, window)),
    )
    half = dataclasses.replace(config, compile=False, precision="bfloat16")
    with caplog.at_level(logging.WARNING, "seisproc.train"):
        made = train_network(half, *sections)
    assert sum("again in float32" in record.message for record in caplog.records) == 1
    assert all(torch.isfinite(tensor.float()).all() for tensor in made.state.values())
    full = train_network(dataclasses.replace(half, precision="float32"), *sections)
    assert made.history[0].train_loss == pytest.approx(full.history[0].train_loss, rel=1e-3)
