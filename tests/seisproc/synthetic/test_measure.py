"""What is measured on a volume is what it was made with, within the tolerances stated here."""

import numpy as np
import pytest

from seisproc.errors import ConfigError
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.measure import measure
from seisproc.synthetic.profile import DIP_PROBABILITIES
from seisproc.synthetic.volume import synthesize

QUIET = {
    "shape": (48, 48, 128), "seed": 1, "facies": False, "fault_count": 0, "phase_degrees": 0.0,
    "frequency_drop": 0.0, "noise": 0.0, "white_noise": 0.0, "linear_noise": 0.0,
    "footprint": 0.0, "decay": 0.0, "peak_frequency": 0.12, "dip_noise": 0.0, "dead_traces": 0.0,
    "noisy_traces": 0.0,
}  # fmt: skip
MEDIAN = 1


def look(**settings):
    made = (synthesize(SyntheticConfig(**{**QUIET, **settings, "seed": seed})) for seed in (1, 2))
    return measure([volume.amplitude for volume in made])


@pytest.mark.parametrize("peak", [0.08, 0.12, 0.16])
def test_the_peak_frequency_is_recovered_within_three_hundredths(peak):
    # Layers of random thickness colour the spectrum themselves, a few layers more than many.
    for window in look(peak_frequency=peak).peak_frequency:
        assert window[MEDIAN] == pytest.approx(peak, abs=0.03)


def test_a_peak_frequency_that_drops_with_depth_is_seen_to_drop():
    shallow, deep = look(frequency_drop=0.4).peak_frequency
    # The middles of two windows lie half of the extent apart.
    assert deep[MEDIAN] / shallow[MEDIAN] == pytest.approx(0.78, abs=0.12)


@pytest.mark.parametrize("level", [0.15, 0.3, 0.6])
def test_white_noise_is_recovered_within_a_fifth(level):
    assert look(white_noise=level).noise[MEDIAN] == pytest.approx(level, rel=0.2)


def test_noise_that_migration_smeared_sideways_is_seen_in_part():
    # Over 1, 3 or 5 traces: what resembles its neighbours cannot be told from signal.
    found = [look(noise=level).noise[MEDIAN] for level in (0.0, 0.3, 0.6)]
    assert found == sorted(found)
    assert 0.5 * 0.6 < found[2] < 1.2 * 0.6


def test_a_volume_without_noise_has_hardly_any():
    assert look().noise[MEDIAN] < 0.06


@pytest.mark.parametrize("slope", [(0.2, 0.0), (0.3, -0.4), (0.0, 1.2)])
def test_dips_of_plane_layers_are_recovered_within_a_twentieth_of_a_sample(slope):
    i, j, k = np.meshgrid(np.arange(48), np.arange(48), np.arange(96), indexing="ij")
    series = np.random.default_rng(0).normal(size=400)
    kernel = np.exp(-np.linspace(-2, 2, 9) ** 2)
    smooth = np.convolve(series, kernel - kernel.mean(), "same")
    values = np.interp(k - slope[0] * i - slope[1] * j + 150, np.arange(400), smooth)
    profile = measure([values])
    middle = profile.dip[DIP_PROBABILITIES.index(0.5)]
    assert middle == pytest.approx(np.hypot(*slope), abs=0.05)


def test_gaussian_noise_has_the_quantiles_of_a_gaussian_and_no_lateral_correlation():
    values = np.random.default_rng(0).normal(3.0, 700.0, size=(48, 48, 96))
    profile = measure([values])
    assert abs(profile.kurtosis) < 0.05
    assert profile.amplitude[6] == pytest.approx(-1.7507, abs=0.05)  # of probability 0.04
    assert profile.correlation == pytest.approx(0.5, abs=0.02)
    assert profile.noise[MEDIAN] > 3


def test_decay_is_recovered():
    values = np.random.default_rng(0).normal(size=(48, 48, 96)) * np.exp(-np.linspace(0, 1.5, 96))
    assert measure([values]).decay[MEDIAN] == pytest.approx(1.5, abs=0.05)


def test_scale_and_offset_of_the_source_do_not_matter():
    values = synthesize(SyntheticConfig(**{**QUIET, "noise": 0.2})).amplitude
    plain, scaled = measure([values]), measure([values * 4096.0])
    assert scaled.dip == pytest.approx(plain.dip, abs=1e-3)
    assert scaled.amplitude == pytest.approx(plain.amplitude, abs=1e-3)
    assert scaled.spectrum[0][1] == pytest.approx(plain.spectrum[0][1], abs=1e-3)


def test_dead_traces_are_counted_and_do_not_count(make_survey):
    values = synthesize(SyntheticConfig(**{**QUIET, "noise": 0.2})).amplitude
    live = np.ones(values.shape[:2], bool)
    live[:4] = False  # no traces at all
    hurt = values.copy()
    hurt[::8, ::5] = 0.0  # traces that hold nothing
    dead = (hurt[live] == 0).all(axis=1).sum() / live.sum()
    survey = make_survey(hurt, live)
    profile = measure([survey.amplitude], live=[survey.live])
    whole = measure([values])
    assert profile.dead == pytest.approx(dead, abs=1e-6)
    assert profile.traces == live.sum() - (hurt[live] == 0).all(axis=1).sum()
    assert profile.kurtosis == pytest.approx(whole.kurtosis, abs=0.15)
    assert profile.spectrum[0][1] == pytest.approx(whole.spectrum[0][1], abs=0.03)


def test_only_the_blocks_that_were_drawn_are_read():
    class Volume:
        """Counts what is read, like an array on a far store."""

        shape = (500, 600, 128)
        read = 0

        def __getitem__(self, at):
            block = np.random.default_rng(0).normal(size=(*(s.stop - s.start for s in at[:2]), 128))
            Volume.read += block.size
            return block

    measure([Volume()], blocks=5)
    assert 0 < Volume.read <= 5 * 36 * 36 * 128


def test_halves_share_no_trace_and_sections_can_be_measured():
    section = np.random.default_rng(0).normal(size=(1, 200, 96)).astype("float32")
    section[:, 100:] *= np.exp(-np.linspace(0, 1.0, 96, dtype="float32"))
    left, right = (measure([section], part=part) for part in ((0, 0.5), (0.5, 1)))
    assert left.traces == right.traces == 100
    assert left.decay[MEDIAN] == pytest.approx(0.0, abs=0.1)
    assert right.decay[MEDIAN] == pytest.approx(1.0, abs=0.1)


def test_the_same_arguments_give_the_same_profile():
    values = synthesize(SyntheticConfig(**QUIET)).amplitude
    assert measure([values], blocks=2) == measure([values], blocks=2)
    assert measure([values], blocks=2) != measure([values], blocks=2, seed=5)


def test_what_holds_nothing_is_refused():
    with pytest.raises(ConfigError, match="nothing to measure"):
        measure([np.zeros((20, 20, 64))], name="empty")
    with pytest.raises(ConfigError, match="too short"):
        measure([np.ones((20, 20, 10))])
