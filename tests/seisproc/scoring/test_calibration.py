import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, confusion_matrix, f1_score, roc_auc_score
from torchmetrics.classification import BinaryCalibrationError

from seisproc.schema import CODES, NONE
from seisproc.scoring.calibration import (
    auroc,
    average_precision,
    best_threshold,
    code_histogram,
    counts_at,
    pack,
    reliability,
    threshold_code,
)


def sample(seed, count=3000):
    rng = np.random.default_rng(seed)
    codes = pack(rng.beta(1, 3, count))
    outcome = rng.random(count) < (codes / CODES) ** 1.5
    return codes, outcome


@given(st.integers(0, 200))
def test_ranking_scores_agree_with_scikit_learn(seed):
    codes, outcome = sample(seed, 400)
    if not 0 < outcome.sum() < len(outcome):
        return
    histogram = code_histogram(codes, outcome)
    assert auroc(histogram) == pytest.approx(roc_auc_score(outcome, codes))
    assert average_precision(histogram) == pytest.approx(average_precision_score(outcome, codes))


def test_calibration_error_agrees_with_torchmetrics():
    codes, outcome = sample(3)
    # No packed value lies on the border of one of 15 bins but 0 and 1: 254 and 15 are coprime.
    theirs = BinaryCalibrationError(n_bins=15, norm="l1")
    expected = theirs(torch.from_numpy(codes / CODES), torch.from_numpy(outcome.astype(int)))
    ours = reliability(code_histogram(codes, outcome))
    assert ours.ece == pytest.approx(float(expected), abs=1e-6)
    assert sum(ours.counts) == len(codes) and len(ours.confidence) == 15


def test_a_calibrated_forecast_has_no_error_and_an_overconfident_one_has():
    histogram = np.zeros((2, 255), np.int64)
    histogram[:, 127] = 500, 500
    assert reliability(histogram).ece == pytest.approx(0, abs=1e-12)
    histogram[:, 127] = 0
    histogram[:, 254] = 250, 750
    assert reliability(histogram).ece == pytest.approx(0.25)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_best_threshold_is_the_best_of_all(seed):
    codes, outcome = sample(seed, 300)
    threshold = threshold_code(best_threshold(code_histogram(codes, outcome)))
    best = f1_score(outcome, codes >= threshold)
    for other in range(1, 255, 3):
        assert best >= f1_score(outcome, codes >= other) - 1e-12


@given(st.integers(0, 50), st.integers(0, 254))
def test_counts_at_a_threshold_are_the_confusion_matrix(seed, code):
    codes, outcome = sample(seed, 300)
    expected = confusion_matrix(outcome, codes >= code, labels=[False, True])
    ours = counts_at(code_histogram(codes, outcome), code / CODES)
    np.testing.assert_array_equal(ours, expected)


def test_histograms_skip_none_respect_the_mask_and_add_up():
    codes, outcome = sample(5, 120)
    codes[:7] = NONE
    grid, truth = codes.reshape(4, 5, 6), outcome.reshape(4, 5, 6)
    mask = np.zeros((4, 5), bool)
    mask[1] = True
    whole = code_histogram(grid, truth)
    assert whole.sum() == 113
    np.testing.assert_array_equal(
        code_histogram(grid, truth, mask) + code_histogram(grid, truth, ~mask), whole
    )


def test_without_both_outcomes_there_is_no_ranking():
    histogram = np.zeros((2, 255), np.int64)
    histogram[0, 3] = 5
    assert math.isnan(auroc(histogram)) and math.isnan(average_precision(histogram))
    assert best_threshold(histogram) == 0.5
    assert math.isnan(reliability(np.zeros((2, 255), np.int64)).ece)
