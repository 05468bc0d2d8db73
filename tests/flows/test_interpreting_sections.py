"""`seisproc interpret --sections`: a plan first, and no option that is passed over unsaid."""

import json

import numpy as np
import pytest


@pytest.fixture
def sections(tmp_path):
    """Two sections, of 70 and 300 traces."""
    folder = tmp_path / "sections"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, traces in (("one", 70), ("two", 300)):
        np.savez(folder / f"{name}.npz", seismic=rng.normal(size=(64, traces)).astype("float32"))
    return folder


@pytest.fixture
def asked(sections, tmp_path):
    return ("interpret", "--sections", sections, "--model", "fault-2d",
            "--output", tmp_path / "answers", "--dropout-samples", 1, "--cluster", "in-process")


def test_a_plan_says_what_would_be_done_and_does_nothing(command, asked, tmp_path):
    code, out, err = command(*asked, "--plan")
    assert code == 0, err
    assert "2 in " in out and "370 traces" in out
    assert "fault-2d, windows " in out and "cpu, float32" in out
    assert "2 to make, 0 kept" in out
    assert not (tmp_path / "answers").exists()


def test_a_plan_says_which_answers_stay(command, flow_command, asked, sections, tmp_path):
    code, _, err = flow_command(*asked, "--json")
    assert code == 0, err
    (tmp_path / "answers" / "two.npz").unlink()
    code, out, err = command(*asked, "--plan")
    assert code == 0, err
    assert "1 to make, 1 kept" in out
    rows = {row.split()[0]: row for row in out.splitlines() if ".npz" in row}
    assert rows["one.npz"].endswith("kept") and rows["two.npz"].endswith("to make")
    # Another number of samples says something else.
    other = [2 if each == 1 else each for each in asked]
    _, out, _ = command(*other, "--plan")
    assert "1 to make, 0 kept" in out and "1 made from something else, refused" in out
    _, out, _ = command(*other, "--plan", "--overwrite")
    assert "2 to make, 0 kept" in out and "1 made from something else, replaced" in out
    code, out, err = flow_command(*asked, "--json")
    assert json.loads(out)["kept"] == 1, err
    _, out, _ = command(*asked, "--plan")
    assert "0 to make, 2 kept: a run would do nothing" in out


def test_a_plan_refuses_what_a_run_would(command, asked, sections):
    same = [sections if str(each).endswith("answers") else each for each in asked]
    assert "would replace the sections" in command.refuses(*same, "--plan")
    volumes = ["fault-3d" if each == "fault-2d" else each for each in asked]
    assert "a model of volumes" in command.refuses(*volumes, "--plan")


@pytest.mark.parametrize(
    "option", [("--run", "main"), ("--probability",), ("--overlap", 0.25)], ids=lambda each: each[0]
)
def test_options_of_surveys_are_refused_with_sections(command, asked, option):
    line = command.refuses(*asked, *option, "--plan")
    assert option[0] in line and f"Leave {option[0]} out" in line


def test_settings_of_surveys_are_named_when_they_are_passed_over(command, asked, tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text("region: [2, 2]\nfacies_window: [64, 64]\n")
    code, _, err = command(*asked, "--settings", settings, "--plan")
    assert code == 0, err
    assert "region is passed over" in err and "facies_window is passed over" in err
    assert "weights" not in err


def test_workers_elsewhere_settle_the_device_of_sections_too(command, asked):
    elsewhere = ["tcp://10.0.0.5:8786" if each == "in-process" else each for each in asked]
    code, out, err = command(*elsewhere, "--device", "auto", "--plan")
    assert code == 0, err
    assert "the plan for cpu" in out


def test_an_output_is_refused_with_a_survey(command, tmp_path):
    line = command.refuses("interpret", tmp_path / "a.zarr", "--output", tmp_path / "answers")
    assert "--output" in line and "--run" in line
