import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError
from seisproc.patches.distort import rotate
from seisproc.patches.moving import grid, move_traces, swayed, turned

shapes = st.sampled_from([(9, 7), (24, 5), (6, 8, 5), (7, 7, 6)])
seeds = st.integers(0, 10_000)


def numbered(shape):
    """Every trace holds its own number along each lateral axis; labels are whole numbers of it."""
    places = grid(shape[:-1])
    seismic = np.broadcast_to(places.sum(axis=-1)[..., None], shape).astype(np.float32)
    return seismic, np.rint(seismic).astype(np.uint8)


@given(shapes, seeds)
def test_moving_nowhere_changes_nothing(shape, seed):
    seismic = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    label = np.random.default_rng(seed).integers(0, 9, shape).astype(np.uint8)
    still = grid(shape[:-1]) + swayed(shape[:-1], 0.0, np.random.default_rng(seed))
    out, moved = move_traces(seismic, label, still)
    np.testing.assert_array_equal(out, seismic)
    np.testing.assert_array_equal(moved, label)
    assert out.dtype == np.float32 and moved.dtype == np.uint8


@given(shapes, seeds, st.floats(0.0, 0.04))
def test_labels_go_where_the_seismic_goes(shape, seed, share):
    """Between straight reflections of the edges, both read the same place of a ramp."""
    seismic, label = numbered(shape)
    places = grid(shape[:-1]) + swayed(shape[:-1], share, np.random.default_rng(seed))
    out, moved = move_traces(seismic, label, places)
    last = np.array(shape[:-1]) - 2
    inside = ((places >= 1) & (places <= last)).all(axis=-1)
    np.testing.assert_allclose(out[inside][:, 0], places[inside].sum(axis=-1), atol=1e-4)
    half = 0.5 * (len(shape) - 1) + 1e-3
    assert (np.abs(out[inside] - moved[inside]) <= half).all()
    assert set(np.unique(moved)) <= set(np.unique(label))


@given(shapes, seeds, st.floats(0.001, 0.04))
def test_no_trace_overtakes_another(shape, seed, share):
    places = grid(shape[:-1]) + swayed(shape[:-1], share, np.random.default_rng(seed))
    for axis in range(len(shape) - 1):
        if shape[axis] >= 16:
            assert (np.diff(places[..., axis], axis=axis) > 0).all()


@given(shapes, seeds, st.floats(-180, 180))
def test_traces_move_whole_and_the_same_way_at_every_depth(shape, seed, degrees):
    rng = np.random.default_rng(seed)
    flat = np.broadcast_to(rng.standard_normal(shape[:-1])[..., None], shape).astype(np.float32)
    label = np.broadcast_to(rng.integers(0, 9, shape[:-1])[..., None], shape).astype(np.uint8)
    places = grid(shape[:-1]) + swayed(shape[:-1], 0.04, rng)
    if len(shape) == 3:
        places = places + turned(shape[:-1], degrees) - grid(shape[:-1])
    out, moved = move_traces(flat, label, places.astype(np.float32))
    np.testing.assert_array_equal(out, np.broadcast_to(out[..., :1], shape))
    np.testing.assert_array_equal(moved, np.broadcast_to(moved[..., :1], shape))


@given(seeds, st.integers(-4, 4))
def test_quarter_turns_are_rotations(seed, turns):
    rng = np.random.default_rng(seed)
    seismic = rng.standard_normal((6, 6, 4)).astype(np.float32)
    label = rng.integers(0, 9, (6, 6, 4)).astype(np.uint8)
    out, moved = move_traces(seismic, label, turned((6, 6), 90.0 * turns))
    expected = rotate(seismic, label, turns % 4)
    np.testing.assert_allclose(out, expected[0], atol=1e-4)
    np.testing.assert_array_equal(moved, expected[1])


def test_only_blocks_are_turned():
    with pytest.raises(ConfigError, match="3-D"):
        turned((9,), 10.0)
