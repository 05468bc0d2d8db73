"""Profiles as files: whole and back, and one clear line for anything else."""

import dataclasses
import json

import numpy as np
import pytest

from seisproc.errors import ConfigError
from seisproc.synthetic.measure import measure
from seisproc.synthetic.profile import profile_from_json, read_profile


@pytest.fixture(scope="module")
def profile():
    values = np.random.default_rng(0).normal(size=(26, 26, 64)).astype("float32")
    return measure([values], name="noise")


def test_json_gives_the_same_profile_back(profile, tmp_path):
    (tmp_path / "p.json").write_text(profile.to_json())
    again = read_profile(str(tmp_path / "p.json"))
    assert again == profile
    assert again.to_json() == profile.to_json()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.pop("dip"), "missing key 'dip'"),
        (lambda v: v.update(colour=1), "unknown key 'colour'"),
        (lambda v: v.update(seisproc_profile=99), "another version; found: 99"),
        (lambda v: v.pop("seisproc_profile"), "no profile of a survey"),
        (lambda v: v.update(noise=[0.1, float("nan"), 0.3]), "profile: noise"),
        (lambda v: v.update(noise="loud"), "profile: noise; found: loud"),
        (lambda v: v.update(noise=[-0.1, 0.2, 0.3]), "a value below 0"),
        (lambda v: v["dip"].__setitem__(0, v["dip"][-1] + 1), "rising order"),
        (lambda v: v.update(spectrum=v["spectrum"][:-1] + [[1.0]]), "profile: spectrum"),
        (lambda v: v.update(seisproc_profile=1), "another version; found: 1; expected: 3"),
        (lambda v: v.update(form="cube"), "volume or sections"),
        (lambda v: v.update(fitted=[["noise", 0.1]]), "rows of a name and 2 numbers"),
        (lambda v: v.update(fitted=[["noise", 0.1, 0.2]]), "profile: fitted_shape"),
        (lambda v: v.update(limits=[["dip", None]]), "profile: limits of dip"),
        (lambda v: v.update(level=[1.0]), "profile: level"),
        (lambda v: v["noise_power"].pop(), "profile: noise_power"),
        (lambda v: v.update(windows=[], spectrum=[], peak_frequency=[]), "profile: "),
    ],
)
def test_a_damaged_profile_is_refused_in_one_line_that_names_the_trouble(profile, change, said):
    values = json.loads(profile.to_json())
    change(values)
    with pytest.raises(ConfigError) as caught:
        profile_from_json(json.dumps(values), "p.json")
    assert said in str(caught.value)
    assert str(caught.value).startswith("p.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_what_is_no_profile_at_all_is_refused(text):
    with pytest.raises(ConfigError, match=r"p\.json is no profile"):
        profile_from_json(text, "p.json")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_profile(str(tmp_path / "nothing.json"))


def test_amplitudes_that_do_not_vary_are_refused(profile):
    with pytest.raises(ConfigError, match="one value only"):
        dataclasses.replace(profile, amplitude=(0.0,) * len(profile.amplitude))
