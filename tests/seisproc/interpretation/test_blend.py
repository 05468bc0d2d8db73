import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisproc.errors import ConfigError, SeisprocError
from seisproc.interpretation.blend import (
    KINDS,
    MAX_WEIGHT_SUM,
    ONE,
    add_window,
    axis_weights,
    blend_weights,
)
from seisproc.interpretation.tiling import Lattice, lattices
from seisproc.interpretation.uncertainty import weight_sum

cases = st.tuples(
    st.tuples(*[st.integers(1, 20)] * 3),
    st.one_of(st.tuples(*[st.integers(1, 10)] * 3), st.tuples(*[st.integers(1, 10)] * 2)),
    st.sampled_from([0.0, 0.25, 0.5, 0.75]),
    st.sampled_from(KINDS),
)


def windows_of(made):
    for n, lattice in enumerate(made):
        for count in itertools.product(*map(range, lattice.counts)):
            yield n, lattice, count


def blend(made, weights, predict, order=None):
    """Sums over the whole survey of ``predict(index, window shape)``."""
    sums = np.zeros((1, *made[0].shape), np.uint32)
    work = list(windows_of(made))
    if order is not None:
        order.shuffle(work)
    for n, lattice, count in work:
        corner = tuple(c * s for c, s in zip(count, lattice.stride, strict=True))
        values = predict(lattice.index(*count), lattice.window)[None]
        add_window(sums, values, 1.0, weights[n], corner)
    return sums[0]


@settings(max_examples=60)
@given(cases, st.integers(0, ONE))
def test_constant_in_constant_out_edges_included(case, integer):
    shape, window, overlap, kind = case
    made = lattices(shape, window, overlap)
    weights = blend_weights(kind, made)
    value = np.float32(integer / ONE)
    sums = blend(made, weights, lambda _, extent: np.full(extent, value))
    total = weight_sum(weights, (0, 0, 0), shape)
    assert total.min() >= 1
    np.testing.assert_array_equal(sums.astype(np.int64), integer * total.astype(np.int64))


@settings(max_examples=30)
@given(cases, st.integers(0, 2**31))
def test_the_order_of_windows_does_not_change_a_bit(case, seed):
    shape, window, overlap, kind = case
    made = lattices(shape, window, overlap)
    weights = blend_weights(kind, made)

    def noise(index, extent):
        return np.random.default_rng(index).random(extent, np.float32)

    first = blend(made, weights, noise)
    second = blend(made, weights, noise, random.Random(seed))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", [(16, 16, 16), (16, 24)])
def test_the_blend_is_the_weighted_mean_in_floating_point(kind, window):
    made = lattices((30, 20, 40), window, 0.5)
    weights = blend_weights(kind, made)
    top, bottom = np.zeros((2, 30, 20, 40))
    for n, lattice, count in windows_of(made):
        u, v, w = (each.astype(float) for each in weights[n].window)
        weight = u[:, None, None] * v[None, :, None] * w
        values = np.random.default_rng(lattice.index(*count)).random(lattice.window, np.float32)
        start = [c * s for c, s in zip(count, lattice.stride, strict=True)]
        stop = [min(a + b, c) for a, b, c in zip(start, lattice.window, lattice.shape, strict=True)]
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        cut = tuple(slice(0, b - a) for a, b in zip(start, stop, strict=True))
        top[box] += (weight * values)[cut]
        bottom[box] += weight[cut]
    sums = blend(made, weights, lambda i, e: np.random.default_rng(i).random(e, np.float32))
    np.testing.assert_array_equal(weight_sum(weights, (0, 0, 0), (30, 20, 40)), bottom)
    np.testing.assert_allclose(sums / bottom / ONE, top / bottom, atol=1.0 / ONE)


@given(cases)
def test_sums_fit_in_32_bits_whatever_is_predicted(case):
    shape, window, overlap, kind = case
    weights = blend_weights(kind, lattices(shape, window, overlap))
    largest = weight_sum(weights, (0, 0, 0), shape).astype(np.int64).max()
    assert largest <= sum(each.largest_sum for each in weights) <= MAX_WEIGHT_SUM
    assert largest * ONE < 2**32


def test_a_sum_that_uses_all_32_bits_is_right():
    lattice = Lattice((40, 40, 40), (16, 16, 16), (8, 8, 8))
    (weights,) = blend_weights("gaussian", [lattice])
    sums = blend([lattice], [weights], lambda _, extent: np.ones(extent, np.float32))
    assert sums.max() > 2**31
    total = weight_sum((weights,), (0, 0, 0), lattice.shape).astype(np.int64)
    np.testing.assert_array_equal(sums, total * ONE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("extent", [1, 2, 7, 64])
def test_weights_are_symmetric_integers_of_at_least_one(kind, extent):
    weights = axis_weights(kind, extent, 40)
    np.testing.assert_array_equal(weights, weights[::-1])
    assert weights.min() >= 1
    assert weights.max() <= 40
    assert (np.diff(weights[: (extent + 1) // 2].astype(int)) >= 0).all()


def test_the_weight_sum_of_a_box_is_cut_from_that_of_the_survey():
    made = lattices((30, 20, 40), (8, 12), 0.5)
    weights = blend_weights("hann", made)
    whole = weight_sum(weights, (0, 0, 0), (30, 20, 40))
    part = weight_sum(weights, (5, 6, 7), (10, 11, 12))
    np.testing.assert_array_equal(part, whole[5:15, 6:17, 7:19])


@given(st.tuples(*[st.integers(-12, 12)] * 3))
def test_what_lies_outside_the_sums_is_dropped(corner):
    lattice = Lattice((64, 64, 64), (8, 8, 8), (4, 4, 4))
    (weights,) = blend_weights("gaussian", [lattice])
    values = np.random.default_rng(0).random((1, 8, 8, 8), np.float32)
    wide = np.zeros((1, 40, 40, 40), np.uint32)
    add_window(wide, values, 1.0, weights, tuple(c + 15 for c in corner))
    narrow = np.zeros((1, 10, 10, 10), np.uint32)
    add_window(narrow, values, 1.0, weights, corner)
    np.testing.assert_array_equal(narrow, wide[:, 15:25, 15:25, 15:25])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1.1])
def test_what_is_no_probability_is_refused(bad):
    lattice = Lattice((4, 4, 4), (4, 4, 4), (4, 4, 4))
    (weights,) = blend_weights("flat", [lattice])
    values = np.full((1, 4, 4, 4), 0.5, np.float32)
    values[0, 1, 2, 3] = bad
    with pytest.raises(SeisprocError, match="1 values of a window"):
        add_window(np.zeros((1, 4, 4, 4), np.uint32), values, 1.0, weights, (0, 0, 0))


def test_rounding_errors_of_a_softmax_are_clipped():
    lattice = Lattice((1, 1, 2), (1, 1, 2), (1, 1, 2))
    (weights,) = blend_weights("flat", [lattice])
    sums = np.zeros((1, 1, 1, 2), np.uint32)
    values = np.array([1 + 1e-6, -1e-6], np.float32).reshape(1, 1, 1, 2)
    add_window(sums, values, 1.0, weights, (0, 0, 0))
    assert sums.ravel().tolist() == [ONE, 0]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="triangle"):
        blend_weights("triangle", lattices((4, 4, 4), (4, 4, 4), 0.5))


def test_an_overlap_whose_sums_would_not_fit_is_refused():
    made = [Lattice((99, 99, 99), (40, 40, 40), (1, 1, 1))]
    with pytest.raises(ConfigError, match="smaller overlap"):
        blend_weights("gaussian", made)
