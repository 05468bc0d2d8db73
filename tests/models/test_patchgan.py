"""The generator and its adversary: what one logit sees, what each side learns, and resuming."""

import numpy as np
import pytest
import torch

from models.errors import NetworkError, TrainingError
from models.losses import NONE
from models.patchgan import Adversary, PatchDiscriminator, interpreted
from models.registry import build
from models.training import TrainConfig, train_network

UNET = {"channels": [4, 8], "head_channels": 4}


def test_a_logit_of_the_discriminator_sees_seventy_by_seventy():
    torch.manual_seed(0)
    network = PatchDiscriminator(classes=2, width=4).eval()
    pair = torch.randn(1, 3, 128, 128, requires_grad=True)
    logits = network(pair)
    assert logits.shape == (1, 1, 14, 14)
    logits[0, 0, 7, 7].backward()
    seen = pair.grad[0].abs().sum(0) > 0
    for axis in (0, 1):
        touched = torch.nonzero(seen.any(dim=1 - axis))[:, 0]
        assert int(touched[-1] - touched[0]) + 1 == 70
    assert bool(seen[touched[0] : touched[-1] + 1, touched[0] : touched[-1] + 1].all())


@pytest.mark.parametrize("extent", [(16, 16), (10, 24)])
def test_the_generator_gives_one_logit_a_class_and_pixel(extent):
    network = build("unet", classes=3, **UNET)
    assert network(torch.randn(2, 1, *extent)).shape == (2, 3, *extent)


def test_the_generator_refuses_extents_that_do_not_halve():
    with pytest.raises(NetworkError, match="multiples of 2"):
        build("unet", classes=3, **UNET)(torch.randn(1, 1, 15, 16))


def test_unlabelled_pixels_show_the_prediction_on_both_sides():
    predicted = torch.rand(1, 3, 4, 4).softmax(dim=1)
    label = torch.full((1, 4, 4), NONE, dtype=torch.uint8)
    assert torch.equal(interpreted(label, predicted), predicted)
    label[0, 0] = 2
    shown = interpreted(label, predicted)
    assert torch.equal(shown[0, :, 0, 0], torch.tensor([0.0, 0.0, 1.0]))
    assert torch.equal(shown[:, :, 1:], predicted[:, :, 1:])


def test_the_discriminator_learns_to_tell_and_the_generator_to_deceive(sections):
    torch.manual_seed(0)
    window = torch.from_numpy(sections[0][:4])[:, None]
    label = torch.from_numpy(sections[1][:4])
    adversary = Adversary(2, 8, 1e-3, seed=0, device=torch.device("cpu"))
    # Smooth, wrong and without a single sharp edge: easy to tell from an interpretation.
    logits = torch.zeros(4, 2, 32, 32, requires_grad=True)
    losses = [adversary.step(window, logits, label, 1.0) for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]
    assert logits.grad is None

    paid = [float(adversary.loss(window, logits).detach())]
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(40):
        optimizer.zero_grad()
        adversary.loss(window, logits).backward()
        optimizer.step()
    paid.append(float(adversary.loss(window, logits).detach()))
    assert paid[1] < 0.5 * paid[0]


def config(**changes):
    return TrainConfig("unet", "facies", UNET, 2, steps=12, batch_size=4, validate_every=4,
                       adversarial_weight=0.1, adversary_width=4, threads=1, **changes)


def test_the_adversary_changes_training_and_a_broken_run_goes_on_the_same(sections, tmp_path):
    whole = train_network(config(), *sections)
    alone = train_network(
        TrainConfig("unet", "facies", UNET, 2, steps=12, batch_size=4, validate_every=4, threads=1),
        *sections,
    )
    assert any(not torch.equal(whole.state[name], alone.state[name]) for name in whole.state)

    def stop(report):
        if report.step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_network(config(), *sections, folder=tmp_path, on_epoch=stop)
    resumed = train_network(config(), *sections, folder=tmp_path)
    assert [r.validation.loss for r in resumed.history] == [
        r.validation.loss for r in whole.history
    ]
    for name, tensor in whole.state.items():
        assert torch.equal(tensor, resumed.state[name]), name


def test_a_section_without_labels_does_not_stop_the_pair(sections):
    seismic, label, *validation = sections
    label = label.copy()
    label[:, :, 8:] = NONE
    result = train_network(config(), seismic, label, *validation)
    assert np.isfinite(result.history[-1].train_loss)


def test_faults_and_volumes_have_no_adversary():
    with pytest.raises(TrainingError, match="adversarial_weight"):
        TrainConfig("unet3d", "fault", adversarial_weight=0.1)
    cubes, codes = np.zeros((2, 8, 8, 8), np.float32), np.zeros((2, 8, 8, 8), np.uint8)
    volume = TrainConfig("unet3d", "facies", {"channels": [4, 8]}, 2, adversarial_weight=0.1)
    with pytest.raises(TrainingError, match="a network for sections"):
        train_network(volume, cubes, codes, cubes, codes)
