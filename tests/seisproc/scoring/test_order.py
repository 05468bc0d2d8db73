import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError
from seisproc.schema import NONE
from seisproc.scoring.order import column_order, contact_counts, may_lie_under, order_scores


@given(st.integers(0, 1000))
def test_contacts_follow_the_definition_and_traces_add_up(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (5, 9)).astype(np.uint8)
    codes[rng.random(codes.shape) < 0.2] = NONE
    expected = np.zeros((4, 4), int)
    for trace in codes:
        for above, below in zip(trace[:-1], trace[1:], strict=True):
            if above != below and NONE not in (above, below):
                expected[above, below] += 1
    np.testing.assert_array_equal(contact_counts(codes, 4), expected)
    mask = rng.random(5) < 0.5
    np.testing.assert_array_equal(
        contact_counts(codes, 4, mask) + contact_counts(codes, 4, ~mask), expected
    )


def test_what_pinches_out_may_be_missing_and_what_is_turned_over_is_wrong():
    labels = np.array([[0, 0, 1, 1, 2, 2]] * 5, np.uint8)
    allowed = may_lie_under(contact_counts(labels, 3))
    pinched = contact_counts(np.array([[0, 0, 0, 2, 2, 2]], np.uint8), 3)
    assert order_scores(pinched, allowed, 1).violations == 0
    turned = contact_counts(np.array([[0, 2, 1, 1, 2, 2]], np.uint8), 3)
    scores = order_scores(turned, allowed, 1)
    assert (scores.contacts, scores.violations, scores.per_trace) == (3, 1, 1)


def test_slips_of_the_pen_allow_nothing():
    contacts = np.array([[0, 4000, 0], [3, 0, 4000], [0, 0, 0]])
    allowed = may_lie_under(contacts)
    assert allowed.astype(int).tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    assert may_lie_under(contacts, least_share=0)[1, 0]


def test_a_rare_class_may_lie_where_it_was_seen():
    contacts = np.array([[0, 4000, 5], [0, 0, 0], [0, 5, 0]])
    allowed = may_lie_under(contacts)
    assert allowed[0, 2] and allowed[2, 1]


def test_a_column_says_the_order_and_leaves_other_classes_free():
    allowed = column_order([3, 1, 0], 4)
    assert allowed[3, 0] and not allowed[0, 3] and not allowed[0, 1]
    assert allowed[2].all() and allowed[:, 2].all()
    with pytest.raises(ConfigError, match="found: 1, 1"):
        column_order([1, 1], 4)
    with pytest.raises(ConfigError, match="codes from 0 to 3"):
        column_order([4], 4)


def test_without_a_contact_there_is_no_rate():
    scores = order_scores(np.zeros((2, 2), np.int64), np.ones((2, 2), bool), 0)
    assert math.isnan(scores.rate) and math.isnan(scores.per_trace)
