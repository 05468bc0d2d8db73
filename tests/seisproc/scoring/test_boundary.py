import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from seisproc.schema import NONE
from seisproc.scoring.boundary import boundary_counts, class_edges
from seisproc.scoring.tolerance import TOLERANCES, tolerance_scores


def blobs(seed, shape=(20, 24)):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 3, (shape[0] // 4, shape[1] // 4)).astype(np.uint8)
    return np.kron(coarse, np.ones((4, 4), np.uint8))


@given(st.integers(0, 1000))
def test_counts_follow_the_definition(seed):
    truth, predicted = blobs(seed), blobs(seed + 1)
    true, drawn = class_edges(truth), class_edges(predicted)
    counts = boundary_counts(truth, predicted)
    far = np.full(truth.shape, 99.0)
    to_true = distance_transform_edt(~true) if true.any() else far
    to_drawn = distance_transform_edt(~drawn) if drawn.any() else far
    assert counts.hits.tolist() == [(to_true[drawn] <= t).sum() for t in TOLERANCES]
    assert counts.found.tolist() == [(to_drawn[true] <= t).sum() for t in TOLERANCES]


def test_a_boundary_drawn_three_samples_too_deep_is_found_within_three():
    truth = np.zeros((30, 40), np.uint8)
    truth[:, 20:] = 1
    scores = tolerance_scores(boundary_counts(truth, np.roll(truth, 3, axis=1) * (truth > 0)))
    assert scores.f1 == (0, 0, 0, 1, 1, 1)


def test_sections_add_up_and_the_same_prediction_is_perfect():
    truths = [blobs(seed) for seed in range(3)]
    total = sum((boundary_counts(t, t) for t in truths[1:]), boundary_counts(truths[0], truths[0]))
    assert total.true == sum(class_edges(t).sum() for t in truths)
    assert tolerance_scores(total).f1[0] == 1


def test_beside_what_is_not_interpreted_there_is_no_boundary():
    truth = blobs(3)
    truth[:, 12:] = NONE
    predicted = blobs(4)
    assert boundary_counts(truth, predicted).predicted == class_edges(predicted[:, :12]).sum()


def test_masked_traces_are_not_counted_but_match():
    truth = np.zeros((4, 10), np.uint8)
    truth[1:, 5:] = 1
    predicted = np.zeros_like(truth)
    predicted[:, 5:] = 1
    mask = np.array([True, False, False, False])
    counts = boundary_counts(truth, predicted, mask)
    assert counts.predicted == 1
    assert counts.hits[:2].tolist() == [0, 1]  # the step of the truth begins one sample deeper
