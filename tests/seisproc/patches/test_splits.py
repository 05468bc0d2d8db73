import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt

from seisproc.errors import ConfigError
from seisproc.patches.splits import (
    GUARD,
    TEST,
    TRAIN,
    VALIDATION,
    SplitConfig,
    footprint_origins,
    split_map,
)

configs = st.builds(
    SplitConfig,
    scheme=st.sampled_from(["slabs", "blocks"]),
    fractions=st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.25, 0.25), (0.8, 0.0, 0.2)]),
    guard=st.integers(0, 6),
    axis=st.sampled_from([None, 0, 1]),
    block=st.integers(3, 12),
    seed=st.integers(0, 99),
)
extents = st.integers(24, 60)


@given(configs, extents, extents)
def test_parts_are_further_apart_than_the_guard(config, inlines, crosslines):
    parts = split_map(config, (inlines, crosslines))
    assert (parts == TEST).any() and set(np.unique(parts)) <= {TRAIN, VALIDATION, TEST, GUARD}
    for part in (TRAIN, VALIDATION):
        others = (parts > part) & (parts < GUARD)
        if (parts == part).any() and others.any():
            steps = distance_transform_cdt(~others, "chessboard")[parts == part]
            assert steps.min() > config.guard


@given(configs, extents, extents, st.integers(1, 12), st.integers(1, 12))
def test_no_test_or_validation_trace_lies_under_a_training_patch(
    config, inlines, crosslines, a, b
):
    parts = split_map(config, (inlines, crosslines))
    for part in (TRAIN, VALIDATION, TEST):
        allowed = footprint_origins(parts, part, (a, b))
        assert allowed.shape == (inlines - a + 1, crosslines - b + 1)
        by_hand = np.lib.stride_tricks.sliding_window_view(parts == part, (a, b)).all((2, 3))
        np.testing.assert_array_equal(allowed, by_hand)


@given(configs, extents, extents)
def test_a_split_is_deterministic(config, inlines, crosslines):
    first, again = (split_map(config, (inlines, crosslines, 10)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("shape", [(96, 96, 128), (112, 96, 128), (96, 112, 128)])
def test_the_demo_survey_keeps_room_for_64_wide_patches_and_a_test_slab(shape):
    parts = split_map(SplitConfig(), shape)
    for footprint in ((1, 64), (64, 1), (64, 64)):
        assert footprint_origins(parts, TRAIN, footprint).any()
    assert (parts == TEST).mean() > 0.15
    along = [footprint_origins(parts, VALIDATION, f).any() for f in ((1, 64), (64, 1))]
    assert any(along)


def test_seeds_move_the_blocks_and_turn_the_slabs():
    maps = {split_map(SplitConfig("blocks", block=10, guard=1, seed=s), (50, 50)).tobytes()
            for s in range(8)}
    assert len(maps) == 8
    ends = {int(split_map(SplitConfig(seed=s), (50, 50))[0, 0]) for s in range(8)}
    assert ends == {TRAIN, TEST}


def test_unlabelled_ground_is_left_out():
    parts = np.zeros((10, 10), np.uint8)
    labelled = np.zeros((10, 10), bool)
    labelled[4] = True
    assert footprint_origins(parts, TRAIN, (3, 3), labelled).any(axis=1).nonzero()[0].tolist() \
        == [2, 3, 4]
    assert not footprint_origins(parts, TRAIN, (3, 3), labelled, min_labelled=0.5).any()
    assert footprint_origins(parts, TRAIN, (11, 3)).size == 0


@pytest.mark.parametrize("wrong", [
    {"scheme": "stripes"}, {"fractions": (0.5, 0.5, 0.5)}, {"fractions": (0.0, 0.5, 0.5)},
    {"guard": -1}, {"axis": 2}, {"block": 0},
])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ConfigError):
        SplitConfig(**wrong)


def test_a_survey_too_narrow_or_with_too_few_blocks_is_refused():
    with pytest.raises(ConfigError, match="too narrow"):
        split_map(SplitConfig(guard=4), (9, 8))
    with pytest.raises(ConfigError, match="too few blocks"):
        split_map(SplitConfig("blocks", block=64), (64, 100))
