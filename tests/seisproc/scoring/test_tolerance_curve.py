import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.schema import NONE
from seisproc.scoring.calibration import threshold_code
from seisproc.scoring.tolerance import REACH, tolerance_counts, tolerance_scores
from seisproc.scoring.tolerance_curve import best_within, tolerance_histogram


def scene(seed, shape=(14, 18)):
    rng = np.random.default_rng(seed)
    truth = (rng.random(shape) < 0.05).astype(np.uint8)
    truth[rng.random(shape) < 0.1] = NONE
    codes = rng.integers(0, 255, shape).astype(np.uint8)
    codes[rng.random(shape) < 0.1] = NONE
    return truth, codes


@given(st.integers(0, 1000), st.floats(0.01, 1.0),
       st.sampled_from([((14, 18), (0, 1)), ((6, 7, 9), (0, 1, 2)), ((4, 7, 9), (1, 2))]))
def test_every_threshold_counts_as_if_it_were_alone(seed, threshold, case):
    shape, axes = case
    truth, codes = scene(seed, shape)
    mask = np.random.default_rng(seed).random(shape[0]) < 0.7
    ours = tolerance_histogram(truth, codes, axes, mask).at(threshold)
    marked = (codes >= threshold_code(threshold)) & (codes != NONE)
    alone = tolerance_counts(truth, marked, axes, mask)
    assert ours.hits.tolist() == alone.hits.tolist()
    assert ours.found.tolist() == alone.found.tolist()
    assert (ours.predicted, ours.true) == (alone.predicted, alone.true)


@pytest.mark.parametrize("tolerance", [0, 2, 5])
def test_the_best_threshold_is_the_best_of_all(tolerance):
    truth, codes = scene(1)
    curve = tolerance_histogram(truth, codes) + tolerance_histogram(*scene(2))
    threshold, f1 = best_within(curve, tolerance)
    every = [tolerance_scores(curve.at(code / 254)).f1[tolerance] for code in range(1, 255)]
    assert f1 == max(every)
    assert tolerance_scores(curve.at(threshold)).f1[tolerance] == f1


def test_without_a_fault_there_is_no_best():
    threshold, f1 = best_within(tolerance_histogram(*(np.zeros((3, 4), np.uint8),) * 2), REACH)
    assert threshold == 0.5 and math.isnan(f1)
