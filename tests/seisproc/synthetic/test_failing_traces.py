"""Dead and noisy traces and dropped blocks: as many as declared, where nothing else changes."""

import dataclasses

import numpy as np
import pytest

from seisproc.synthetic.config import SyntheticConfig, generators
from seisproc.synthetic.response import spoil
from seisproc.synthetic.volume import synthesize
from seisproc.synthetic.wavelet import Wavelets, ricker

WAVELETS = Wavelets(ricker(0.12)[None], np.zeros(1))
BINS = (60, 50)


def spoiled(seed: int = 0, **settings: object) -> np.ndarray:
    sound = np.random.default_rng(9).standard_normal((*BINS, 64), dtype=np.float32)
    none = {"dead_traces": 0.0, "noisy_traces": 0.0, "dropped_blocks": 0}
    config = SyntheticConfig(shape=(*BINS, 64), **{**none, **settings})
    return spoil(sound, config, WAVELETS, generators(seed)["traces"])


def test_nothing_fails_where_nothing_is_asked_for() -> None:
    sound = np.random.default_rng(9).standard_normal((*BINS, 64), dtype=np.float32)
    np.testing.assert_array_equal(spoiled(), sound)


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_the_declared_share_of_traces_is_dead(share: float) -> None:
    amplitude = spoiled(dead_traces=share)
    dead = (amplitude == 0).all(axis=2)
    assert dead.mean() == pytest.approx(share, rel=0.3)
    assert not (amplitude[~dead] == 0).any()
    assert np.sqrt(np.mean(amplitude**2)) == pytest.approx(1.0, rel=1e-4)


def test_the_declared_share_of_traces_is_noisy_within_the_wavelets_band() -> None:
    plain, amplitude = spoiled(), spoiled(noisy_traces=0.1)
    # All traces are scaled alike, so that a sound one still points the same way.
    alike = np.sum(plain * amplitude, axis=2) / (
        np.linalg.norm(plain, axis=2) * np.linalg.norm(amplitude, axis=2)
    )
    noisy = alike < 1.0 - 1e-4
    assert noisy.mean() == pytest.approx(0.1, rel=0.3)
    scale = np.median((amplitude / plain)[~noisy])
    added = (amplitude / scale - plain)[noisy]
    spectrum = np.mean(np.abs(np.fft.rfft(added, axis=1)) ** 2, axis=0)
    peak = np.fft.rfftfreq(64)[spectrum.argmax()]
    assert 0.08 < peak < 0.16
    rms = np.sqrt(np.mean(added**2, axis=1))
    assert rms.min() > 0.45 and rms.max() < 3.1 and np.ptp(rms) > 1.5


def test_blocks_are_rectangles_of_dead_traces() -> None:
    sizes = []
    for seed in range(12):
        dead = (spoiled(seed, dropped_blocks=1) == 0).all(axis=2)
        rows, columns = dead.any(axis=1), dead.any(axis=0)
        assert dead.any() and dead.sum() == rows.sum() * columns.sum()
        assert rows.sum() <= 0.2 * BINS[0] and columns.sum() <= 0.2 * BINS[1]
        sizes.append(int(dead.sum()))
    assert len(set(sizes)) > 4


def test_a_survey_is_never_dead_altogether() -> None:
    assert spoiled(dropped_blocks=100, dead_traces=0.9).any()


def test_failing_traces_change_no_label_and_no_other_trace() -> None:
    none = {"dead_traces": 0.0, "noisy_traces": 0.0}
    sound = SyntheticConfig(shape=(40, 36, 48), seed=3, **none)
    plain = synthesize(sound)
    hurt = synthesize(dataclasses.replace(sound, dead_traces=0.1, dropped_blocks=2))
    dead = (hurt.amplitude == 0).all(axis=2)
    assert 0.05 < dead.mean() < 0.4
    assert np.array_equal(plain.facies, hurt.facies)
    assert np.array_equal(plain.fault, hurt.fault)
    ratio = hurt.amplitude[~dead] / plain.amplitude[~dead]
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-3)
