"""Losses against other implementations, and unlabelled voxels."""

import pytest
import torch
import torch.nn.functional as F
from monai.losses import DiceLoss

from models.losses import dice_loss, facies_loss, fault_loss


def test_dice_agrees_with_monai():
    torch.manual_seed(0)
    logits = torch.randn(4, 3, 8, 8)
    label = torch.randint(0, 3, (4, 8, 8))
    truth = F.one_hot(label, 3).movedim(-1, 1).float()
    known = torch.ones(4, 1, 8, 8, dtype=torch.bool)
    theirs = DiceLoss(softmax=True, batch=True, smooth_nr=0, smooth_dr=0)(logits, truth)
    torch.testing.assert_close(dice_loss(logits.softmax(1), truth, known), theirs)


def test_dice_leaves_out_classes_that_do_not_occur():
    probability = torch.full((1, 3, 4), 1 / 3)
    truth = torch.zeros(1, 3, 4)
    truth[0, 0, :2] = truth[0, 1, 2:] = 1
    known = torch.ones(1, 1, 4, dtype=torch.bool)
    expected = 1 - 2 * (2 / 3) / (4 / 3 + 2)
    assert float(dice_loss(probability, truth, known)) == pytest.approx(expected)


@pytest.mark.parametrize("target", ["facies", "fault"])
def test_unlabelled_voxels_have_no_gradient(target):
    torch.manual_seed(0)
    outputs = 3 if target == "facies" else 1
    logits = torch.randn(2, outputs, 6, 6, requires_grad=True)
    label = torch.randint(0, 2, (2, 6, 6), dtype=torch.uint8)
    label[:, 2:4] = 255
    loss = (facies_loss if target == "facies" else fault_loss)(logits, label)
    loss.backward()
    assert float(logits.grad[:, :, 2:4].abs().max()) == 0
    assert float(logits.grad[:, :, :2].abs().min()) > 0


@pytest.mark.parametrize("target", ["facies", "fault"])
def test_unlabelled_voxels_do_not_change_the_loss(target):
    torch.manual_seed(0)
    measure = facies_loss if target == "facies" else fault_loss
    logits = torch.randn(2, 3 if target == "facies" else 1, 6, 6)
    label = torch.randint(0, 2, (2, 6, 6), dtype=torch.uint8)
    padded = F.pad(logits, (0, 3), value=9.0)
    padded_label = F.pad(label, (0, 3), value=255)
    torch.testing.assert_close(measure(padded, padded_label), measure(logits, label))


@pytest.mark.parametrize("target", ["facies", "fault"])
def test_a_batch_without_labels_is_harmless(target):
    logits = torch.randn(1, 3 if target == "facies" else 1, 4, 4, requires_grad=True)
    label = torch.full((1, 4, 4), 255, dtype=torch.uint8)
    loss = (facies_loss if target == "facies" else fault_loss)(logits, label)
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(logits.grad.abs().max()) == 0


def test_facies_loss_is_cross_entropy_and_dice():
    torch.manual_seed(0)
    logits, label = torch.randn(2, 3, 5, 5), torch.randint(0, 3, (2, 5, 5))
    weights = torch.tensor([1.0, 2.0, 0.5])
    plain = facies_loss(logits, label, class_weights=weights, dice_weight=0)
    torch.testing.assert_close(plain, F.cross_entropy(logits, label, weights))
    both = facies_loss(logits, label, class_weights=weights, dice_weight=0.7)
    dice = DiceLoss(softmax=True, to_onehot_y=True, batch=True, smooth_nr=0, smooth_dr=0)
    torch.testing.assert_close(both, plain + 0.7 * dice(logits, label[:, None]))


def test_fault_loss_falls_as_the_answer_gets_better():
    label = torch.zeros(1, 8, 8, 8, dtype=torch.uint8)
    label[:, 4] = 1
    right = torch.where(label[:, None] == 1, 4.0, -4.0)
    losses = [float(fault_loss(right * scale, label)) for scale in (-1, 0, 0.5, 1)]
    assert losses == sorted(losses, reverse=True)


def test_fault_weight_counts_faults_more():
    label = torch.zeros(1, 4, 4, dtype=torch.uint8)
    label[0, 0] = 1
    missed = torch.full((1, 1, 4, 4), -3.0)
    light = fault_loss(missed, label, positive_weight=1.0, dice_weight=0)
    heavy = fault_loss(missed, label, positive_weight=5.0, dice_weight=0)
    assert float(heavy) > 2 * float(light)
