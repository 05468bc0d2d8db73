"""Recipes: a target or a file, over a preset, under the options."""

import dataclasses
from pathlib import Path

import pytest

from flows.recipe import PRESETS, Recipe, read_recipe
from models.presets import network_arguments
from models.registry import build
from seisproc.errors import ConfigError
from seisproc.patches.config import TARGETS

SHIPPED = Path(__file__).parents[2] / "presets"


def read(recipe, preset=None, synthetic=None, labels=(), **options):
    return read_recipe(str(recipe), preset, labels, (), synthetic, options)


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "r.yaml").write_text(text)
        return tmp_path / "r.yaml"

    return write


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_whole_training(preset, target):
    groups = read(target, preset)
    config = groups["training"].config(target)
    patches = groups["patches"].config(target)
    (source,) = groups["synthetics"].sources()
    network = build(config.network, classes=config.outputs, **config.arguments)
    assert network.dimensions == len(patches.shape)
    assert all(extent % network.multiple == 0 for extent in patches.shape)
    lateral, samples = source.config.shape[:2], source.config.shape[2]
    assert min(lateral) >= max(patches.shape[:-1]) and samples >= patches.shape[-1]
    assert config.steps >= config.validate_every


def test_the_papers_is_as_published():
    groups = read("facies", "paper")
    config = groups["training"].config("facies")
    assert (config.batch_size, config.learning_rate, config.schedule) == (32, 1e-4, "constant")
    assert config.weight_decay == 0  # AdamW without decay is Adam
    patches = groups["patches"].config("facies")
    assert patches.shape == (200, 200)
    assert config.steps * config.batch_size == 60 * patches.count[0]


def test_options_win_over_the_file_which_wins_over_the_preset(file):
    recipe = file("target: fault\npreset: quick\n"
                  "synthetics: {volume: {seed: 9}}\ntraining: {steps: 7, batch_size: 3}\n")
    groups = read(recipe, steps=5, synthetic=2, texture="t.safetensors")
    training, quick = groups["training"], PRESETS["quick"]["fault"]
    assert (training.steps, training.batch_size) == (5, 3)
    assert training.learning_rate == quick["training"]["learning_rate"]
    assert training.arguments == network_arguments("unet3d", "small")
    assert training.texture.file == "t.safetensors"
    assert groups["synthetics"].volumes == 2
    assert groups["synthetics"].volume.seed == 9
    assert list(groups["synthetics"].volume.shape) == quick["synthetics"]["volume"]["shape"]
    assert read(recipe, "laptop")["patches"].shape == [64, 64, 64]


def test_another_network_gets_its_own_arguments_of_the_presets_size(file):
    unet = read(file("target: facies\ntraining: {network: unet}\n"), "paper")["training"]
    assert unet.network == "unet" and unet.arguments == network_arguments("unet", "paper")
    small = read(file("target: facies\ntraining: {arguments: {width: 0.5}}\n"), "paper")
    assert small["training"].arguments == {"width": 0.5}


def test_a_target_alone_has_the_usual_values():
    groups = read("fault", labels=[("s.zarr", "mine")])
    assert groups["target"] == "fault"
    assert groups["training"] == Recipe().training and groups["patches"] == Recipe().patches
    assert [source.labels for source in groups["surveys"]] == ["mine"]


def test_the_network_that_ships_learns_from_the_patches_that_the_wide_one_left():
    wide, narrow = (read(SHIPPED / f"{name}.yaml") for name in ("fault-3d-wide", "fault-3d"))
    assert narrow["training"].begin == "fault-3d-wide" and not wide["training"].begin
    assert narrow["patches"] == wide["patches"] and narrow["synthetics"] == wide["synthetics"]
    one, other = (groups["training"].arguments["channels"] for groups in (narrow, wide))
    assert all(here <= there for here, there in zip(one, other, strict=True))


@pytest.mark.parametrize("name", ["fault-2d", "fault-3d-wide"])
def test_what_ships_is_a_recipe(name):
    groups = read(SHIPPED / f"{name}.yaml")
    config = groups["training"].config(groups["target"])
    assert config.target == "fault" and config.steps >= 1000
    assert dataclasses.asdict(config)["threads"] == 1
    shape = groups["patches"].config("fault").shape
    assert build(config.network, classes=1, **config.arguments).dimensions == len(shape)


@pytest.mark.parametrize(("text", "said"), [
    ("training: {steps: 3}", "names no target.*target: facies"),
    ("target: salt", "r.yaml: target is not right; found: 'salt'"),
    ("target: fault\npreset: huge", "r.yaml: preset is not right"),
    ("target: fault\nsurvey: []", "r.yaml: survey is no name"),
    ("target: fault\ntraining: {schedule: steep}", "r.yaml: training.schedule"),
])
def test_a_recipe_that_is_no_good_is_named(file, text, said):
    with pytest.raises(ConfigError, match=said):
        read(file(text))


def test_what_is_no_recipe_is_refused():
    with pytest.raises(ConfigError, match="salt: no recipe; expected: facies, fault"):
        read("salt")
    with pytest.raises(ConfigError, match="no such configuration file"):
        read("absent.yaml")


def test_a_worker_needs_a_cluster(command, tmp_path):
    common = ("train", "fault", "--output", tmp_path / "b", "--on", "worker")
    line = command.refuses(*common, "--cluster", "in-process")
    assert "needs a cluster" in line and "--cluster" in line
    assert "--gpus is not right; found: 0" in command.refuses(*common, "--gpus", 0)
