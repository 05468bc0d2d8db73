import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError
from seisproc.patches.augment import AugmentConfig, augment, mix

CHANCES = [f.name for f in dataclasses.fields(AugmentConfig) if f.name.startswith("p_")]
NEVER = AugmentConfig(**dict.fromkeys(CHANCES, 0.0))
ALWAYS = AugmentConfig(**dict.fromkeys(CHANCES, 1.0))
shapes = st.sampled_from([(16, 24), (8, 8, 16), (6, 8, 16)])


def patch(shape, seed):
    rng = np.random.default_rng(seed)
    seismic = rng.standard_normal(shape).astype(np.float32)
    return seismic, rng.integers(0, 6, shape).astype(np.uint8)


@given(shapes, st.integers(0, 500), st.sampled_from([AugmentConfig(), ALWAYS]))
def test_the_same_generator_gives_the_same_patch_and_inputs_stay(shape, seed, config):
    seismic, label = patch(shape, seed)
    before = seismic.copy(), label.copy()
    first, again = (augment(seismic, label, np.random.default_rng(seed), config) for _ in "ab")
    np.testing.assert_array_equal(seismic, before[0])
    np.testing.assert_array_equal(label, before[1])
    for one, two, kind in zip(first, again, (np.float32, np.uint8), strict=True):
        np.testing.assert_array_equal(one, two)
        assert one.shape == shape and one.dtype == kind
    assert np.isfinite(first[0]).all() and np.abs(first[0]).max() <= 6
    assert set(np.unique(first[1])) <= set(np.unique(label))


@given(shapes, st.integers(0, 500))
def test_no_chance_no_change(shape, seed):
    seismic, label = patch(shape, seed)
    out, moved = augment(seismic, label, np.random.default_rng(seed), NEVER)
    np.testing.assert_array_equal(out, seismic)
    np.testing.assert_array_equal(moved, label)


@given(shapes, st.integers(0, 500))
def test_labels_follow_what_moves_the_seismic(shape, seed):
    """With amplitude distortions off, a slow amplitude and its own classes stay together."""
    moving = dataclasses.replace(NEVER, p_flip=0.5, p_rotate=0.5, p_stretch=0.5, p_warp=0.5, sway=0)
    rng = np.random.default_rng(seed)
    depth = np.linspace(0, 5, shape[-1], dtype=np.float32)
    seismic = np.broadcast_to(depth, shape) + rng.uniform(-0.5, 0.5, shape[:-1])[..., None]
    seismic = seismic.astype(np.float32)
    label = np.rint(seismic * 10).clip(0, 254).astype(np.uint8)
    out, moved = augment(seismic, label, rng, moving)
    inside = np.zeros(shape, bool)
    inside[..., 4:-4] = True  # the reflected ends bend the ramp
    inside &= (out > 0.5) & (out < 4.5)
    step = depth[1] - depth[0]
    assert (np.abs(out - moved / 10)[inside] <= 0.05 + 0.6 * step).all()


def test_every_distortion_is_reached_and_does_something():
    seismic, label = patch((8, 8, 32), 0)
    for name in sorted(set(CHANCES) - {"p_mix"}):
        config = dataclasses.replace(NEVER, **{name: 1.0})
        results = [augment(seismic, label, np.random.default_rng(seed), config)
                   for seed in range(5)]
        assert any(not np.array_equal(out, seismic) for out, _ in results), name
        moves = any(not np.array_equal(moved, label) for _, moved in results)
        assert moves == (name in ("p_flip", "p_rotate", "p_turn", "p_stretch", "p_warp")), name


def test_mixing_comes_at_its_chance_and_is_determined_by_the_generator():
    (one, first), (two, second) = patch((16, 24), 1), patch((16, 24), 2)

    def mixed(seed, config):
        return mix(one, first, two, second, np.random.default_rng(seed), config)[0]

    assert all(mixed(seed, NEVER) is one for seed in range(5))
    some = dataclasses.replace(NEVER, p_mix=0.5)
    changed = [not np.array_equal(mixed(seed, some), one) for seed in range(60)]
    assert 0.2 < np.mean(changed) < 0.7
    np.testing.assert_array_equal(mixed(3, ALWAYS), mixed(3, ALWAYS))


def test_only_square_blocks_are_rotated():
    config = dataclasses.replace(NEVER, p_rotate=1.0)
    for shape in ((6, 8, 16), (16, 24)):
        seismic, label = patch(shape, 0)
        np.testing.assert_array_equal(augment(seismic, label, np.random.default_rng(0), config)[0],
                                      seismic)


@pytest.mark.parametrize("wrong", [{"p_flip": 1.5}, {"noise": -1.0}, {"stretch": 1.0},
                                   {"white": 2.0}, {"block": -0.1}])
def test_impossible_strengths_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        AugmentConfig(**wrong)
