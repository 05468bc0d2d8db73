import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from seisproc.schema import NONE
from seisproc.scoring.tolerance import (
    REACH,
    TOLERANCES,
    ToleranceCounts,
    squared_distance,
    tolerance_counts,
    tolerance_scores,
)


@given(st.integers(0, 1000), st.sampled_from([(13, 11, 17), (3, 30, 4), (1, 2, 40)]),
       st.sampled_from([0.0, 0.002, 0.02, 0.2]))
def test_squared_distance_is_the_exact_transform_within_reach(seed, shape, density):
    mask = np.random.default_rng(seed).random(shape) < density
    exact = distance_transform_edt(~mask) ** 2 if mask.any() else np.full(shape, 1e6)
    ours = squared_distance(mask, (0, 1, 2))
    near = exact <= REACH ** 2 + 1e-6
    np.testing.assert_array_equal(ours[near], np.rint(exact[near]))
    assert (ours[~near] > REACH ** 2).all()


def test_sections_are_each_for_themselves():
    mask = np.zeros((3, 9, 9), bool)
    mask[1, 4, 4] = True
    distance = squared_distance(mask, (1, 2))
    assert distance[1, 4, 6] == 4
    assert (distance[[0, 2]] > REACH ** 2).all()


def brute(truth, marked, axes, mask):
    """The definition, voxel by voxel."""
    kept = [a for a in range(3) if a not in axes]
    fault = np.argwhere(truth == 1)
    predicted = np.argwhere(marked & (truth != NONE))

    def matched(points, others, t):
        count = 0
        for p in points:
            if mask[tuple(p)]:
                same = others[(others[:, kept] == p[kept]).all(axis=1)]
                gaps = ((same - p) ** 2).sum(axis=1)
                count += bool((gaps <= t * t).any())
        return count

    return ([matched(predicted, fault, t) for t in TOLERANCES],
            [matched(fault, predicted, t) for t in TOLERANCES])


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2)])
def test_counts_follow_the_definition_and_boxes_with_a_halo_add_up(axes):
    rng = np.random.default_rng(4)
    truth = (rng.random((12, 13, 20)) < 0.01).astype(np.uint8)
    truth[rng.random(truth.shape) < 0.1] = NONE
    marked = rng.random(truth.shape) < 0.01
    everywhere = np.ones(truth.shape, bool)
    whole = tolerance_counts(truth, marked, axes)
    hits, found = brute(truth, marked, axes, everywhere)
    assert whole.hits.tolist() == hits and whole.found.tolist() == found
    total = ToleranceCounts.zero()
    for start in (0, 7, 14):
        low, high = max(0, start - REACH), min(20, start + 7 + REACH)
        mask = np.zeros((12, 13, high - low), bool)
        mask[..., start - low : start - low + 7] = True
        total = total + tolerance_counts(
            truth[..., low:high], marked[..., low:high], axes, mask
        )
    assert (total.hits.tolist(), total.found.tolist()) == (hits, found)
    assert (total.predicted, total.true) == (whole.predicted, whole.true)


def test_a_shifted_fault_is_found_once_the_tolerance_allows():
    truth = np.zeros((4, 30, 40), np.uint8)
    truth[:, 10] = 1
    marked = np.zeros(truth.shape, bool)
    marked[:, 13] = True
    scores = tolerance_scores(tolerance_counts(truth, marked, (1, 2)))
    assert scores.f1 == (0, 0, 0, 1, 1, 1)
    nothing = tolerance_scores(tolerance_counts(truth, np.zeros_like(marked)))
    assert np.isnan(nothing.precision).all() and nothing.recall == (0,) * 6
