import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from seisproc.interpretation.blend import ONE
from seisproc.interpretation.uncertainty import (
    finish_facies,
    finish_fault,
    finish_variance,
    largest_variance,
)
from seisproc.schema import CODES, NONE

LIVE = np.ones((1, 1), bool)


def facies_of(probabilities, expected=0.0, weight=7, probability=True, live=LIVE):
    """Finish columns of probabilities (class, sample), as one trace."""
    p = np.asarray(probabilities, float)
    channels = np.concatenate([p, np.broadcast_to(expected, (1, p.shape[1]))])
    sums = (np.rint(channels * ONE) * weight).astype(np.uint32)[:, None, None, :]
    weights = np.full(sums.shape[1:], weight, np.uint32)
    return {k: v[..., 0, 0, :] for k, v in finish_facies(sums, weights, live, probability).items()}


@given(st.integers(2, 10), st.integers(1, 1000), st.integers(0, 2**31))
def test_entropy_agrees_with_scipy_and_classes_with_numpy(classes, weight, seed):
    p = np.random.default_rng(seed).dirichlet([0.3] * classes, size=50).T
    found = facies_of(p, weight=weight)
    expected = entropy(p) / np.log(classes) * CODES
    # half a code, and what 16 bits do to the smallest probabilities, where entropy is steep
    assert np.abs(found["facies_uncertainty"] - expected).max() <= 0.5 + 0.07
    np.testing.assert_array_equal(found["facies"], np.rint(p * ONE).argmax(axis=0))
    assert np.abs(found["facies_probability"] / CODES - p).max() <= 0.5 / CODES + 1 / ONE


def test_certainty_is_zero_and_ignorance_is_one():
    found = facies_of([[1, 0, 1 / 3], [0, 1, 1 / 3], [0, 0, 1 / 3]])
    assert found["facies"].tolist() == [0, 1, 0]
    assert found["facies_uncertainty"].tolist() == [0, 0, CODES]
    assert found["facies_probability"].tolist() == [[254, 0, 85], [0, 254, 85], [0, 0, 85]]


def test_disagreement_is_the_entropy_that_the_samples_do_not_explain_and_never_negative():
    ignorant = np.full((4, 3), 0.25)
    found = facies_of(ignorant, expected=np.array([[0.0, 0.5, 1.0]]))
    assert found["facies_disagreement"].tolist() == [CODES, CODES // 2, 0]
    certain = np.array([[1.0], [0.0]])
    assert facies_of(certain, expected=0.3)["facies_disagreement"].tolist() == [0]


def test_classes_are_taken_before_rounding_to_what_is_stored():
    # Both probabilities are stored as 127, and even as the same 16-bit integer.
    sums = np.array([1000, 1001, 0], np.uint32).reshape(3, 1, 1, 1)
    weight = np.full((1, 1, 1), 100, np.uint32)
    assert finish_facies(sums, weight, LIVE, False)["facies"].item() == 1


def test_dead_traces_are_none_in_every_volume():
    live = np.array([[True, False]])
    sums = np.full((4, 1, 2, 5), 99, np.uint32)
    weight = np.full((1, 2, 5), 3, np.uint32)
    for values in finish_facies(sums, weight, live, True).values():
        assert (values[..., 1, :] == NONE).all()
        assert (values[..., 0, :] != NONE).all()
    for values in finish_fault(sums[:2], weight, live).values():
        assert (values[:, 1] == NONE).all()
        assert (values[:, 0] != NONE).all()


@pytest.mark.parametrize("weight", [1, 9, 65537])
def test_fault_probability_and_its_entropy(weight):
    p = np.linspace(0, 1, 101)
    expected = np.minimum(entropy([p, 1 - p]) / np.log(2), 1)
    channels = np.stack([p, expected / 2])
    sums = (np.rint(channels * ONE).astype(np.int64) * weight).astype(np.uint32)[:, None, None]
    found = finish_fault(sums, np.full((1, 1, 101), weight, np.uint32), LIVE)
    np.testing.assert_array_equal(found["fault"].ravel(), np.rint(np.rint(p * ONE) / ONE * CODES))
    assert np.abs(found["fault_uncertainty"].ravel() - expected * CODES).max() <= 0.52
    assert np.abs(found["fault_disagreement"].ravel() - expected / 2 * CODES).max() <= 0.52


@given(st.integers(2, 10), st.integers(1, 30), st.floats(0.01, 3), st.integers(0, 2**31))
def test_no_samples_vary_more_than_the_largest_variance(classes, samples, sharpness, seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([sharpness] * classes, size=samples)
    assert p.var(axis=0).mean() <= largest_variance(classes) + 1e-12
    certain = np.eye(classes)  # each sample sure of another class
    assert certain.var(axis=0).mean() == pytest.approx(largest_variance(classes))


@pytest.mark.parametrize("weight", [1, 9, 65537])
def test_variance_is_stored_as_a_share_and_as_none_where_dead(weight):
    share = np.linspace(0, 1, 101)
    sums = np.zeros((1, 2, 101), np.uint32)
    sums[:] = (np.rint(share * ONE).astype(np.int64) * weight).astype(np.uint32)
    live = np.array([[True, False]])
    found = finish_variance(sums, np.full((1, 2, 101), weight, np.uint32), live)
    np.testing.assert_array_equal(found[0, 0], np.rint(np.rint(share * ONE) / ONE * CODES))
    assert (found[0, 1] == NONE).all()


def test_probabilities_are_left_out_unless_wanted():
    assert "facies_probability" not in facies_of([[1.0], [0.0]], probability=False)
