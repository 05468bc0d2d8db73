"""What neighbours say: distances by their definition, interpolation of horizons, who is asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seisproc.errors import ConfigError
from seisproc.sections.folder import Section
from seisproc.sections.neighbours import (
    REACH,
    Neighbours,
    from_arrays,
    neighbour_channels,
    reference_arrays,
    signed_distance,
)


def section(name, inline, horizons, traces=40, samples=50):
    """An inline whose two horizons lie at a depth and are level."""
    labels = np.zeros((traces, samples), np.uint8)
    for depth in horizons:
        labels[:, depth:] += 1
    lines = np.stack([np.full(traces, inline), np.arange(traces)], axis=1)
    noise = np.random.default_rng(inline).standard_normal((traces, samples)).astype(np.float32)
    return Section(f"{name}.npz", noise, np.ones(traces, bool), lines, labels)


@settings(max_examples=60, deadline=None)
@given(labels=arrays(np.uint8, (3, 17), elements=st.sampled_from([0, 1, 2, 255])))
def test_distance_is_that_to_the_nearest_sample_on_the_other_side_of_the_edge(labels):
    found = signed_distance(labels, 3)
    for trace, code in np.ndindex(3, 3):
        inside = labels[trace] == code
        for at in range(17):
            others = np.flatnonzero(inside != inside[at])
            gap = np.abs(others - at).min() if len(others) else 10**6
            expected = min(2 * gap - 1, 2 * REACH) * (1 if inside[at] else -1)
            assert found[trace, code, at] == expected


def test_halfway_between_two_sections_a_horizon_lies_halfway():
    around = Neighbours.of([section("a", 100, (10, 30)), section("b", 120, (20, 34))], 3)
    depth, distance = around.average(np.array([[110, 5]]))
    assert distance[0] == 10
    told = depth[:, 0].argmax(axis=0)
    assert np.flatnonzero(np.diff(told)).tolist() == [14, 31]  # 15 and 32, as near as samples go


def test_on_an_interpreted_trace_its_own_labels_prevail():
    one, other = section("a", 100, (10, 30)), section("b", 200, (25, 40))
    depth, distance = Neighbours.of([one, other], 3).average(one.lines)
    assert distance.max() == 0
    assert (depth.argmax(axis=0) == one.labels).all()


def test_shares_sum_to_one_and_follow_the_depths():
    around = Neighbours.of([section("a", 1, (10, 30))], 3)
    channels = neighbour_channels(*around.average(np.array([[4, 4], [5, 5]])))
    assert channels.shape == (4, 2, 50) and channels.dtype == np.float32
    np.testing.assert_allclose(channels[:3].sum(axis=0), 1, rtol=1e-5)
    assert channels[0, 0, 0] > 0.99 and channels[2, 0, 49] > 0.99
    assert channels[0, 0, 9] == pytest.approx(channels[1, 0, 10], abs=0.01)


def test_nobody_left_is_an_error():
    around = Neighbours.of([section("a", 1, (10, 30))], 3)
    with pytest.raises(ConfigError, match="no interpreted section"):
        around.without(["a.npz"]).average(np.array([[4, 4]]))


def test_dead_traces_pass_nothing_on():
    given = section("a", 1, (10, 30))
    dead = Section(given.url, given.seismic, np.arange(40) >= 20, given.lines, given.labels)
    (reference,) = Neighbours.of([dead], 3).sections
    assert reference.lines[:, 1].min() == 20


def test_a_bundle_carries_them_whole():
    given = [section("a", 1, (10, 30)), section("b", 9, (20, 34))]
    lines = np.array([[4, 4], [5, 5]])
    carried = from_arrays(reference_arrays(given), 3)
    for one, other in zip(Neighbours.of(given, 3).average(lines), carried.average(lines),
                          strict=True):
        np.testing.assert_array_equal(one, other)
