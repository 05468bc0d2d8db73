"""Matching brings the generator nearer to a survey, on seeds that it was not tuned on."""

import dataclasses

import numpy as np
import pytest

from seisproc.errors import ConfigError
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.distance import distances
from seisproc.synthetic.match import match_survey
from seisproc.synthetic.matching import fit, fitted, looks, measure_like
from seisproc.synthetic.measure import measure
from seisproc.synthetic.ranges import ends
from seisproc.synthetic.sources import open_sources
from seisproc.synthetic.volume import synthesize

CONFIG = SyntheticConfig(shape=(48, 48, 96), facies=False)


@pytest.fixture(scope="module")
def survey():
    """Profile of a survey of another band, noisier and flatter than the generator's own."""
    config = dataclasses.replace(CONFIG, peak_frequency=0.2, noise=0.5, fold_amplitude=0.5,
                                 shear=0.02, fault_count=1)
    return measure([synthesize(dataclasses.replace(config, seed=n)).amplitude for n in (1, 2)])


@pytest.fixture(scope="module")
def found(survey):
    return fit(CONFIG, survey, searches=4)


def test_distances_are_zero_to_oneself_and_the_same_both_ways():
    rng = np.random.default_rng(0)
    a = measure([rng.normal(size=(24, 24, 150))])
    b = measure([np.cumsum(rng.normal(size=(24, 24, 60)), axis=2)])
    assert set(distances(a, a).values()) == {0.0}
    assert distances(a, b) == distances(b, a)
    assert distances(a, b)["spectrum_1"] > 3.0


def test_distances_are_what_they_say():
    values = np.random.default_rng(0).normal(size=(24, 24, 100))
    profile = measure([values])
    moved = dataclasses.replace(profile, dip=tuple(d + 0.25 for d in profile.dip),
                                noise=tuple(2 * n for n in profile.noise),
                                kurtosis=profile.kurtosis - 3)
    found = distances(profile, moved)
    assert found["dip"] == pytest.approx(0.25 * 0.95, abs=1e-3)
    assert found["noise"] == pytest.approx(np.log(2), abs=1e-3)
    assert found["kurtosis"] == pytest.approx(3)
    assert found["histogram"] == found["spectrum_1"] == 0


def test_a_fit_is_the_same_whatever_the_seed_and_travels_with_the_profile(survey, found):
    assert fit(dataclasses.replace(CONFIG, seed=77), survey, searches=4) == found
    assert found.fitted_shape == CONFIG.shape
    settings = fitted(dataclasses.replace(CONFIG, facies=True), found)
    assert settings.profile == found
    assert settings.facies is False
    for name, low, high in found.fitted[1:]:
        assert ends(getattr(settings, name)) == (low, high), name


def test_a_fit_brings_spectrum_dip_and_noise_nearer_on_other_seeds(survey, found):
    before, after = (
        distances(survey, measure_like(survey, looks(config, 4, 50)))
        for config in (CONFIG, fitted(CONFIG, found))
    )
    for name in ("spectrum_1", "spectrum_2", "dip", "noise"):
        assert after[name] < 0.6 * before[name], name


def test_larger_volumes_have_the_dips_that_were_fitted(found):
    wider = fitted(dataclasses.replace(CONFIG, shape=(96, 96, 96)), found)
    same = fitted(CONFIG, found)
    assert ends(wider.fold_amplitude)[1] == pytest.approx(2 * ends(same.fold_amplitude)[1], rel=0.1)
    assert wider.column_relief == pytest.approx(2 * same.column_relief, rel=0.01)
    taller = fitted(dataclasses.replace(CONFIG, shape=(48, 48, 192)), found)
    assert taller.column_relief == pytest.approx(same.column_relief / 2, rel=0.01)


def test_a_profile_without_a_fit_changes_no_setting(survey):
    assert fitted(CONFIG, survey) == dataclasses.replace(CONFIG, profile=survey)


def test_settings_that_no_fit_gives_are_refused(survey, found):
    for rows in (found.fitted[1:], (*found.fitted, ("colour", 0.0, 1.0))):
        with pytest.raises(ConfigError, match="unknown or missing"):
            fitted(CONFIG, dataclasses.replace(found, fitted=rows))


def test_volumes_are_measured_as_sections_where_the_survey_is_sections(survey):
    volume = synthesize(CONFIG).amplitude
    sections = measure([volume[24:25], volume[:, 24:25]])
    assert sections.form == "sections"
    like = measure_like(sections, [volume])
    assert like.form == "sections"
    assert np.mean(like.dip) < np.mean(measure_like(survey, [volume]).dip)


def folder_of(test_data):
    return [str(file) for file in sorted((test_data / "f3_facies").glob("*.npz"))]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cube", "sections"])
def test_real_data_are_imitated(test_data, name):
    cube = [str(test_data / "cube" / "real_100cube.npy")]
    sources = open_sources(cube if name == "cube" else folder_of(test_data))
    config = SyntheticConfig(shape=(64, 64, 96), facies=False)
    match = match_survey(sources, config, searches=8)
    assert match.profile.limits
    assert len(match.attempts) == len(match.volumes_after)
    for key, distance in match.after.items():
        # Kurtosis was as near by chance; halves of the survey differ by more.
        assert distance < match.before[key] or distance < match.control[key], key
    for key in match.before:
        if key.startswith("spectrum"):
            assert match.after[key] < 0.5 * match.before[key], key
    for key in ("dip", "noise"):
        # Plain layers may be as gentle as the survey's without a fit.
        assert match.after[key] < max(0.5 * match.before[key], 4 * match.control[key]), key
