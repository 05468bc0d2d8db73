import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import hilbert

from seisproc.errors import ConfigError
from seisproc.patches.distort import (
    add_noise,
    drop_block,
    drop_traces,
    flip,
    resample,
    reverse_polarity,
    ripple_gain,
    rotate,
    rotate_phase,
    smooth_shift,
    stretched,
    tilt_gain,
    tilt_spectrum,
)

shapes = st.sampled_from([(9, 16), (12, 33), (6, 6, 20), (5, 8, 16)])
seeds = st.integers(0, 10_000)


def patch(shape, seed):
    """A band-limited patch, and labels that are a function of the amplitude."""
    rng = np.random.default_rng(seed)
    seismic = rng.standard_normal(shape).astype(np.float32)
    return seismic, labels_of(seismic), rng


def labels_of(seismic):
    return np.digitize(seismic, [-1, 0, 1]).astype(np.uint8)


@given(shapes, seeds, st.integers(0, 1))
def test_a_flip_moves_labels_along_and_undoes_itself(shape, seed, axis):
    axis = min(axis, len(shape) - 2)
    seismic, label, _ = patch(shape, seed)
    once = flip(seismic, label, axis)
    np.testing.assert_array_equal(once[1], labels_of(once[0]))
    assert not np.array_equal(once[0], seismic)
    np.testing.assert_array_equal(flip(*once, axis)[0], seismic)


def test_the_vertical_axis_is_never_flipped():
    for shape in ((4, 8), (4, 4, 8)):
        seismic, label, _ = patch(shape, 0)
        with pytest.raises(ConfigError):
            flip(seismic, label, len(shape) - 1)
        with pytest.raises(ConfigError):
            flip(seismic, label, -1)


@given(seeds, st.integers(0, 4))
def test_a_rotation_is_about_the_vertical_and_moves_labels_along(seed, turns):
    seismic, label, _ = patch((6, 6, 20), seed)
    turned, moved = rotate(seismic, label, turns)
    np.testing.assert_array_equal(moved, labels_of(turned))
    traces = {trace.tobytes() for trace in seismic.reshape(-1, 20)}
    assert {np.ascontiguousarray(t).tobytes() for t in turned.reshape(-1, 20)} == traces
    back, _ = rotate(turned, moved, 4 - turns)
    np.testing.assert_array_equal(back, seismic)


def test_a_patch_without_a_square_base_is_not_turned_by_a_quarter():
    seismic, label, _ = patch((5, 8, 16), 0)
    assert rotate(seismic, label, 2)[0].shape == (5, 8, 16)
    with pytest.raises(ConfigError):
        rotate(seismic, label, 1)


@given(st.floats(0.8, 1.25), st.floats(0, 63), st.floats(-3, 3))
def test_resampling_moves_seismic_and_labels_to_the_same_place(factor, pivot, shift):
    depth = np.arange(64, dtype=np.float32)
    seismic = np.broadcast_to(depth, (3, 64))
    label = np.broadcast_to(np.arange(64, dtype=np.uint8), (3, 64))
    position = stretched(64, factor, pivot)
    shifts = np.array([shift, 0, -shift], np.float32)
    out, moved = resample(seismic, label, position, shifts)
    for trace in range(3):
        where = position + shifts[trace]
        inside = (where >= 1) & (where <= 61)
        np.testing.assert_allclose(out[trace, inside], where[inside], atol=1e-3)
        assert (np.abs(moved[trace, inside] - where[inside]) <= 0.5 + 1e-3).all()


@given(shapes, seeds)
def test_resampling_in_place_changes_nothing(shape, seed):
    seismic, label, _ = patch(shape, seed)
    out, moved = resample(seismic, label, stretched(shape[-1], 1.0, 3.0),
                          np.zeros(shape[:-1], np.float32))
    np.testing.assert_allclose(out, seismic, atol=1e-6)
    np.testing.assert_array_equal(moved, label)


def test_resampling_far_beyond_the_ends_reflects():
    seismic, label, _ = patch((2, 8), 1)
    out, moved = resample(seismic, label, np.arange(8, dtype=np.float32),
                          np.full(2, -14, np.float32))
    np.testing.assert_allclose(out, seismic, atol=1e-6)
    np.testing.assert_array_equal(moved, label)


@given(seeds, st.sampled_from([(40,), (20, 30)]), st.floats(0.1, 4))
def test_warps_are_smooth_and_as_strong_as_asked(seed, shape, deviation):
    shift = smooth_shift(shape, deviation, np.random.default_rng(seed))
    assert shift.std() == pytest.approx(deviation, rel=1e-3)
    assert abs(shift.mean()) < 1e-3 * max(1, deviation)
    # white noise of this deviation would step by some five deviations somewhere
    assert np.abs(np.diff(shift, axis=0)).max() < 2 * deviation


@given(shapes, seeds, st.floats(-180, 180))
def test_phase_rotation_can_be_undone_and_keeps_the_energy(shape, seed, degrees):
    seismic, _, _ = patch(shape, seed)
    seismic -= seismic.mean(axis=-1, keepdims=True)
    if shape[-1] % 2 == 0:  # without its Nyquist part, which cannot turn
        seismic -= np.float32((seismic * (-1.0) ** np.arange(shape[-1])).mean(-1, keepdims=True)) \
            * np.float32((-1.0) ** np.arange(shape[-1]))
    turned = rotate_phase(seismic, degrees)
    assert turned.dtype == np.float32
    np.testing.assert_allclose((turned ** 2).sum(), (seismic ** 2).sum(), rtol=1e-4)
    np.testing.assert_allclose(rotate_phase(turned, -degrees), seismic, atol=1e-4)
    np.testing.assert_allclose(np.abs(hilbert(turned)), np.abs(hilbert(seismic)), atol=1e-3)


def test_half_a_turn_of_phase_is_reversed_polarity():
    seismic, _, _ = patch((4, 20), 3)
    np.testing.assert_allclose(rotate_phase(seismic, 180), reverse_polarity(seismic), atol=1e-5)


@given(shapes, seeds, st.floats(0.1, 1))
def test_a_spectral_tilt_keeps_the_rms_and_moves_the_centre(shape, seed, exponent):
    seismic, _, _ = patch(shape, seed)

    def centre(values):
        power = (np.abs(np.fft.rfft(values, axis=-1)) ** 2).reshape(-1, shape[-1] // 2 + 1).sum(0)
        return (power * np.arange(len(power)))[1:].sum() / power[1:].sum()

    sharp, dull = tilt_spectrum(seismic, exponent), tilt_spectrum(seismic, -exponent)
    assert centre(dull) < centre(seismic) < centre(sharp)
    for out in (sharp, dull):
        assert np.sqrt((out ** 2).mean()) == pytest.approx(np.sqrt((seismic ** 2).mean()), rel=1e-3)


def test_gains_scale_and_leave_zero_alone():
    seismic, _, rng = patch((5, 8, 16), 0)
    seismic[2, 3] = 0
    tilted = tilt_gain(seismic, 0.5)
    np.testing.assert_allclose(tilted[0, 0, [0, -1]] / seismic[0, 0, [0, -1]],
                               np.exp([-0.5, 0.5]), rtol=1e-5)
    rippled = ripple_gain(seismic, 0.2, rng)
    ratio = rippled[0, 0] / seismic[0, 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    assert not tilted[2, 3].any() and not rippled[2, 3].any()


@given(seeds, st.floats(0.1, 1), st.sampled_from([0.0, 0.2]))
def test_noise_has_its_level_and_leaves_dead_traces_dead(seed, level, white):
    rng = np.random.default_rng(seed)
    seismic = rng.standard_normal((40, 64)).astype(np.float32)
    seismic[7] = 0
    noise = add_noise(seismic, level, white, rng) - seismic
    live = np.arange(40) != 7
    ratio = np.sqrt((noise[live] ** 2).mean() / (seismic[live] ** 2).mean())
    assert ratio == pytest.approx(level, rel=0.15)
    assert not noise[7].any()


def test_band_limited_noise_shares_the_band_of_the_patch():
    rng = np.random.default_rng(0)
    sample = np.arange(128)
    seismic = np.sin(2 * np.pi * 16 / 128 * sample + rng.uniform(0, 6, (60, 1))).astype("f4")
    spectrum = [np.abs(np.fft.rfft(add_noise(seismic, 0.5, white, rng) - seismic)).mean(axis=0)
                for white in (0.0, 1.0)]
    assert spectrum[0][16] > 50 * np.delete(spectrum[0], 16).max()
    assert spectrum[1].max() < 2 * spectrum[1].min()


@given(seeds, st.floats(0, 1))
def test_dropped_traces_are_zero_and_the_others_untouched(seed, share):
    seismic, _, rng = patch((200, 8), seed)
    out = drop_traces(seismic, share, rng)
    gone = ~out.any(axis=-1)
    np.testing.assert_array_equal(out[~gone], seismic[~gone])
    assert abs(gone.mean() - share) < 0.2


@given(shapes, seeds, st.floats(0, 1))
def test_a_dropped_block_is_one_box_within_its_share(shape, seed, share):
    seismic, _, rng = patch(shape, seed)
    before = seismic.copy()
    out = drop_block(seismic, share, rng)
    np.testing.assert_array_equal(seismic, before)
    gone = np.argwhere(out != seismic)
    if len(gone):
        size = gone.max(axis=0) - gone.min(axis=0) + 1
        assert (size <= share * np.array(shape) + 1e-9).all() and len(gone) == size.prod()
