"""Ormsby and estimated wavelets, and how a configuration chooses among them."""

import dataclasses

import numpy as np
import pytest

from seisproc.errors import ConfigError
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.measure import measure
from seisproc.synthetic.volume import synthesize
from seisproc.synthetic.wavelet import (
    draw_wavelets,
    ormsby,
    ricker,
    wavelet_of_spectrum,
    with_survey_wavelet,
)

FREQUENCY = np.linspace(0.0, 0.5, 49)
PEAKED = tuple(np.exp(-(((FREQUENCY - 0.15) / 0.05) ** 2)))
LOWER = tuple(np.exp(-(((FREQUENCY - 0.09) / 0.03) ** 2)))
STEADY = {"phase_degrees": 0.0, "frequency_drop": 0.0}


def drawn(**settings: object) -> tuple[np.ndarray, np.ndarray]:
    found = draw_wavelets(
        SyntheticConfig(**{**STEADY, **settings}), np.random.default_rng(0)
    )
    return found.taps, found.depths


def spectrum_of(wavelet: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(wavelet, 2000))


@pytest.mark.parametrize("corners", [(0.03, 0.08, 0.2, 0.3), (0.0, 0.02, 0.1, 0.2)])
def test_the_spectrum_of_an_ormsby_wavelet_is_its_trapezium(corners: tuple) -> None:
    wavelet = ormsby(*corners)
    assert wavelet.size % 2 and wavelet.dtype == np.float32
    np.testing.assert_array_equal(wavelet, wavelet[::-1])
    assert wavelet[wavelet.size // 2] == 1.0
    found = spectrum_of(wavelet)
    at = np.fft.rfftfreq(2000)
    wanted = np.interp(at, corners, [0.0, 1.0, 1.0, 0.0], left=0.0, right=0.0)
    found = found / found[(at > corners[1]) & (at < corners[2])].mean()
    # The taper rounds the corners.
    assert np.sqrt(np.mean((found - wanted) ** 2)) < 0.03


def test_an_estimated_wavelet_has_its_spectrum_and_zero_phase() -> None:
    wavelet = wavelet_of_spectrum(PEAKED)
    np.testing.assert_allclose(wavelet, wavelet[::-1], atol=1e-6)
    found = spectrum_of(wavelet)
    wanted = np.interp(np.fft.rfftfreq(2000), FREQUENCY, PEAKED)
    np.testing.assert_allclose(found / found.max(), wanted, atol=0.03)


def test_each_kind_is_what_its_name_says() -> None:
    taps, depths = drawn(peak_frequency=0.12, wavelet="ricker")
    np.testing.assert_array_equal(taps[0], ricker(0.12))
    assert depths.tolist() == [0.0, 1.0]
    np.testing.assert_array_equal(drawn(peak_frequency=0.12)[0], taps)
    taps, _ = drawn(peak_frequency=0.1, wavelet="ormsby", ormsby_corners=(0.3, 0.7, 1.5, 9.0))
    wanted, found = (spectrum_of(one) for one in (ormsby(0.03, 0.07, 0.15, 0.5), taps[0]))
    np.testing.assert_allclose(found, wanted, atol=0.02 * wanted.max())
    taps, depths = drawn(wavelet="taps", wavelet_taps=(0.0, 1.0, 4.0, -2.0, 0.0))
    np.testing.assert_array_equal(taps, [[0.25, 1.0, -0.5]])
    taps, depths = drawn(wavelet="spectrum", wavelet_spectra=(PEAKED, LOWER))
    assert depths.tolist() == [0.25, 0.75]
    peaks = [spectrum_of(one).argmax() / 2000 for one in taps]
    np.testing.assert_allclose(peaks, [0.15, 0.09], atol=0.005)


def test_the_kind_of_wavelet_moves_no_other_draw() -> None:
    small = SyntheticConfig(shape=(24, 24, 48), seed=3)
    plain = synthesize(small)
    for change in ({"wavelet": "ormsby"}, {"wavelet": "taps", "wavelet_taps": (0.1, 1.0, -0.3)}):
        other = synthesize(dataclasses.replace(small, **change))
        assert np.array_equal(plain.facies, other.facies)
        assert np.array_equal(plain.fault, other.fault)
        assert not np.array_equal(plain.amplitude, other.amplitude)


def test_a_volume_takes_on_the_wavelet_of_a_survey() -> None:
    clean = {"shape": (40, 40, 192), "facies": False, "fault_count": 0, "noise": 0.0,
             "linear_noise": 0.0, "dip_noise": 0.0, "white_noise": 0.0, "noisy_traces": 0.0,
             "column_rough": 0.0}  # fmt: skip
    low, high = (
        measure([synthesize(SyntheticConfig(**clean, **STEADY, peak_frequency=peak)).amplitude])
        for peak in (0.08, 0.16)
    )
    config = with_survey_wavelet(SyntheticConfig(**clean, seed=7), low)
    assert config.wavelet == "spectrum" and len(config.wavelet_spectra) == len(low.windows)
    made = measure([synthesize(config).amplitude])
    peak = made.peak_frequency[0][1]
    assert peak == pytest.approx(low.peak_frequency[0][1], abs=0.02)
    assert peak < high.peak_frequency[0][1] - 0.02


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"wavelet": "klauder"}, "klauder"),
        ({"wavelet": "taps"}, "wavelet_taps"),
        ({"wavelet": "taps", "wavelet_taps": (1.0, 2.0)}, "2 taps"),
        ({"wavelet": "taps", "wavelet_taps": (0.0, 0.0, 0.0)}, "0 of them"),
        ({"wavelet": "taps", "wavelet_taps": (0.0, float("nan"), 0.0)}, "finite"),
        ({"wavelet": "spectrum"}, "wavelet_spectra"),
        ({"wavelet": "spectrum", "wavelet_spectra": ((1.0, -1.0, 1.0),)}, "0 and more"),
        ({"ormsby_corners": (0.5, 0.4, 1.0, 2.0)}, "ormsby_corners"),
        ({"wavelet": "taps", "wavelet_taps": ("a", "b", "c")}, "wavelet_taps"),
    ],
)
def test_a_wavelet_that_is_none_is_refused(change: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SyntheticConfig(**change)
