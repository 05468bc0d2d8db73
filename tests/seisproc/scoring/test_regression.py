import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from torchmetrics.regression import MeanAbsoluteError, MeanSquaredError

from seisproc.scoring.regression import ErrorSums, error_sums, regression_scores


@given(st.integers(0, 1000), st.integers(1, 19))
def test_sums_of_pieces_agree_with_scikit_learn_and_torchmetrics(seed, cut):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.normal(3, 2, (2, 20, 5))
    sums = error_sums(truth[:cut], predicted[:cut]) + error_sums(truth[cut:], predicted[cut:])
    scores = regression_scores(sums)
    t, p = truth.ravel(), predicted.ravel()
    assert scores.mae == pytest.approx(mean_absolute_error(t, p))
    assert scores.mse == pytest.approx(mean_squared_error(t, p))
    assert scores.rmse == pytest.approx(math.sqrt(mean_squared_error(t, p)))
    assert scores.r2 == pytest.approx(r2_score(t, p))
    assert scores.bias == pytest.approx((p - t).mean())
    tensors = torch.from_numpy(p), torch.from_numpy(t)
    assert scores.mae == pytest.approx(float(MeanAbsoluteError()(*tensors)), rel=1e-5)
    assert scores.mse == pytest.approx(float(MeanSquaredError()(*tensors)), rel=1e-5)


def test_what_is_not_finite_or_not_masked_is_not_counted():
    truth, predicted = np.array([[1.0, np.nan], [2.0, 5.0]]), np.array([[2.0, 1.0], [np.inf, 5.0]])
    scores = regression_scores(error_sums(truth, predicted))
    assert scores.voxels == 2 and scores.mae == 0.5
    assert error_sums(truth, predicted, np.array([True, False])).count == 1


def test_nothing_and_a_constant_truth_have_no_scores():
    assert math.isnan(regression_scores(ErrorSums()).mae)
    assert math.isnan(regression_scores(error_sums(np.ones(4), np.zeros(4))).r2)
