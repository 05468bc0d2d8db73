"""The wavelet lies along the normals of the layers: longer, read vertically, where they dip."""

import numpy as np
import pytest

from seisproc.synthetic.column import Fill, Unit
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.convolution import STEP, convolve, layer_stretch
from seisproc.synthetic.volume import synthesize
from seisproc.synthetic.wavelet import Wavelets, ricker

PEAK = 0.06
TWO_LAYERS = (
    Unit(0, "sheet", 1.0, 0.0, (Fill(layers=0.0, level=0.3, warp=0.0, onlap=1.0),)),
    Unit(1, "sheet", 0.5, 0.0, (Fill(layers=0.0, warp=0.0, onlap=1.0),)),
)
STILL = dict.fromkeys(
    (
        "fold_amplitude", "noise", "white_noise", "linear_noise", "dip_noise", "footprint", "decay",
        "frequency_drop", "phase_degrees", "lateral_blur", "dead_traces", "noisy_traces",
    ),
    0.0,
)  # fmt: skip


def one_wavelet(taps: np.ndarray) -> Wavelets:
    return Wavelets(taps[None], np.zeros(1))


def misfit(trace: np.ndarray, cosine: float) -> float:
    """Of the best Ricker wavelet with this stretch at any depth, relative to the trace."""
    k = np.arange(trace.size)
    best = np.inf
    for depth in np.arange(np.argmax(trace) - 1.0, np.argmax(trace) + 1.0, 0.05):
        phase = (np.pi * PEAK * (k - depth) * cosine) ** 2
        model = (1.0 - 2.0 * phase) * np.exp(-phase)
        scale = float(model @ trace / (model @ model))
        best = min(best, float(np.linalg.norm(trace - scale * model) / np.linalg.norm(trace)))
    return best


@pytest.mark.parametrize("bin_m", [10.0, 16.0, 40.0])
def test_a_plane_dipping_layer_shows_the_wavelet_stretched_by_its_dip(bin_m: float) -> None:
    shear, metres_per_sample = 1.8, 5.0
    volume = {
        along: synthesize(
            SyntheticConfig(
                shape=(24, 24, 160), fault_count=0, column=TWO_LAYERS, along_normal=along,
                shear=shear, bin_m=bin_m, velocity_m_s=2500.0, sample_interval_ms=4.0,
                wavelet="ricker", peak_frequency=PEAK, **STILL,
            )
        )
        for along in (True, False)
    }  # fmt: skip
    tangent = shear * metres_per_sample / bin_m
    cosine = 1.0 / np.sqrt(1.0 + tangent**2)
    trace, vertical = (volume[along].amplitude[12, 12].astype(float) for along in (True, False))
    # An interface between two samples reflects at both, which costs a percent.
    assert misfit(trace, cosine) < 0.025
    assert misfit(vertical, 1.0) < 0.025
    assert misfit(vertical, cosine) > (1.0 - cosine)
    # The layer itself stays where it is.
    assert abs(int(np.argmax(trace)) - int(np.argmax(vertical))) <= 1


@pytest.mark.parametrize("slopes", [(0.0, 0.0), (0.5, -0.3), (1.5, 0.0)])
def test_stretch_is_one_over_the_cosine_of_the_dip(slopes: tuple[float, float]) -> None:
    x, y, k = np.ogrid[:12, :14, :20]
    horizon = (0.5 * (k - slopes[0] * x - slopes[1] * y)).astype(np.float32)
    stretch = layer_stretch(horizon, 0.4)
    assert stretch.shape == (12, 14, 19)
    np.testing.assert_allclose(stretch, np.hypot(1.0, 0.4 * np.hypot(*slopes)), rtol=1e-5)


def test_a_break_between_traces_is_no_dip() -> None:
    x, k = np.arange(20)[:, None, None], np.arange(30)
    horizon = np.broadcast_to(k - 0.5 * x, (20, 10, 30)).astype(np.float32).copy()
    horizon[11:] += 9.0
    np.testing.assert_allclose(layer_stretch(horizon, 1.0), np.hypot(1.0, 0.5), rtol=1e-4)


@pytest.mark.parametrize("stretch", [1.0, STEP, 1.234, 1.6, 2.0])
def test_a_stretched_spike_is_the_stretched_wavelet(stretch: float) -> None:
    wavelet = ricker(PEAK)
    spike = np.zeros((1, 1, 160), np.float32)
    spike[0, 0, 80] = 1.0
    found = convolve(spike, one_wavelet(wavelet), np.full(spike.shape, stretch, np.float32))[0, 0]
    t = (np.arange(found.size) + wavelet.size // 2 - 80) / stretch
    phase = (np.pi * PEAK * t) ** 2
    np.testing.assert_allclose(found, (1.0 - 2.0 * phase) * np.exp(-phase), atol=0.006)


def test_no_stretch_and_a_stretch_of_one_are_the_same() -> None:
    traces = np.random.default_rng(0).standard_normal((3, 4, 90), dtype=np.float32)
    wavelets = Wavelets(np.stack([ricker(0.12), 0.5 * ricker(0.12)]), np.array([0.2, 0.7]))
    plain = convolve(traces, wavelets)
    np.testing.assert_allclose(convolve(traces, wavelets, np.ones_like(traces)), plain, atol=1e-5)


def test_several_wavelets_hold_at_their_depths() -> None:
    traces = np.random.default_rng(0).standard_normal((2, 2, 120), dtype=np.float32)
    taps = np.stack([factor * ricker(0.12) for factor in (1.0, 3.0, 2.0)])
    mixed = convolve(traces, Wavelets(taps, np.array([0.0, 0.5, 1.0])))
    plain = convolve(traces, one_wavelet(taps[0]))
    middle = (mixed.shape[2] - 1) // 2
    ratio = mixed / plain
    np.testing.assert_allclose(ratio[..., 0], 1.0, atol=1e-3)
    np.testing.assert_allclose(ratio[..., -1], 2.0, atol=1e-3)
    assert np.median(ratio[..., middle]) == pytest.approx(3.0, abs=0.05)


def test_wavelets_of_more_windows_than_samples_are_thinned() -> None:
    traces = np.ones((1, 1, 40), np.float32)
    many = Wavelets(np.tile(ricker(0.12), (60, 1)), (np.arange(60) + 0.5) / 60)
    kept = convolve(traces, many)
    np.testing.assert_allclose(kept, convolve(traces, one_wavelet(ricker(0.12))), atol=1e-5)
