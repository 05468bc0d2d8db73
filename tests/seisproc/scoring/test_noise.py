import numpy as np
import pytest

from seisproc.scoring.noise import noisy


def test_noise_has_the_level_and_the_band_of_the_section():
    rng = np.random.default_rng(0)
    section = np.sin(0.6 * np.arange(128))[:, None] * rng.normal(1, 0.1, 60) + 3
    added = noisy(section, 0.7, seed=1) - section
    assert added.std() == pytest.approx(0.7 * section.std(), rel=0.02)
    spectrum = np.abs(np.fft.rfft(added, axis=0)).mean(axis=1)
    assert np.abs(np.argmax(spectrum) - 0.6 / (2 * np.pi) * 128) < 2
    np.testing.assert_array_equal(noisy(section, 0.7, seed=1), noisy(section, 0.7, seed=1))


def test_none_changes_nothing_and_dead_samples_stay_dead():
    section = np.ones((8, 3), np.float32)
    section[2, 1] = np.nan
    np.testing.assert_array_equal(noisy(section, 0), section)
    section[:4] = 2
    assert np.isnan(noisy(section, 1.0)).sum() == np.isnan(section).sum()
