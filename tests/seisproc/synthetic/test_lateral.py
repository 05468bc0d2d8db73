"""Power over lateral wavenumbers: measured, given to a volume, and no reflector moved."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seisproc.synthetic.lateral import shape_wavenumbers, shares, wavenumber_power

WHOLE = ((0.0, 1.0),)


def noise(sigma, seed=0, shape=(40, 44, 96)):
    """Noise smooth over so many traces and one sample."""
    white = np.random.default_rng(seed).normal(size=shape)
    smooth = gaussian_filter(white, (sigma, sigma, 1.0), mode="wrap")
    return (smooth / smooth.std()).astype(np.float32)


def spread(values):
    """Shares of the wavenumbers, over both axes."""
    return shares(wavenumber_power(values, 0) + wavenumber_power(values, 1))


def target_of(values):
    return (tuple(map(tuple, spread(values))),)


def test_smooth_values_have_small_wavenumbers():
    rough, smooth = (spread(noise(sigma))[:, 5] for sigma in (0.0, 2.0))
    assert rough[1:8] == pytest.approx(1 / 8, rel=0.25)  # the two ends are half as wide
    assert smooth[:3].sum() > 0.95


def test_a_plane_wave_lies_at_its_wavenumber_and_frequency():
    i, k = np.arange(40)[:, None, None], np.arange(96)
    wave = np.cos(2 * np.pi * (0.25 * i + 0.125 * k)) * np.ones((1, 40, 1))
    power = wavenumber_power(wave.astype(np.float32), 0)
    assert np.unravel_index(power.argmax(), power.shape) == (4, 12)
    assert wavenumber_power(wave.astype(np.float32), 1).argmax() // 49 == 0


def test_the_shares_become_those_of_the_survey():
    wanted, given = noise(1.2), noise(0.4, seed=1)
    shaped = shape_wavenumbers(given, target_of(wanted), WHOLE)
    far, near = (
        np.abs(np.log10(spread(v)[:6, 2:15] / spread(wanted)[:6, 2:15])).mean()
        for v in (given, shaped)
    )
    assert near < 0.25 * far


def test_each_window_has_its_own():
    smooth, rough = noise(1.5), noise(0.3)
    target = target_of(smooth) + target_of(rough)
    shaped = shape_wavenumbers(noise(0.6, seed=2), target, ((0.0, 0.5), (0.5, 1.0)))
    above, below = (spread(shaped[:, :, part])[0:2, 5].sum() for part in (
        slice(0, 30), slice(66, 96)))
    assert above > 2 * below


def test_reflectors_and_a_fault_stay_where_they_are():
    depth = np.where(np.arange(48) < 24, 40.0, 46.0)[:, None, None]
    stripe = np.exp(-0.5 * ((np.arange(96) - depth) / 2.0) ** 2) * np.ones((1, 48, 1))
    values = (stripe + 0.02 * noise(0.3, shape=(48, 48, 96))).astype(np.float32)
    shaped = shape_wavenumbers(values, target_of(noise(1.0)), WHOLE)
    for side, wanted in ((slice(8, 20), 40), (slice(28, 40), 46)):
        peaks = shaped[side, 8:40].argmax(axis=2)
        assert np.abs(peaks - wanted).max() <= 1  # the noise on top moves a few by one
        assert shaped[side].mean(axis=(0, 1)).argmax() == wanted
    # The step lies where it lay: between the same traces.
    mean = shaped[:, 8:40].mean(axis=1)
    assert (mean[:, 46] > mean[:, 40]).argmax() == 24


def test_nothing_measured_changes_nothing():
    values = noise(1.0)
    nothing = (tuple((0.0,) * 49 for _ in range(9)),)
    assert np.allclose(shape_wavenumbers(values, nothing, WHOLE), values, atol=1e-5)
    few = values[:12, :12]
    assert wavenumber_power(few, 0).sum() == 0
    assert np.allclose(shape_wavenumbers(few, target_of(values), WHOLE), few, atol=1e-5)
