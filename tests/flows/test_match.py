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
QUICK = ("--searches", 1, "--no-facies")


@pytest.fixture(scope="module")
def amplitude():
    """A survey of another band and noisier than the generator makes by itself."""
    config = SyntheticConfig(shape=(48, 52, 100), seed=5, facies=False, peak_frequency=0.2,
                             noise=0.5)
    return synthesize(config).amplitude


@pytest.mark.slow
def test_a_profile_is_written_and_the_generator_draws_from_it(flow_command, amplitude, tmp_path):
    grid = Grid(np.arange(48, dtype="int32"), np.arange(52, dtype="int32"), 4.0 * np.arange(100))
    create_segy(tmp_path / "s.sgy", amplitude, grid)
    code, _, err = flow_command("ingest", tmp_path / "s.sgy", tmp_path / "s.zarr", *CLUSTER)
    assert code == 0, err
    line = ("match", tmp_path / "s.zarr", tmp_path / "p.json", *QUICK)
    code, out, err = flow_command(*line, "--no-test", "--json")
    assert code == 0, err
    receipt = json.loads(out)
    profile = read_profile(str(tmp_path / "p.json"))
    assert 48 * 50 < profile.traces == receipt["traces"] <= 48 * 52
    assert dict((name, (low, high)) for name, low, high in profile.fitted)["noise"][1] > 0
    assert receipt["before"].keys() == receipt["after"].keys() == receipt["control"].keys()
    assert receipt["accuracy_after"] is None
    for name in ("spectrum_1", "spectrum_2", "histogram"):
        assert receipt["after"][name] < 0.7 * receipt["before"][name], name
    page = (tmp_path / "p.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "http" not in page.split("</style>")[1]

    assert "already there" in flow_command.refuses(*line)

    shape = ("--shape", 48, 48, 64)
    made = {}
    for name, extra in (("plain", ()), ("like", ("--profile", tmp_path / "p.json"))):
        out = tmp_path / f"{name}.sgy"
        code, printed, err = flow_command("synthesize", out, *shape, *extra, "--json")
        assert code == 0, err
        made[name] = out.read_bytes()
        assert json.loads(printed)["attempts"] >= 1
    assert made["plain"] != made["like"]


def test_arrays_are_matched_and_a_network_tells_how_well(
    flow_command, amplitude, tmp_path, monkeypatch
):
    monkeypatch.setattr("tasks.match.PATCHES", 64)  # how well is not what is tested here
    for number, line in enumerate((10, 30)):
        np.savez(tmp_path / f"{number}.npz", seismic=amplitude[line].T)
    sections = (tmp_path / "0.npz", tmp_path / "1.npz")
    code, out, err = flow_command("match", *sections, tmp_path / "p.json", *QUICK)
    assert code == 0, err
    assert "Told apart by a network" in out
    profile = read_profile(str(tmp_path / "p.json"))
    assert profile.form == "sections"
    assert profile.source == "0.npz and 1 more"
    assert "balanced accuracy" in (tmp_path / "p.html").read_text()


def test_what_cannot_be_is_refused_before_a_server_starts(command, amplitude, tmp_path):
    line = command.refuses("match", tmp_path / "nothing.zarr", tmp_path / "p.json")
    assert "no finished survey store" in line
    np.save(tmp_path / "v.npy", amplitude[:30, :30])
    line = command.refuses("match", tmp_path / "v.npy", tmp_path / "no" / "p.json")
    assert "a file in a folder that exists" in line
    line = command.refuses("match", tmp_path / "v.npy", tmp_path / "p.json")
    assert "--no-test" in line
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
