"""The verbs of `seisproc models`, and models by name wherever one is wanted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from flows.describe_model import print_card
from models import shipped
from models.bundle import open_bundle, save_bundle
from models.card import Card, ClassInfo
from models.reference import resolve
from models.registry import build
from seisproc.grid import Grid
from seisproc.segy.create import create_segy
from seisproc.survey import Survey

ARGUMENTS = {"channels": [4, 8], "head_channels": 4}
GRID = Grid(
    np.arange(10, 34, dtype=np.int32), np.arange(20, 44, dtype=np.int32), 4.0 * np.arange(32)
)


@pytest.fixture(scope="session")
def fault_bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small 3-D fault bundle with random weights: right in form, wrong in substance."""
    network = build("unet3d", **ARGUMENTS)
    card = Card(
        name="fault-3d",
        network="unet3d",
        arguments=ARGUMENTS,
        target="fault",
        classes=(ClassInfo(0, "background", "#000000"), ClassInfo(1, "fault", "#ffffff")),
        window=(16, 16, 16),
        fixed_window=network.fixed_window,
        multiple=network.multiple,
        training={"fingerprint": "none", "command": "seisproc train [fault]"},
        metrics={
            "average_precision": {"value": 0.51234, "floor": 0.06, "floor_name": "the same"},
            "calibration_error": {"value": 0.02, "floor": None, "floor_name": ""},
        },
        licence="Apache-2.0",
        limitations=("It has seen nothing.", "Nor does it know that."),
        threshold=0.4,
    )
    folder = tmp_path_factory.mktemp("shipped") / "fault-3d"
    save_bundle(folder, card, network.state_dict(), dtype="float16")
    return str(folder)


@pytest.fixture
def ships(fault_bundle: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the bundle be one that ships."""
    monkeypatch.setattr(shipped, "FOLDER", Path(fault_bundle).parent)
    return "fault-3d"


@pytest.fixture
def ships_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "no-bundles")


@pytest.fixture
def segy(tmp_path: Path) -> Path:
    volume = np.random.default_rng(0).standard_normal(GRID.shape).astype(np.float32)
    path = tmp_path / "survey.sgy"
    create_segy(path, volume, GRID, sample_format=1)
    return path


def told(command, *arguments):
    code, out, err = command(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_the_way_of_a_model_into_production(command, tmp_path, fault_bundle):
    registry = tmp_path / "reg"
    code, out, _ = command("models", "publish", fault_bundle, registry, "fault")
    assert code == 0 and f"seisproc models promote {registry} fault 1" in out
    assert told(command, "models", "publish", fault_bundle, registry, "fault")["number"] == 2
    pointer = told(command, "models", "promote", registry, "fault", 2)
    assert (pointer["name"], pointer["version"]) == ("fault", 2)
    listed = told(command, "models", "list", registry)["models"]
    assert [(row["number"], row["production"], row["state"]) for row in listed] == [
        (1, False, "complete"),
        (2, True, "complete"),
    ]
    shown = told(command, "models", "show", f"{registry}/fault")
    assert (shown["version"], shown["name"]) == (2, "fault-3d")
    assert shown["sha256"] == open_bundle(fault_bundle).sha256
    code, out, _ = command("models", "list", registry)
    assert code == 0 and out.splitlines()[-1].split()[:3] == ["fault", "2", "yes"]


def test_a_card_says_scores_beside_floors_and_where_it_fails(command, fault_bundle):
    code, out, _ = command("models", "show", fault_bundle)
    assert code == 0
    for words in ("0.512  0.060  the same", "- Nor does it know that.", "Apache-2.0",
                  "threshold    0.4", "seisproc train [fault]"):
        assert words in out


def test_a_card_on_a_terminal_loses_nothing(fault_bundle):
    console = Console(force_terminal=True, width=80, record=True)
    print_card(resolve(fault_bundle), console)
    text = console.export_text()
    for words in ("0.512", "the same", "Nor does it know that.", "seisproc train [fault]"):
        assert words in text


def test_verify_finds_a_damaged_bundle(command, tmp_path, fault_bundle):
    assert told(command, "models", "verify", fault_bundle)["sound"]
    copy = tmp_path / "copy"
    shutil.copytree(fault_bundle, copy)
    (copy / "model.safetensors").write_bytes(b"damaged")
    assert "not those of the card" in command.refuses("models", "verify", copy)


def test_what_ships_is_listed_and_found_by_name(command, ships, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (entry,) = told(command, "models", "list")["models"]
    assert (entry["reference"], entry["url"]) == ("fault-3d", "shipped://fault-3d")
    code, out, _ = command("models", "list")
    assert code == 0 and "average precision 0.512" in out
    assert told(command, "models", "show", "fault-3d")["name"] == "fault-3d"
    line = command.refuses("models", "show", "fault-4d")
    assert "no bundle here" in line and "one that ships: fault-3d" in line


def test_an_installation_without_models_says_so(command, ships_nothing):
    code, out, _ = command("models", "list")
    assert code == 0 and "No model ships" in out


def test_registries_that_are_none(command, tmp_path):
    assert "no registry of models" in command.refuses("models", "list", tmp_path / "none")
    assert "no bundle here" in command.refuses("models", "show", tmp_path / "reg" / "fault")
    line = command.refuses("models", "promote", tmp_path / "reg", "fault", 1)
    assert "has no version 1" in line
    line = command.refuses("models", "list", "s3://nowhere-42/reg?key=secret")
    assert "secret" not in line


def test_a_survey_is_interpreted_by_the_fault_network_that_ships(
    flow_command, ships, segy, facies_bundle, tmp_path
):
    quick = ("--cluster", "in-process", "--dropout-samples", 2)
    output = tmp_path / "out"
    made = told(flow_command, "run", segy, "--output", output, *quick)
    assert {Path(path).name for path in made["exports"]} == {"fault.sgy", "fault_uncertainty.sgy"}
    sha256 = resolve("fault-3d").sha256
    address = f"shipped://fault-3d@sha256:{sha256}"
    assert json.loads((output / "run.json").read_text())["models"] == [address]
    product = Survey(f"{output}/survey.zarr").group_attributes("interpretation/main")
    assert [each["sha256"] for each in product["networks"]] == [sha256]
    assert [each["bundle"] for each in product["networks"]] == ["shipped://fault-3d"]

    both = told(flow_command, "run", segy, "--output", output, "--model", facies_bundle, *quick,
                "--run", "both")
    assert {Path(path).name for path in both["exports"]} == {
        "facies.sgy", "facies_uncertainty.sgy", "fault.sgy", "fault_uncertainty.sgy",
    }


def test_production_moves_and_the_next_run_follows(flow_command, segy, fault_bundle, tmp_path):
    from models.bundle_registry import Registry
    from seisproc.segy.ingest import ingest

    registry = Registry(str(tmp_path / "reg"))
    registry.publish(fault_bundle, "fault")
    opened = open_bundle(fault_bundle)
    other = {name: tensor * 0.5 if tensor.ndim > 1 else tensor
             for name, tensor in opened.state.items()}
    save_bundle(tmp_path / "other", opened.card, other)
    registry.publish(str(tmp_path / "other"), "fault")
    registry.promote("fault", 1)
    store = ingest([str(segy)], str(tmp_path / "s.zarr")).store
    quick = ("--model", f"{registry.url}/fault", "--cluster", "in-process",
             "--dropout-samples", 2)
    told(flow_command, "interpret", store, *quick)

    def used():
        (network,) = Survey(store).group_attributes("interpretation/main")["networks"]
        return network["bundle"], network["sha256"]

    def version(number):
        return f"{registry.url}/fault/{number}", registry.version("fault", number).sha256

    assert used() == version(1)
    registry.promote("fault", 2)
    assert "is there already" in flow_command.refuses("interpret", store, *quick)
    told(flow_command, "interpret", store, *quick, "--overwrite")
    assert used() == version(2)


def test_nothing_to_interpret_with(command, segy, tmp_path, ships_nothing):
    line = command.refuses("run", segy, "--output", tmp_path / "out")
    assert "no model" in line and "seisproc models list" in line


def test_nothing_is_left_without_what_ships(command, ships, segy, tmp_path):
    line = command.refuses("run", segy, "--output", tmp_path / "out", "--no-shipped")
    assert "no model" in line
