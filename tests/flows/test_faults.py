"""`seisproc faults` on the command line."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "seisproc" / "fault_surfaces"))


@pytest.fixture
def survey(tmp_path):
    from planes import as_probability, plane, write_store

    return write_store(str(tmp_path / "survey.zarr"), as_probability(plane((40, 44, 48), 20, 70)))


def test_surfaces_and_sticks_by_one_command(flow_command, survey, tmp_path):
    out = tmp_path / "out"
    arguments = ("faults", survey.url, "--output", f"{out}/", "--velocity", 2500,
                 "--cluster", "in-process")
    code, printed, err = flow_command(*arguments, "--json")
    assert code == 0, err
    told = json.loads(printed)
    assert told["run"] == "net" and len(told["surfaces"]) == 1 and told["sticks"]["nodes"]
    assert {"strike_degrees", "dip_degrees", "area_km2"} <= set(told["surfaces"][0])
    assert (out / "fault_sticks.dat").exists()
    assert "already there" in flow_command.refuses(*arguments)
    code, printed, err = flow_command(*arguments, "--overwrite")
    assert code == 0 and "(were there already)" in printed and "Fault surfaces of net: 1" in printed
    for column in ("slope (ms/m)", "upright area (km ms)", "first sample (ms)"):
        assert column in printed
    code, printed, err = flow_command("label", survey.url, "back", "--fault",
                                      out / "fault_sticks.dat", "--json")
    assert code == 0, err


def test_what_cannot_be_done_is_refused_in_one_line(command, survey, tmp_path):
    assert "no interpretation 'x'" in command.refuses("faults", survey.url, "--run", "x")
    (tmp_path / "there.dat").touch()
    told = command.refuses("faults", survey.url, "--output", tmp_path / "there.dat")
    assert "there.dat is already there" in told
