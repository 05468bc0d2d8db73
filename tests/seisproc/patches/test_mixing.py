import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError
from seisproc.patches.mixing import SEAM, mix_traces
from seisproc.schema import NONE

shapes = st.sampled_from([(30, 4), (12, 9, 3), (5, 5, 4)])
seeds = st.integers(0, 10_000)
shares = st.floats(0, 1)


def pair(shape, seed):
    """Two patches whose labels name the patch: 1 in the first, 2 in the second."""
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((2, *shape)).astype(np.float32)
    return first, np.full(shape, 1, np.uint8), second, np.full(shape, 2, np.uint8)


@given(shapes, seeds, shares)
def test_every_label_tells_of_the_seismic_it_lies_on(shape, seed, share):
    first, one, second, two = pair(shape, seed)
    out, marked = mix_traces(first, one, second, two, share, np.random.default_rng(seed))
    pasted = (out == second) & (out != first)
    assert ((out == first) | pasted).all()
    known = marked != NONE
    np.testing.assert_array_equal(marked[known], np.where(pasted, 2, 1)[known])
    assert out.dtype == np.float32 and marked.dtype == np.uint8
    assert out.shape == marked.shape == shape


@given(shapes, seeds, shares)
def test_labels_are_taken_away_beside_seams_and_nowhere_else(shape, seed, share):
    first, one, second, two = pair(shape, seed)
    out, marked = mix_traces(first, one, second, two, share, np.random.default_rng(seed))
    pasted = (out == second).all(axis=-1)
    unknown = (marked == NONE).all(axis=-1)
    assert ((marked == NONE).any(axis=-1) == unknown).all(), "whole traces"
    for axis in range(pasted.ndim):
        seam = np.diff(pasted, axis=axis)  # between a trace and the next
        for near in (slice(None, -1), slice(1, None)):
            beside = [slice(None)] * pasted.ndim
            beside[axis] = near
            assert unknown[tuple(beside)][seam].all()
    far = np.argwhere(unknown)
    if len(far):
        box = np.argwhere(pasted)
        low, high = box.min(axis=0), box.max(axis=0)
        to_side = np.minimum(np.abs(far - low), np.abs(far - high)).min(axis=1)
        assert (to_side <= SEAM).all()


@given(shapes, seeds, shares)
def test_the_same_generator_gives_the_same_patch_and_inputs_stay(shape, seed, share):
    patches = pair(shape, seed)
    before = [array.copy() for array in patches]
    results = [mix_traces(*patches, share, np.random.default_rng(seed)) for _ in "ab"]
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
    for array, copy in zip(patches, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@given(shapes, seeds)
def test_a_share_of_nothing_changes_nothing(shape, seed):
    first, one, second, two = pair(shape, seed)
    out, marked = mix_traces(first, one, second, two, 0.0, np.random.default_rng(seed))
    np.testing.assert_array_equal(out, first)
    np.testing.assert_array_equal(marked, one)


def test_half_of_a_patch_may_come_from_another():
    first, one, second, two = pair((40, 3), 0)
    shares = [
        (mix_traces(first, one, second, two, 0.5, np.random.default_rng(seed))[1] == 2).mean()
        for seed in range(40)
    ]
    assert max(shares) > 0.35 and min(shares) < 0.1


def test_patches_of_different_shapes_are_refused():
    first, one, _, _ = pair((8, 4), 0)
    with pytest.raises(ConfigError, match="different shapes"):
        mix_traces(first, one, first[:4], one[:4], 0.5, np.random.default_rng(0))
