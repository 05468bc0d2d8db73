import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.schema import NONE
from seisproc.scoring.continuity import ContinuityCounts, continuity, continuity_counts


def layers(traces=12, samples=20, dip=1):
    t, k = np.meshgrid(np.arange(traces), np.arange(samples), indexing="ij")
    return np.digitize(k + dip * (t // 3), [8, 15]).astype(np.uint8)


@given(st.integers(0, 1000))
def test_counts_follow_the_definition(seed):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, 3, (2, 6, 7)).astype(np.uint8)
    truth[rng.random(truth.shape) < 0.2] = NONE
    expected = [0, 0, 0, 0]
    for a in range(5):
        for k in range(7):
            if NONE in truth[a : a + 2, k]:
                continue
            true, drawn = truth[a, k] != truth[a + 1, k], predicted[a, k] != predicted[a + 1, k]
            expected = [n + int(add) for n, add in
                        zip(expected, (True, true, drawn, true and drawn), strict=True)]
    assert continuity_counts(truth, predicted) == ContinuityCounts(*expected)


def test_speckle_breaks_and_a_flat_prior_smooths():
    truth = layers()
    assert continuity(continuity_counts(truth, truth)).change_ratio == 1
    speckled = truth.copy()
    speckled[4, 5] = 2
    broken = continuity(continuity_counts(truth, speckled))
    assert broken.change_ratio > 1 and broken.false_changes > 0
    flat = continuity(continuity_counts(truth, np.broadcast_to(truth[0], truth.shape)))
    assert (flat.change_ratio, flat.agreement) == (0, 1)


def test_without_a_change_or_a_pair_there_is_no_ratio():
    level = layers(dip=0)
    assert math.isnan(continuity(continuity_counts(level, level)).change_ratio)
    assert math.isnan(continuity(ContinuityCounts()).agreement)


def test_a_pair_needs_both_traces_and_sections_add_up():
    truth = layers()
    mask = np.ones(12, bool)
    mask[5] = False
    masked = continuity_counts(truth, truth, mask)
    parts = continuity_counts(truth[:5], truth[:5]) + continuity_counts(truth[6:], truth[6:])
    assert masked == parts
    assert masked.pairs == pytest.approx(9 * 20)
