"""`seisproc label` and `train --sections` by the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from seisproc.grid import Grid
from seisproc.labels import import_labels
from seisproc.segy.create import create_segy
from seisproc.segy.ingest import ingest
from seisproc.survey import Survey

GRID = Grid(np.arange(100, 120, dtype="int32"), np.arange(300, 324, dtype="int32"),
            np.arange(40) * 4.0)


@pytest.fixture
def store(tmp_path: Path) -> str:
    amplitude = np.random.default_rng(0).normal(size=GRID.shape).astype("float32")
    create_segy(tmp_path / "survey.sgy", amplitude, GRID)
    ingest([str(tmp_path / "survey.sgy")], str(tmp_path / "survey.zarr"))
    return str(tmp_path / "survey.zarr")


def sections(folder: Path, lines: tuple[int, ...]) -> str:
    folder.mkdir()
    rng = np.random.default_rng(1)
    for line in lines:
        np.savez(folder / f"{line}.npz", seismic=rng.normal(size=(40, 24)), inline=line,
                 crossline=GRID.crossline, facies=np.sort(rng.integers(0, 3, (40, 24)), axis=0))
    (folder / "classes.yaml").write_text("- sand\n- shale\n- salt\n")
    return str(folder)


def test_sections_and_sticks_become_labels(flow_command, store, tmp_path):
    folder = sections(tmp_path / "sections", (104, 111))
    rows = [f"{i}\t{308 + k / 10}\t{4 * k}\t{i}\t{k}" for i in (100, 110, 119) for k in (0, 39)]
    (tmp_path / "sticks.dat").write_text("\n".join(rows))
    code, out, err = flow_command(
        "label", store, "picked", "--facies", folder, "--classes", f"{folder}/classes.yaml",
        "--fault", tmp_path / "sticks.dat", "--json",
    )
    assert code == 0, err
    assert json.loads(out)["facies"].keys() == {"sand", "shale", "salt"}
    labels = Survey(store)
    facies, fault = (labels.read(f"labels/picked/{kind}") for kind in ("facies", "fault"))
    expected = np.load(f"{folder}/104.npz")["facies"].T
    np.testing.assert_array_equal(facies[4], expected)
    assert set(np.unique(np.delete(facies, (4, 11), axis=0))) == {255}
    assert fault[7, 8, 0] == fault[7, 11, 35] == 1 and fault.sum() < 0.1 * fault.size


def test_a_network_learns_from_sections_alone(flow_command, tmp_path):
    folder = sections(tmp_path / "sections", (104, 108, 112, 116))
    settings = {
        "target": "facies",
        "patches": {"shape": [16, 16], "count": [8, 4, 0], "split": {"guard": 1}},
        "training": {
            "arguments": {
                "width": 0.05, "middle_blocks": 1, "stem_stride": 1, "aspp_rates": [1],
                "aspp_channels": 8, "low_level_channels": 4, "decoder_channels": 8,
                "head_channels": 8,
            },
            "steps": 2, "batch_size": 2, "validate_every": 1, "device": "cpu",
        },
    }
    (tmp_path / "training.yaml").write_text(yaml.safe_dump(settings))
    options = ("--output", tmp_path / "bundle", "--cluster", "in-process", "--json")
    code, out, err = flow_command(
        "train", tmp_path / "training.yaml", "--sections", folder, "--synthetic", 0, *options
    )
    assert code == 0, err
    assert 0 <= json.loads(out)["value"] <= 1
    card = json.loads((tmp_path / "bundle" / "card.json").read_text())
    assert [each["name"] for each in card["classes"]] == ["sand", "shale", "salt"]


def test_what_does_not_fit_is_one_line(flow_command, store, tmp_path):
    folder = sections(tmp_path / "sections", (200,))
    said = flow_command.refuses("label", store, "x", "--facies", f"{folder}/200.npz")
    assert "inline axis differs" in said and "200.npz" in said
    assert "No labels were given" in flow_command.refuses("label", store, "x")
    assert "holds no line numbers" in flow_command.refuses(
        "label", store, "x", "--facies", folder, "--inlines", "1-2"
    )
    assert "different classes" in flow_command.refuses(
        "train", "facies", "--output", tmp_path / "bundle", "--sections", folder,
        "--synthetic", 1, "--cluster", "in-process",
    )


def test_ingest_carries_labels_over_or_keeps_the_store_until_they_are_let_go(
    flow_command, store, tmp_path
):
    codes = np.random.default_rng(2).integers(0, 6, GRID.shape, "uint8")
    import_labels(store, "picked", facies=codes)
    options = (store, "--overwrite", "--cluster", "in-process")
    create_segy(tmp_path / "again.sgy", 2 * Survey(store).read("amplitude"), GRID)
    code, out, err = flow_command("ingest", tmp_path / "again.sgy", *options, "--json")
    assert code == 0, err
    assert "labels carried over from the old store: picked" in json.loads(out)["warnings"]
    np.testing.assert_array_equal(Survey(store).read("labels/picked/facies"), codes)
    moved = Grid(GRID.inline + 50, GRID.crossline, GRID.sample)
    create_segy(tmp_path / "moved.sgy", codes.astype("float32"), moved)
    said = flow_command.refuses("ingest", tmp_path / "moved.sgy", *options)
    assert "labels/picked does not lie on the survey's grid" in said
    assert "--drop-labels picked" in said
    code, _, err = flow_command("ingest", tmp_path / "moved.sgy", *options, "--drop-labels",
                                "picked")
    assert code == 0, err
    assert Survey(store).groups("labels") == []
