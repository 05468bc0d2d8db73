import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from seisproc.scoring.temperature import (
    TEMPERATURES,
    best_temperature,
    likelihood_sums,
    of_fault,
    rescale,
)


def drawn(seed, sharpness, voxels=4000, classes=4):
    """Probabilities that are too sure by ``sharpness``, and truths drawn from the right ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(classes, voxels)) * 1.5
    right = softmax(logits, axis=0)
    truth = (rng.random(voxels) > right.cumsum(axis=0)).sum(axis=0).astype(np.uint8)
    return softmax(sharpness * logits, axis=0), truth


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0])
def test_the_temperature_undoes_what_made_the_model_too_sure(sharpness):
    probability, truth = drawn(1, sharpness)
    found = best_temperature(likelihood_sums(probability, truth))
    assert found == pytest.approx(sharpness, rel=0.2)


def test_rescaling_is_that_of_the_logits():
    logits = np.random.default_rng(2).normal(size=(3, 50))
    np.testing.assert_allclose(rescale(softmax(logits, axis=0), 1.7),
                               softmax(logits / 1.7, axis=0), rtol=1e-6)


def test_sums_agree_with_scikit_learn_and_pieces_add_up():
    probability, truth = drawn(3, 1.0, 300)
    sums = likelihood_sums(probability, truth)
    one = TEMPERATURES.index(min(TEMPERATURES, key=lambda t: abs(t - 1)))
    assert sums[one] / 1e6 / 300 == pytest.approx(log_loss(truth, probability.T), rel=1e-4)
    pieces = [likelihood_sums(probability[:, a], truth[a]) for a in (slice(0, 77), slice(77, None))]
    np.testing.assert_allclose(sum(pieces), sums, atol=20)


def test_nothing_leaves_probabilities_as_they_are():
    nothing = likelihood_sums(np.zeros((2, 0)), np.zeros(0, np.uint8))
    assert best_temperature(nothing) == 1
    np.testing.assert_allclose(rescale(of_fault(np.array([0.3])), 1.0)[:, 0], [0.7, 0.3])
