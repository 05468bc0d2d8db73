"""The verbs synthesize --volumes and patches, and train --patches, under Prefect's test harness."""

import base64
import json
import re

import pytest

from seisproc.patches.store import PatchStore
from seisproc.patches.volumes import VolumeStore

CLUSTER = ("--cluster", "in-process")
SMALL = """
target: facies
synthetics: {volume: {shape: [24, 24, 40]}}
patches: {shape: [16, 24]}
training:
  arguments: {width: 0.0625, middle_blocks: 1, stem_stride: 1, aspp_rates: [1], aspp_channels: 8,
    low_level_channels: 4, decoder_channels: 8, head_channels: 8}
  steps: 4
  validate_every: 2
  batch_size: 4
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "c.yaml").write_text(SMALL)
    return tmp_path / "c.yaml"


def made(command, *arguments):
    code, out, err = command(*arguments, *CLUSTER, "--json")
    assert code == 0, err
    return json.loads(out)


def artifact(key):
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None, key
    return str(found.data)


def progress_artifacts():
    """Descriptions of all bars that stages showed."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterType

    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(type=ArtifactFilterType(any_=["progress"]))
        return [str(found.description) for found in client.read_artifacts(artifact_filter=wanted)]


def test_volumes_go_to_one_store_with_a_gallery(flow_command, tmp_path):
    url = tmp_path / "many.zarr"
    command = ("synthesize", url, "--volumes", 3, "--shape", 20, 24, 40, "--seed", 3)
    receipt = made(flow_command, *command)
    assert receipt["volumes"] == 3 and receipt["shape"] == [20, 24, 40]
    assert len(VolumeStore(str(url))) == 3
    (picture,) = re.findall(r"base64,([^)]+)\)", artifact("volumes-gallery-many"))
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert made(flow_command, *command) == receipt
    line = flow_command.refuses(*command[:-1], 4, *CLUSTER)
    assert "exists already" in line and "--overwrite" in line
    assert made(flow_command, *command[:-1], 4, "--overwrite")["seed"] == 4


def test_patches_are_cut_and_then_trained_on(flow_command, config, tmp_path):
    url = tmp_path / "p.zarr"
    receipt = made(
        flow_command, "patches", "facies", url, "--synthetic", 2, "--count", 12, 4, 0,
        "--seed", 5, "--config", config,
    )
    assert receipt["patches"] == {"train": 12, "validation": 4, "test": 0}
    store = PatchStore(str(url))
    assert store.attributes["config"]["seed"] == 5
    assert len(re.findall(r"base64,", artifact("patches-gallery-p"))) == 2
    trained = made(
        flow_command, "train", config, "--output", tmp_path / "bundle", "--patches", url,
    )
    assert trained["best_step"] in (2, 4)
    assert not (tmp_path / "bundle.patches.zarr").exists()
    shown = artifact("training-pictures-bundle")
    pictures = re.findall(r"!\[([a-z-]+)\]\(data:image/png;base64,", shown)
    assert pictures == ["curves", "confusion", "worst"]
    assert {path.stem for path in (tmp_path / "bundle" / "training").iterdir()} == {
        *pictures, "history",
    }
    bars = progress_artifacts()
    assert any(re.fullmatch(r"train facies: 4 of 4, loss \d\.\d+, metric 0\.\d+ at step 4", bar)
               for bar in bars), bars
    line = flow_command.refuses(
        "train", "fault", "--output", tmp_path / "other", "--patches", url
    )
    assert "another target" in line


def test_the_preset_is_the_papers(tmp_path):
    from flows.training_config import PatchesConfig

    paper = PatchesConfig(preset="paper").config("facies")
    assert paper.shape == (200, 200) and paper.count == (27_648, 32_952, 24_560)
    few = PatchesConfig(preset="paper", count=(8, 4, 0)).config("facies")
    assert few.shape == (200, 200) and few.count == (8, 4, 0)


def test_what_cannot_be_is_refused_before_a_server_starts(command, config, tmp_path):
    line = command.refuses("synthesize", tmp_path / "many.sgy", "--volumes", 3)
    assert "Zarr" in line
    assert "SEG-Y" in command.refuses("synthesize", tmp_path / "one.zarr")
    line = command.refuses(
        "train", "facies", "--output", tmp_path / "b", "--patches", tmp_path / "no.zarr"
    )
    assert "no finished store of patches" in line


@pytest.mark.parametrize(("verb", "content", "said"), [
    ("synthesize", "shpe: [64, 64, 64]", "wrong.yaml: shpe is no name.*shape"),
    ("synthesize", "seed: -1", "wrong.yaml: seed is not right; found: -1"),
    ("synthesize", "options: {fault_cuont: 3}", "wrong.yaml: options: no such"),
    ("synthesize", "options: {fault_throw: [9, 3]}", "wrong.yaml: synthetic fault_throw"),
    ("patches", "patches: {shpe: [32, 32]}", "wrong.yaml: patches.shpe is no name.*Write shape"),
    ("patches", "patches: {shape: [32]}", "wrong.yaml: patches.shape.*two numbers, or three"),
    ("patches", "patches: [1]", "wrong.yaml: patches is not right.*a group of settings"),
    ("train", "synthetics: {volume: {options: {noize: 3}}}", "wrong.yaml: options.*noize"),
    ("patches", "surveys: {store: a.zarr}", "wrong.yaml: surveys is not right"),
    ("patches", "surveys: [{store: a.zarr}]", "wrong.yaml: surveys.0.labels.*found: nothing"),
    ("patches", "synthetics: {volume: {shape: [4, 4, 4]}}", "wrong.yaml: synthetic shape"),
    ("train", "training: {step: 5}", "wrong.yaml: training.step is no name.*Write steps"),
    ("texture", "shape: [20, 24]", "wrong.yaml: shape.0 is not right; found: 20"),
])
def test_what_a_file_gets_wrong_is_told_by_its_name(command, tmp_path, verb, content, said):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(f"target: facies\n{content}" if verb == "train" else content)
    given = {
        "synthesize": ("x.sgy", "--config", wrong),
        "patches": ("facies", "x.zarr", "--config", wrong),
        "train": (wrong, "--output", "b"),
        "texture": ("a.zarr", "t.safetensors", "--config", wrong),
    }
    line = command.refuses(verb, *given[verb])
    assert re.search(said, line), line


def test_what_an_option_gets_wrong_is_told_by_the_option(command, tmp_path):
    right = tmp_path / "right.yaml"
    right.write_text("target: facies\ntraining: {steps: 9}\nsynthetics: {volumes: 3}\n")
    options = (right, "--output", "b")
    assert "--steps is not right; found: 0" in command.refuses("train", *options, "--steps", 0)
    assert "--synthetic is not right" in command.refuses("train", *options, "--synthetic", -1)
    assert "--seed is not right" in command.refuses("synthesize", "x.sgy", "--seed", -1)


def test_a_survey_that_is_there_is_refused_before_a_server_starts(command, tmp_path):
    (tmp_path / "x_fault.sgy").write_text("mine")
    line = command.refuses("synthesize", tmp_path / "x.sgy", "--shape", 16, 16, 16)
    assert "x_fault.sgy is already there" in line


def test_flows_show_their_parameters_as_documented_forms():
    from flows.patches import patches
    from flows.synthesize import synthesize_volumes

    for flow in (patches, synthesize_volumes):
        assert flow.description
        for name, field in flow.parameters.properties.items():
            group = flow.parameters.definitions.get(field.get("$ref", "").rsplit("/", 1)[-1], {})
            assert field.get("description") or group.get("description"), name
