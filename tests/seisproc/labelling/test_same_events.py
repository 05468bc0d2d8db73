"""Labels come along only where newer samples hold the events that they were picked on."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d, shift

from seisproc.labelling.same_events import likeness


@pytest.fixture
def traces():
    noise = np.random.default_rng(3).normal(size=(20, 240))
    return gaussian_filter1d(noise, 1.5, axis=1)


@pytest.mark.parametrize(("factor", "noise"), [(1.0, 0.0), (-40.0, 0.0), (0.2, 0.3)])
def test_gain_polarity_and_noise_are_no_shift(traces, factor, noise):
    added = noise * traces.std() * np.random.default_rng(4).normal(size=traces.shape)
    found = likeness(traces, factor * (traces + added))
    assert abs(found.correlation) > 0.9 and np.sign(found.correlation) == np.sign(factor)
    assert abs(found.shift) < 0.1


@pytest.mark.parametrize("samples", [1.0, -6.0, 0.75])
def test_a_shift_is_measured_below_a_sample(traces, samples):
    found = likeness(traces, shift(traces, (0, samples), order=3))
    assert found.shift == pytest.approx(samples, abs=0.15) and found.correlation > 0.9


def test_another_volume_is_none_of_it_and_constant_traces_tell_nothing(traces):
    other = gaussian_filter1d(np.random.default_rng(5).normal(size=traces.shape), 1.5, axis=1)
    assert abs(likeness(traces, other).correlation) < 0.3
    assert likeness(traces, np.full_like(traces, np.nan)) is None
