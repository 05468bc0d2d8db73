"""`seisproc show` and `seisproc diff` on the command line."""

import csv
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from seisproc.interpretation.timeline import timeline
from seisproc.survey import publish

sys.path.append(str(Path(__file__).parents[1] / "seisproc" / "difference"))
test_diff = importlib.import_module("test_diff")
volumes, write_store = test_diff.volumes, test_diff.write_store


@pytest.fixture
def store(tmp_path):
    return write_store(str(tmp_path / "survey.zarr"), {"a": volumes(0), "b": volumes(1)})


def test_a_store_is_shown_with_its_interpretations_side_by_side(command, store):
    code, out, err = command("show", store.url, "--json")
    assert code == 0, err
    held = json.loads(out)
    assert [each["run"] for each in held["interpretations"]] == ["a", "b"]
    assert held["interpretations"][0]["volumes"] == ["facies", "fault", "fault_uncertainty"]
    assert held["bin_m"] == [25.0, 12.5]
    code, out, err = command("show", store.url)
    assert code == 0 and "25 m between inlines" in out and "Interpretations" in out


def test_volumes_of_classes_add_up(command, store, tmp_path):
    code, out, err = command("show", store.url, "--run", "a", "--json")
    assert code == 0, err
    found = json.loads(out)
    facies = store.read("interpretation/a/facies")
    assert sum(row["voxels"] for row in found["classes"]) == (facies != 255).sum()
    salt = found["classes"][2]
    traces = (facies == 2).any(axis=-1).sum()
    assert salt["class"] == "salt dome"
    assert salt["area_km2"] == pytest.approx(traces * 25 * 12.5 / 1e6)
    thickness = 4 * (facies == 2).sum() / traces
    assert salt["mean_thickness_ms"] == pytest.approx(thickness, rel=1e-5)
    assert salt["volume_km2_ms"] == pytest.approx(salt["area_km2"] * thickness, rel=1e-5)
    fault = store.read("interpretation/a/fault")
    assert found["fault"]["voxels_above_half"] == ((fault > 127) & (fault != 255)).sum()

    file = tmp_path / "volumes.csv"
    code, out, err = command("show", store.url, "--run", "a", "--velocity", 2000, "--output", file)
    assert code == 0 and "salt dome" in out, err
    rows = list(csv.DictReader(file.open()))
    assert float(rows[2]["volume_km3"]) == pytest.approx(salt["volume_km2_ms"] / 1000)
    assert float(rows[2]["mean_thickness_m"]) == pytest.approx(thickness)
    again = ("show", store.url, "--run", "a", "--output")
    assert "already there" in command.refuses(*again, file)
    assert ".csv or .json or .md" in command.refuses(*again, tmp_path / "a.txt")
    for kind in ("json", "md"):
        assert command(*again, tmp_path / f"volumes.{kind}")[0] == 0
    assert "| salt dome |" in (tmp_path / "volumes.md").read_text()
    assert "no interpretation 'c'" in command.refuses("show", store.url, "--run", "c")


STAMPS = [
    {"worker": "node-1", "started": 0.0, "ended": 30.0, "seconds": {"read": 6.0, "infer": 24.0}},
    {"worker": "node-2", "started": 4.0, "ended": 10.0, "seconds": {"infer": 4.0, "write": 2.0}},
]


def tell(store, run, attributes):
    """Publish a run anew, with other attributes."""
    group = f"{store.url}/interpretation/{run}"
    Path(group, "zarr.json").unlink()
    publish(group, attributes)


def test_a_run_tells_who_worked_when_and_what_it_cost(command, store):
    tell(store, "a", {"timeline": timeline(STAMPS).to_json()})
    code, out, err = command("show", store.url, "--run", "a")
    assert code == 0 and "salt dome" in out, err
    assert "0.01 worker-hours of 2 workers in 30 s: 17 % read, 78 % infer, 6 % write" in out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "node-2 1 4 10 6 0 0 4 0 2" in lines and "all 2 0 30 36 0 6 28 0 2" in lines
    code, out, err = command("show", store.url, "--run", "a", "--json")
    work = json.loads(out)["work"]
    assert work["worker_hours"] == 0.01
    assert [row["worker"] for row in work["workers"]] == ["node-1", "node-2", "all"]
    code, out, err = command("show", store.url, "--json")
    assert [each["worker_hours"] for each in json.loads(out)["interpretations"]] == [0.01, None]


def test_an_incomplete_run_tells_it_too_before_its_figures_are_refused(command, store):
    missing = {"regions": 1, "of": 4}
    told = {"complete": False, "missing": missing, "timeline": timeline(STAMPS).to_json()}
    tell(store, "a", told)
    code, out, err = command("show", store.url, "--run", "a")
    assert code == 2 and "1 of 4 regions missing" in err
    assert "0.01 worker-hours" in out and "node-1" in out
    code, out, err = command("show", store.url, "--run", "a", "--json")
    assert code == 2 and "1 of 4 regions missing" in err
    assert json.loads(out)["work"]["worker_hours"] == 0.01


def test_a_run_is_meant_though_a_file_or_a_store_here_has_its_name(
    command, store, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("b").mkdir()
    Path("x").touch()
    a = f"{store.url}/interpretation/a"
    code, out, err = command("diff", a, "b")
    assert code == 0 and "survey/b" in out, err
    assert "no interpretation 'x'" in command.refuses("diff", a, "x")
    write_store("b", {"only": volumes(2)})
    code, out, err = command("diff", a, "b")
    assert code == 0 and "survey/b" in out, err
    code, out, err = command("diff", a, "./b")
    assert code == 0 and "b/only" in out, err
    Path("b").rename("c")
    code, out, err = command("diff", a, "c")
    assert code == 0 and "c/only" in out, err


def test_two_runs_are_compared_by_one_command(command, store, tmp_path):
    a, out = f"{store.url}/interpretation/a", tmp_path / "out"
    code, printed, err = command("diff", a, "b", "--output", out, "--volume", tmp_path / "d.zarr")
    assert code == 0 and "of the samples agree" in printed and "salt dome" in printed, err
    assert sorted(path.name for path in out.iterdir()) == [
        "difference.csv", "difference.json", "difference.md", "facies_agreement.png",
        "fault_difference.png"]
    code, printed, err = command("diff", a, f"{store.url}/interpretation/b", "--json")
    assert code == 0, err
    told = json.loads(printed)
    assert np.sum(told["facies"]["confusion"]) > 0 and told["files"] == []
    assert "already there" in command.refuses("diff", a, "b", "--output", out)
    assert "holds 2 interpretations" in command.refuses("diff", store.url, "b")
    assert "no interpretation 'x'" in command.refuses("diff", a, "x")
