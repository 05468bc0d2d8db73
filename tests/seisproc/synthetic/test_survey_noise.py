"""Noise drawn from a residual's spectrum is like the noise that the residual was of."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from seisproc.synthetic.profile import FREQUENCIES, WAVENUMBERS
from seisproc.synthetic.steering import local_dips, steered_residual
from seisproc.synthetic.survey_noise import residual_power, survey_noise


def texture(across=0.0, along=1.0, shape=(48, 48, 144)):
    noise = np.random.default_rng(0).normal(size=shape).astype("float32")
    for axis, sigma in ((0, across), (1, across), (2, along)):
        noise = gaussian_filter1d(noise, sigma, axis=axis) if sigma else noise
    return noise


def power_of(values):
    everywhere = np.ones(values.shape[:2], bool)
    dips = {axis: np.zeros_like(values) for axis in (0, 1)}
    residual, _ = steered_residual(values, dips, everywhere)
    return residual_power(residual, 4)


def neighbours_correlation(values, axis):
    a, b = np.take(values, range(40), axis=axis), np.take(values, range(1, 41), axis=axis)
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.mark.parametrize("along", [0.7, 1.5])
def test_noise_has_the_frequencies_of_the_noise_that_was_measured(along):
    there = texture(along=along)
    made = survey_noise((40, 44, 150), 1.0, power_of(there), np.random.default_rng(1))
    assert neighbours_correlation(made, 2) == pytest.approx(
        neighbours_correlation(there, 2), abs=0.05
    )


def test_noise_that_is_smeared_sideways_is_drawn_more_alike_from_trace_to_trace():
    found = [
        neighbours_correlation(
            survey_noise((44, 44, 96), 1.0, power_of(texture(across)), np.random.default_rng(1)), 0
        )
        for across in (0.0, 0.7)
    ]
    assert found[0] == pytest.approx(0.0, abs=0.1)
    assert found[1] > 0.3


def test_noise_has_the_level_and_shape_asked_for_and_the_seed_decides_it():
    power = power_of(texture())
    first, second, third = (
        survey_noise((17, 23, 61), 0.4, power, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (17, 23, 61)
    assert first.dtype == np.float32
    assert np.sqrt(np.mean(first**2)) == pytest.approx(0.4, rel=1e-3)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_the_power_has_unit_sum_and_nothing_gives_none():
    power = power_of(texture())
    assert power.shape == (WAVENUMBERS, FREQUENCIES)
    assert power.sum() == pytest.approx(1.0)
    assert residual_power(np.zeros((24, 24, 96), np.float32), 4) is None
    assert residual_power(np.ones((8, 8, 96), np.float32), 4) is None


def test_plane_layers_leave_no_residual_whatever_their_dip():
    i, j, k = np.meshgrid(np.arange(24), np.arange(24), np.arange(96), indexing="ij")
    values = np.sin(0.5 * (k - 0.4 * i + 0.3 * j)).astype("float32")
    dips, _, _ = local_dips(values)
    residual, kept = steered_residual(values, dips, np.ones((24, 24), bool))
    assert kept[1:-1, 1:-1].all()
    assert np.abs(residual[4:-4, 4:-4, 8:-8]).max() < 0.05
