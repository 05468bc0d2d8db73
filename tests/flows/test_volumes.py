"""Arrays and crops by the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from rich.console import Console
from rich.text import Text

from flows.describe_volume import print_volume
from seisproc.segy.scan import scan
from seisproc.survey import Survey
from seisproc.volumes.look import scan_volume

CLUSTER = ("--cluster", "in-process")
SHAPE = (12, 9, 30)


@pytest.fixture
def cube(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    np.save(tmp_path / "cube.npy", values.transpose(2, 0, 1))
    return tmp_path / "cube.npy"


def receipt(command, *arguments):
    code, out, err = command(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_an_array_goes_in_is_cut_and_goes_out(flow_command, cube, tmp_path):
    store, part = tmp_path / "s.zarr", tmp_path / "c.zarr"
    options = ("--axes", "twt,inline,crossline", "--interval", 4, "--inlines", "100:2",
               "--crosslines", "20..28", "--origin", "1000,2000", "--inline-vector=25,0",
               "--crossline-vector=0,-12.5")
    made = receipt(flow_command, "ingest", cube, store, *options, *CLUSTER)
    assert made["shape"] == list(SHAPE)
    assert receipt(flow_command, "ingest", cube, store, *options, *CLUSTER)["reused"]
    cut = receipt(flow_command, "crop", store, part, "--inlines", "104:110", "--twt", ":40",
                  *CLUSTER)
    assert cut["shape"] == [4, 9, 11]
    receipt(flow_command, "export", part, tmp_path / "c.sgy")
    found = scan([str(tmp_path / "c.sgy")])
    assert found.grid.inline.tolist() == [104, 106, 108, 110]
    assert found.cdp_y[0, 2] == 1975


def test_settings_may_stand_in_a_file(flow_command, cube, tmp_path):
    told = {"axes": ["twt", "inline", "crossline"], "interval": 4, "first_sample": 96.0,
            "inlines": list(range(50, 62)), "corners": [[0, 0], [110, 0], [0, 80]]}
    (tmp_path / "cube.yaml").write_text(yaml.safe_dump(told))
    file = ("--array-map", tmp_path / "cube.yaml")
    receipt(flow_command, "ingest", cube, tmp_path / "s.zarr", *file, "--crosslines", "7:1",
            *CLUSTER)
    survey = Survey(str(tmp_path / "s.zarr"))
    assert survey.grid.inline[0] == 50 and survey.grid.crossline[0] == 7
    assert survey.grid.sample[0] == 96
    assert survey.read("cdp_x")[3, 0] == 30


def test_the_whole_road_from_hdf5(flow_command, tmp_path, facies_bundle):
    values = np.random.default_rng(0).normal(size=(24, 20, 32)).astype("float32")
    with h5py.File(tmp_path / "cube.h5", "w") as file:
        file["seismic"] = values
    output = tmp_path / "out"
    made = receipt(
        flow_command, "run", tmp_path / "cube.h5", "--output", output, "--model", facies_bundle,
        "--no-shipped", "--axes", "inline,crossline,twt", "--interval", 4,
        "--dropout-samples", 1, *CLUSTER,
    )
    assert Path(made["report"]).exists()
    assert made["exports"]
    assert scan([made["exports"][0]]).shape == (24, 20, 32)


def test_a_plan_says_what_would_be_and_makes_nothing(command, cube, tmp_path):
    code, out, _ = command("ingest", cube, tmp_path / "s.zarr", "--axes", "depth,inline,crossline",
                           "--interval", 5, "--plan")
    assert code == 0
    assert "depth        0 to 145 m, every 5 m" in out
    assert "--inlines FIRST:STEP" in out
    assert not (tmp_path / "s.zarr").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [((), "Give --axes"),
     (("--axes", "twt,inline,crossline"), "Give --interval"),
     (("--axes", "twt,inline"), "make no survey"),
     (("--axes", "twt,inline,crossline", "--interval", 4, "--inline-byte", 9), "is for SEG-Y"),
     (("--axes", "twt,inline,crossline", "--interval", 4, "--inlines", "x"), "--inlines"),
     (("--axes", "twt,inline,crossline", "--interval", 4, "--origin", "5"), "--origin"),
     (("--axes", "twt,inline,crossline", "--domain", "depth"), "do not agree")],
)
def test_words_that_do_not_fit_an_array(command, cube, tmp_path, options, message):
    line = command.refuses("ingest", cube, tmp_path / "s.zarr", *options)
    assert message in line
    assert not (tmp_path / "s.zarr").exists()


def test_arrays_and_segy_are_not_mixed_up(command, cube, tmp_path):
    np.save(tmp_path / "b.npy", np.zeros((2, 2, 2)))
    line = command.refuses("ingest", cube, tmp_path / "b.npy", tmp_path / "s.zarr")
    assert "one by one" in line
    (tmp_path / "notes.sgy").write_text("not seismic at all\n" * 300)
    line = command.refuses("ingest", tmp_path / "notes.sgy", tmp_path / "s.zarr", "--axes", "a,twt")
    assert "axis" in line
    settings = ("--axes", "inline,crossline,twt")
    line = command.refuses("ingest", tmp_path / "notes.sgy", tmp_path / "s.zarr", *settings)
    assert "--axes is for arrays only" in line


def test_a_map_with_a_wrong_name(command, cube, tmp_path):
    (tmp_path / "map.yaml").write_text("axis: [inline]\n")
    options = ("--array-map", tmp_path / "map.yaml")
    assert "map.yaml: axis" in command.refuses("ingest", cube, tmp_path / "s.zarr", *options)


def test_crops_that_cannot_be(command, flow_command, cube, tmp_path):
    options = ("--axes", "twt,inline,crossline", "--interval", 4)
    receipt(flow_command, "ingest", cube, tmp_path / "s.zarr", *options, *CLUSTER)
    store, part = tmp_path / "s.zarr", tmp_path / "c.zarr"
    assert "within 1 to 12" in command.refuses("crop", store, part, "--inlines", "50:60")
    assert "--inlines" in command.refuses("crop", store, part)
    assert "A:B" in command.refuses("crop", store, part, "--twt", "early")
    assert "no finished survey store" in command.refuses(
        "crop", tmp_path / "no.zarr", part, "--twt", "1:2"
    )
    assert not part.exists()


def test_a_scan_says_what_an_array_is_and_what_it_lacks(command, cube):
    code, out, _ = command("scan", cube)
    assert code == 0
    assert "array       30 x 12 x 9 float32, axes unknown" in out
    assert "needed      --axes" in out and "needed      --interval" in out
    told = ("--axes", "twt,inline,crossline", "--interval", 4, "--inlines", "100:2")
    code, out, _ = command("scan", cube, *told)
    assert code == 0
    assert "a post-stack 3-D survey, 12 x 9 x 30" in out
    assert "inline       100 to 122, 12" in out
    assert "needed" not in out
    found = json.loads(command("scan", cube, *told, "--json")[1])
    assert (found["kind"], found["shape"], found["needs"]) == ("3d", [12, 9, 30], {})
    assert found["sample"] == {"count": 30, "first": 0.0, "last": 116.0, "step": 4.0}


def test_a_scan_of_an_array_is_a_table_on_a_terminal(cube):
    file = io.StringIO()
    print_volume(scan_volume(str(cube)), console=Console(file=file, force_terminal=True, width=40))
    lines = Text.from_ansi(file.getvalue()).plain.splitlines()
    assert max(map(len, lines)) <= 40
    assert any(line.startswith("needed") for line in lines)


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--map", "a.png"), "--map and --text"), (("--inline-byte", 9, "--crossline-byte", 13),
                                                "--inline-byte is for SEG-Y"),
     (("--axes", "twt,inline"), "make no survey")],
)
def test_scans_of_an_array_refuse_what_does_not_fit(command, cube, options, message):
    assert message in command.refuses("scan", cube, *options)


def test_a_scan_of_segy_refuses_the_words_of_arrays(command, tmp_path):
    (tmp_path / "a.sgy").write_bytes(bytes(4000))
    line = command.refuses("scan", tmp_path / "a.sgy", "--axes", "inline,crossline,twt")
    assert "--axes is for arrays only" in line
