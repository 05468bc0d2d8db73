"""Layers, wavelet, convolution and noise: levels and spectra are what they are declared to be."""

from functools import partial

import numpy as np
import pytest

from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.convolution import blur_laterally, convolve, reflectivity
from seisproc.synthetic.layers import DEVIATION, NODES_PER_SAMPLE, draw_stack
from seisproc.synthetic.noise import band_limited_noise, coherent_noise, survey_gain
from seisproc.synthetic.wavelet import Wavelets, ricker, rotate_phase


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values.astype(np.float64) ** 2)))


def wavelets(*taps: np.ndarray) -> Wavelets:
    return Wavelets(np.stack(taps), np.linspace(0.0, 1.0, len(taps)))


@pytest.mark.parametrize("peak", [0.06, 0.12, 0.24])
def test_the_wavelet_peaks_at_its_frequency(peak: float) -> None:
    spectrum = np.abs(np.fft.rfft(ricker(peak), 4096))
    assert np.fft.rfftfreq(4096)[spectrum.argmax()] == pytest.approx(peak, abs=0.002)
    assert abs(ricker(peak).sum()) < 0.02
    assert np.abs(ricker(peak)[[0, -1]]).max() < 1e-3


def test_convolution_agrees_with_numpy() -> None:
    rng = np.random.default_rng(0)
    traces = rng.standard_normal((3, 2, 80), dtype=np.float32)
    wavelet = ricker(0.13)
    expected = [[np.convolve(t, wavelet, mode="valid") for t in line] for line in traces]
    np.testing.assert_allclose(convolve(traces, wavelets(wavelet)), expected, atol=1e-5)


def test_the_wavelet_turns_from_shallow_to_deep() -> None:
    rng = np.random.default_rng(0)
    traces = rng.standard_normal((2, 2, 60), dtype=np.float32)
    shallow = np.pad(ricker(0.2), 4)
    deep = ricker(0.115)
    assert shallow.size == deep.size
    mixed = convolve(traces, wavelets(shallow, deep))
    first, last = (convolve(traces, wavelets(one)) for one in (shallow, deep))
    np.testing.assert_allclose(mixed[..., 0], first[..., 0], atol=1e-5)
    np.testing.assert_allclose(mixed[..., -1], last[..., -1], atol=1e-5)


def test_an_interface_between_samples_reflects_in_proportion() -> None:
    impedance = np.array([0, 0, 0.075, 0.1, 0.1], np.float32)
    np.testing.assert_allclose(reflectivity(impedance), [0, 0.0375, 0.0125, 0], atol=1e-7)


def test_a_stack_holds_layers_of_the_declared_strength_and_thickness() -> None:
    stack = draw_stack(np.random.default_rng(0), 4000, 1.5).astype(np.float64)
    impedance = np.diff(stack) * NODES_PER_SAMPLE
    assert impedance.std() == pytest.approx(DEVIATION, rel=0.02)
    assert abs(impedance.mean()) < 1e-3
    interfaces = np.count_nonzero(np.abs(np.diff(impedance)) > DEVIATION / 8)
    assert 4000 / interfaces == pytest.approx(4 * 1.5, rel=0.35)


@pytest.mark.parametrize(
    "make", [band_limited_noise, coherent_noise, partial(coherent_noise, bent=True)]
)
def test_noise_has_the_declared_level_after_convolution(make) -> None:
    wavelet = ricker(0.12)
    for seed in range(4):
        noise = make((40, 40, 200), 0.3, wavelet, np.random.default_rng(seed))
        assert rms(convolve(noise, wavelets(wavelet))) == pytest.approx(0.3, rel=0.2)


def test_linear_noise_is_coherent_along_its_dip() -> None:
    noise = coherent_noise((30, 30, 100), 1.0, ricker(0.12), np.random.default_rng(0))
    # In the frequency-wavenumber plane the energy stands on two lines, not everywhere.
    plane = np.sort(np.abs(np.fft.fft2(noise[:, 0])).ravel() ** 2)[::-1]
    tenth = plane.size // 10
    assert plane[:tenth].sum() > 0.6 * plane.sum()
    white = np.random.default_rng(1).standard_normal((30, 100))
    scattered = np.sort(np.abs(np.fft.fft2(white)).ravel() ** 2)[::-1]
    assert scattered[:tenth].sum() < 0.4 * scattered.sum()


def test_gain_holds_decay_and_footprint() -> None:
    config = SyntheticConfig(decay=0.5, footprint=0.1)
    gain = survey_gain(config, np.random.default_rng(0))
    assert np.log(gain[0, 5, 0] / gain[0, 5, -1]) == pytest.approx(0.5, abs=1e-4)
    stripes = gain[0, :, 0]
    assert stripes.max() / stripes.min() > 1.1


@pytest.mark.parametrize("degrees", [-60.0, 45.0, 90.0])
def test_phase_rotation_keeps_the_spectrum_and_turns_the_phase(degrees: float) -> None:
    wavelet = np.pad(ricker(0.12), 40)
    turned = rotate_phase(wavelet, degrees)
    middle = wavelet.size // 2
    before = np.fft.rfft(np.roll(wavelet, -middle))
    after = np.fft.rfft(np.roll(turned, -middle))
    band = np.abs(before) > 0.3 * np.abs(before).max()
    np.testing.assert_allclose(np.abs(after[band]), np.abs(before[band]), rtol=0.03)
    phase = np.degrees(np.angle(after[band] / before[band]))
    np.testing.assert_allclose(phase, degrees, atol=3.0)


def test_lateral_blur_spreads_a_break_and_keeps_level_reflectors() -> None:
    traces = np.zeros((20, 20, 8), np.float32)
    traces[10:, :, 4] = 1.0
    traces[:, :, 6] = 1.0
    blurred = blur_laterally(traces, 0.8)
    np.testing.assert_allclose(blurred[:, :, 6], 1.0, atol=1e-6)
    assert 0.1 < blurred[9, 10, 4] < 0.5 < blurred[10, 10, 4] < 0.9
    assert blur_laterally(traces, 0.0) is traces
