"""Sections by the command line: train on a folder, interpret one, score it, and refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.seisproc.sections.conftest import CLASSES, folder  # noqa: F401

RECIPE = {
    "target": "facies",
    "context": {"classes": list(CLASSES), "shape": [32, 48], "folds": 2, "samples": 2},
    "training": {
        "network": "unet", "steps": 8, "batch_size": 2, "precision": "float32", "augment": "flips",
        "arguments": {"channels": [8, 16], "head_channels": 8, "trace_stride": 2},
    },
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(RECIPE))
    return path


def test_from_labelled_sections_to_answers_and_scores(
    flow_command, recipe, folder, tmp_path  # noqa: F811
):
    bundle, answers = tmp_path / "bundle", tmp_path / "answers"
    here = ("--cluster", "in-process")
    code, out, err = flow_command(
        "train", recipe, "--sections", folder, "--output", bundle, *here, "--json"
    )
    assert code == 0, err
    assert json.loads(out)["metric"] == "mean_iou"
    seen = json.loads((bundle / "card.json").read_text())["training"]["seen"]
    assert len(seen["spectra"][0].split()) == 49 and any(map(any, seen["contacts"]))
    assert (bundle / "picture.png").exists() and (bundle / "training" / "worst.png").exists()
    interpret = ("interpret", "--sections", folder, "--model", bundle, "--output", answers, *here)
    code, out, err = flow_command(*interpret, "--dropout-samples", "2", "--json")
    assert code == 0, err
    assert json.loads(out)["sections"] == 4
    with np.load(answers / "inline_12.npz", allow_pickle=False) as answer:
        assert answer["facies"].shape == answer["uncertainty"].shape == (48, 60)
        assert set(np.unique(answer["facies"])) <= {0, 1, 2}
        assert 0 <= answer["probability"].min() and answer["probability"].max() <= 1
    code, out, err = flow_command(*interpret, "--dropout-samples", "2", "--json")
    assert json.loads(out)["kept"] == 4
    code, out, err = flow_command("evaluate", answers, "--sections", folder, "--json")
    assert code == 0, err
    assert 0 <= json.loads(out)["facies"]["mean_iou"] <= 1


def test_a_survey_is_not_interpreted_by_a_model_of_sections(command, tmp_path):
    told = command.refuses("interpret", "--sections", tmp_path, "--output", tmp_path / "answers")
    assert "one model" in told and "--model MODEL" in told
    assert "nothing to interpret" in command.refuses("interpret", "--output", tmp_path / "answers")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"folds": 9}, "too few sections for 9 folds"),
        ({"classes": ["upper", "middle"]}, "outside its class set"),
        ({"shape": [4, 48]}, "context.shape"),
        ({"width": 3}, "context.width"),
    ],
)
def test_recipes_that_do_not_go_with_the_sections_are_refused(
    command, recipe, folder, tmp_path, change, complaint  # noqa: F811
):
    recipe.write_text(json.dumps({**RECIPE, "context": {**RECIPE["context"], **change}}))
    told = command.refuses("train", recipe, "--sections", folder, "--output", tmp_path / "bundle")
    assert complaint in told and not (tmp_path / "bundle").exists()


def test_a_recipe_for_sections_wants_a_folder(command, recipe, tmp_path):
    told = command.refuses("train", recipe, "--output", tmp_path / "bundle")
    assert "needs a folder" in told


def test_faults_of_sections_are_learned_by_a_network_of_sections():
    from flows.section_config import ContextForm
    from flows.training_config import SectionFolder, TrainingConfig

    folders, form = [SectionFolder(folder="sections")], ContextForm(folds=2)
    assert form.training("fault", folders, TrainingConfig()).config.network == "unet"
    named = TrainingConfig(network="deeplabv3plus")
    assert form.training("fault", folders, named).config.network == "deeplabv3plus"


def test_a_bundle_of_sections_is_not_trained_into_an_object_store(
    command, recipe, folder  # noqa: F811
):
    told = command.refuses("train", recipe, "--sections", folder, "--output", "s3://bucket/model")
    assert "seisproc models publish" in told


@pytest.mark.parametrize(
    "given", [("--synthetic", "4"), ("--patches", "p.zarr"), ("--labels", "s.zarr", "mine")]
)
def test_what_a_recipe_with_context_does_not_look_at_is_refused(
    command, recipe, folder, tmp_path, given  # noqa: F811
):
    told = command.refuses(
        "train", recipe, "--sections", folder, *given, "--output", tmp_path / "bundle"
    )
    assert "sections alone" in told and given[0] in told


@pytest.mark.parametrize("given", [("--gpus", "2"), ("--on", "worker")])
def test_folds_are_spread_by_the_cluster_alone(
    command, recipe, folder, tmp_path, given  # noqa: F811
):
    told = command.refuses(
        "train", recipe, "--sections", folder, *given, "--output", tmp_path / "bundle"
    )
    assert given[0] in told and "--cluster" in told


def test_folders_with_different_class_sets_are_refused(
    command, recipe, folder, tmp_path  # noqa: F811
):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "classes.yaml").write_text("[one, two, three]")
    context = {**RECIPE["context"], "classes": ""}
    recipe.write_text(json.dumps({**RECIPE, "context": context}))
    told = command.refuses("train", recipe, "--sections", folder, "--sections", other,
                           "--output", tmp_path / "bundle")
    assert "different class sets" in told
