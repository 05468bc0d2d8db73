"""Scores added up batch by batch against scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, jaccard_score

from models.validation import FaciesCounts, FaultCounts, class_counts


def test_mean_iou_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(6, 4, 9, 9)).astype(np.float32))
    label = torch.from_numpy(rng.integers(0, 4, (6, 9, 9)).astype(np.uint8))
    label[:, :2] = 255
    counts = FaciesCounts(4)
    for part in range(0, 6, 2):
        counts.add(logits[part : part + 2], label[part : part + 2])
    known = label.numpy() != 255
    predicted = logits.argmax(1).numpy()[known]
    expected = jaccard_score(label.numpy()[known], predicted, average=None)
    scores = counts.scores(0.0)
    assert scores.per_class == pytest.approx(list(expected))
    assert scores.metric == pytest.approx(expected.mean())


def test_a_class_that_never_occurs_is_left_out():
    counts = FaciesCounts(3)
    logits = torch.tensor([5.0, 0.0, 0.0])[None, :, None, None].expand(1, 3, 2, 2)
    counts.add(logits, torch.zeros(1, 2, 2, dtype=torch.uint8))
    scores = counts.scores(0.0)
    assert scores.metric == 1.0
    assert math.isnan(scores.per_class[2])


def test_average_precision_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    label = (rng.random((4, 8, 8, 8)) < 0.05).astype(np.uint8)
    logits = rng.normal(size=label.shape) + 2.0 * label - 1.0
    label[:, 0] = 255
    counts = FaultCounts()
    for part in range(4):
        counts.add(
            torch.from_numpy(logits[part : part + 1, None].astype(np.float32)),
            torch.from_numpy(label[part : part + 1]),
        )
    known = label != 255
    scores = counts.scores(0.0)
    expected = average_precision_score(label[known], logits[known])
    assert scores.metric == pytest.approx(expected, abs=2e-3)
    dice, iou, threshold = scores.per_class
    marked = 1 / (1 + np.exp(-logits[known])) >= threshold
    truth = label[known] == 1
    assert dice == pytest.approx(2 * (marked & truth).sum() / (marked.sum() + truth.sum()))
    assert iou == pytest.approx(jaccard_score(truth, marked))


def test_no_fault_at_all_scores_nothing():
    counts = FaultCounts()
    counts.add(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 4, 4, 4, dtype=torch.uint8))
    assert counts.scores(0.0).metric == 0.0


def test_class_counts_skip_unlabelled():
    labels = [np.array([0, 1, 1, 255], np.uint8), np.array([2, 255], np.uint8)]
    assert class_counts(labels, 4).tolist() == [1, 2, 1, 0]
