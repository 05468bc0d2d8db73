"""Spectrum and amplitudes of a survey on another volume: near enough, and nothing moved."""

import dataclasses

import numpy as np
import pytest

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.measure import measure, trace_spectra
from seisproc.synthetic.profile import FREQUENCIES
from seisproc.synthetic.shaping import (
    draw_spectra,
    imitate,
    level_gain,
    map_amplitudes,
    noise_by_depth,
    own_level,
    shape_spectrum,
    slice_levels,
)
from seisproc.synthetic.volume import synthesize

SMALL = SyntheticConfig(shape=(40, 40, 96), seed=3)


@pytest.fixture(scope="module")
def other():
    """Profile of something of another band and with heavier tails."""
    rng = np.random.default_rng(0)
    values = synthesize(SyntheticConfig(shape=(48, 48, 128), seed=9, facies=False,
                                        peak_frequency=0.22, frequency_drop=0.3)).amplitude
    return measure([values * np.exp(0.6 * rng.normal(size=(1, 1, 128)))])


def test_the_labels_stay_and_the_same_configuration_gives_the_same_bytes(other):
    plain = synthesize(SMALL)
    config = dataclasses.replace(SMALL, profile=other)
    first, second = synthesize(config), synthesize(config)
    assert first.amplitude.tobytes() == second.amplitude.tobytes()
    assert np.array_equal(first.facies, plain.facies)
    assert np.array_equal(first.fault, plain.fault)
    assert not np.array_equal(first.amplitude, plain.amplitude)
    assert first.amplitude.dtype == np.float32
    assert first.amplitude.flags.c_contiguous
    assert np.sqrt(np.mean(first.amplitude**2)) == pytest.approx(1.0, rel=1e-3)


def test_the_spectrum_is_the_wanted_one_within_two_decibels(other):
    # Near enough for the largest gain of a frequency; the generator's wavelet is nearer still.
    values = synthesize(dataclasses.replace(SMALL, peak_frequency=0.18, white_noise=0.05)).amplitude
    target = draw_spectra(other, np.random.default_rng(1))
    shaped = shape_spectrum(values, target, other.windows)
    for number, (first, last) in enumerate(other.windows):
        inside = slice(round(first * 96), round(last * 96))
        seen, before = (
            np.sqrt(np.mean(trace_spectra(v[:, :, inside].reshape(1600, -1)) ** 2, axis=0))
            for v in (shaped, values)
        )
        band = target[number] > 0.1 * target[number].max()
        error, was = (20 * np.log10(s[band] / target[number][band]) for s in (seen, before))
        assert np.sqrt(np.mean(error**2)) < 2.0
        assert np.sqrt(np.mean(was**2)) > 3.0


def test_a_filter_moves_no_reflection(other):
    spike = np.zeros((4, 4, 128), np.float32)
    spike[:, :, 64] = 1.0
    shaped = shape_spectrum(spike, draw_spectra(other, np.random.default_rng(1)), ((0.0, 1.0),) * 1)
    assert (np.abs(shaped).argmax(axis=2) == 64).all()
    reach = 40
    around = shaped[0, 0, 64 - reach : 65 + reach]
    assert np.allclose(around, around[::-1], atol=1e-5 * np.abs(around).max())


def test_amplitudes_keep_their_order_and_take_on_the_quantiles(other):
    values = np.random.default_rng(0).normal(5.0, 30.0, size=(30, 30, 64)).astype("float32")
    mapped = map_amplitudes(values, other)
    order = np.argsort(values.ravel())
    assert (np.diff(mapped.ravel()[order]) >= 0).all()
    wanted = np.interp([0.02, 0.1, 0.5, 0.9, 0.98], np.linspace(0, 1, mapped.size),
                       np.sort(mapped.ravel()))
    profile = measure([mapped])
    assert profile.kurtosis == pytest.approx(other.kurtosis, abs=0.8)
    assert np.all(np.diff(wanted) > 0)
    assert profile.amplitude == pytest.approx(other.amplitude, abs=0.25, rel=0.06)


def test_drawn_spectra_lie_between_the_percentiles_and_vary(other):
    drawn = [draw_spectra(other, np.random.default_rng(seed)) for seed in range(8)]
    assert np.std(drawn, axis=0).max() > 0.01
    for spectra in drawn:
        assert spectra.shape == (len(other.windows), FREQUENCIES)
        assert np.sum(spectra**2, axis=1) == pytest.approx(1.0)


def test_what_holds_nothing_stays_so(other):
    empty = np.zeros((10, 10, 64), np.float32)
    spectra = draw_spectra(other, np.random.default_rng(0))
    assert np.array_equal(imitate(empty, other, spectra), empty)


def test_a_gain_by_depth_brings_the_level_to_the_wanted_one_within_a_factor_of_two():
    values = np.random.default_rng(0).normal(size=(20, 20, 120)).astype("float32")
    wanted = tuple(np.linspace(0.7, 1.3, 12))
    levels = slice_levels(values * level_gain(values, wanted), 12)
    assert levels / levels.mean() == pytest.approx(wanted, rel=0.1)
    steep = level_gain(values, tuple(np.geomspace(0.01, 100.0, 12)))
    assert steep.max() / steep.min() < 4.1


def test_the_own_level_follows_a_volume_down_but_not_to_silence():
    values = np.random.default_rng(0).normal(size=(20, 20, 120)).astype("float32")
    values[:, :, 60:] *= 1e-3
    level = own_level(values)
    assert level[:50].min() > 1.2
    assert level[-10:] == pytest.approx(0.25)


def test_noise_lies_where_the_surveys_does(other):
    """Noise that has its level all over, on a signal that fades with depth."""
    fading = tuple(np.linspace(1.6, 0.6, 12))
    even = dataclasses.replace(other, level=fading, noise=(0.3, 0.3, 0.3), noise_level=(1.0,) * 12)
    alike = dataclasses.replace(even, noise_level=fading)
    by_depth = noise_by_depth(even)
    assert np.all(np.diff(by_depth) > 0)
    assert by_depth[0] < 0.7
    assert by_depth[-1] > 1.4
    assert noise_by_depth(alike) == pytest.approx(1.0, abs=0.1)
    values = np.random.default_rng(0).normal(size=(20, 20, 120)).astype("float32")
    values *= np.linspace(1.6, 0.6, 120, dtype="float32")
    of_noise = own_level(values, even)
    assert own_level(values).max() / own_level(values).min() > 2
    assert of_noise.max() / of_noise.min() < 1.5
    quiet = dataclasses.replace(even, noise_level=(1.0,) * 6 + (0.0,) * 6)
    assert noise_by_depth(quiet)[6:] == pytest.approx(0.25)
