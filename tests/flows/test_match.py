"""The verb match, and synthesize --profile, under Prefect's test harness."""

import json

import numpy as np
import pytest

from seisproc.segy.create import create_segy
from seisproc.survey import Grid
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.profile import read_profile
from seisproc.synthetic.volume import synthesize

CLUSTER = ("--cluster", "in-process")


@pytest.fixture
def store(flow_command, tmp_path):
    """A survey of another band and noisier than the generator makes by itself."""
    config = SyntheticConfig(shape=(48, 52, 100), seed=5, facies=False, peak_frequency=0.2,
                             noise=0.5)
    grid = Grid(np.arange(48, dtype="int32"), np.arange(52, dtype="int32"), 4.0 * np.arange(100))
    create_segy(tmp_path / "s.sgy", synthesize(config).amplitude, grid)
    code, _, err = flow_command("ingest", tmp_path / "s.sgy", tmp_path / "s.zarr", *CLUSTER)
    assert code == 0, err
    return tmp_path / "s.zarr"


def test_a_profile_is_written_and_the_generator_draws_from_it(flow_command, store, tmp_path):
    code, out, err = flow_command("match", store, tmp_path / "p.json", "--json")
    assert code == 0, err
    receipt = json.loads(out)
    profile = read_profile(str(tmp_path / "p.json"))
    assert profile.traces == receipt["traces"] == 48 * 52
    assert receipt["before"].keys() == receipt["after"].keys() == receipt["control"].keys()
    for name in ("spectrum_1", "spectrum_2", "histogram"):
        assert receipt["after"][name] < 0.5 * receipt["before"][name], name

    assert "already there" in flow_command.refuses("match", store, tmp_path / "p.json")

    shape = ("--shape", 48, 48, 64)
    made = {}
    for name, extra in (("plain", ()), ("like", ("--profile", tmp_path / "p.json"))):
        code, _, err = flow_command("synthesize", tmp_path / f"{name}.sgy", *shape, *extra)
        assert code == 0, err
        made[name] = (tmp_path / f"{name}.sgy").read_bytes()
    assert made["plain"] != made["like"]


def test_what_cannot_be_is_refused_before_a_server_starts(command, tmp_path):
    line = command.refuses("match", tmp_path / "nothing.zarr", tmp_path / "p.json")
    assert "no finished survey store" in line
    (tmp_path / "bad.json").write_text("{}")
    line = command.refuses("synthesize", tmp_path / "x.sgy", "--profile", tmp_path / "bad.json")
    assert "no profile of a survey" in line


def test_settings_that_were_asked_for_win_over_the_profile(tmp_path):
    from flows.synthetic_config import SyntheticSurveyConfig
    from seisproc.synthetic.measure import measure

    values = np.random.default_rng(0).normal(size=(26, 26, 64)).astype("float32")
    (tmp_path / "p.json").write_text(measure([values]).to_json())
    form = {"shape": (24, 24, 48), "profile": str(tmp_path / "p.json")}
    config = SyntheticSurveyConfig(**form, options={"noise": 0.05}).config()
    assert config.noise == 0.05
    assert config.profile == measure([values])
    assert config.shape == (24, 24, 48)


def test_the_form_says_what_its_parameters_are():
    from flows.match import match

    assert match.description
    for field in match.parameters.properties.values():
        assert "description" in field or "$ref" in field
