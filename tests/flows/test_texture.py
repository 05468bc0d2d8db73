"""The verb texture, under Prefect's test harness."""

import json

import numpy as np
import pytest

from models.learned_texture import read_section_model

QUICK = {"sections": 32, "shape": [32, 32], "steps": 8, "batch_size": 4, "threads": 1}


@pytest.fixture
def sections(tmp_path):
    """Two sections of dipping layers, as files."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        layers = np.convolve(rng.standard_normal(400), np.hanning(5), "same")
        shift = (np.arange(120) * rng.uniform(-0.3, 0.3)).astype(int)
        seismic = np.stack([layers[100 + s : 164 + s] for s in shift], axis=1)
        np.savez(tmp_path / f"{name}.npz", seismic=seismic.astype(np.float32))
    (tmp_path / "quick.json").write_text(json.dumps(QUICK))
    return [tmp_path / "a.npz", tmp_path / "b.npz"]


def test_what_sections_look_like_is_learned_and_kept(flow_command, sections, tmp_path):
    output, quick = tmp_path / "t.safetensors", ("--config", tmp_path / "quick.json")
    code, out, err = flow_command("texture", *sections, output, *quick, "--json")
    assert code == 0, err
    receipt = json.loads(out)
    assert receipt["sections"] == 32 and not receipt["reused"]
    model = read_section_model(output)
    assert model.network.arguments.variational
    assert model.draw((32, 40), np.random.default_rng(0)).shape == (32, 40)
    assert not (tmp_path / "t.safetensors.work").exists()

    first = output.read_bytes()
    code, out, _ = flow_command("texture", *sections, output, *quick, "--json")
    assert code == 0 and json.loads(out)["reused"]
    assert "already there" in flow_command.refuses("texture", *sections, output, *quick, "--plain")
    code, out, err = flow_command("texture", *sections, output, *quick, "--plain", "--overwrite")
    assert code == 0, err
    assert not read_section_model(output).network.arguments.variational
    code, _, err = flow_command("texture", *sections, output, *quick, "--overwrite")
    assert code == 0 and output.read_bytes() == first


@pytest.mark.slow
def test_training_takes_a_texture_for_sections_and_only_for_these(
    flow_command, sections, tmp_path
):
    texture = tmp_path / "t.safetensors"
    made = flow_command("texture", *sections, texture, "--config", tmp_path / "quick.json")
    assert made[0] == 0, made[2]
    settings = {
        "target": "facies",
        "synthetics": {"volumes": 2, "volume": {"shape": [32, 32, 48]}},
        "patches": {"shape": [24, 24], "count": [16, 8, 0]},
        "training": {
            "steps": 2, "batch_size": 2, "validate_every": 1, "threads": 1, "augment": "none",
            "arguments": {"width": 0.0625, "middle_blocks": 1, "stem_stride": 1,
                          "aspp_rates": [1], "aspp_channels": 8, "low_level_channels": 4,
                          "decoder_channels": 8, "head_channels": 8},
        },
    }
    (tmp_path / "train.json").write_text(json.dumps(settings))
    common = (tmp_path / "train.json", "--output", tmp_path / "m", "--cluster", "in-process")
    weights = []
    for extra in ((), ("--texture", texture)):
        code, _, err = flow_command("train", *common, *extra, "--overwrite")
        assert code == 0, err
        weights.append((tmp_path / "m" / "model.safetensors").read_bytes())
    assert weights[0] != weights[1]
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    assert len(card["training"]["augment"]["texture"]["sha256"]) == 64

    refused = flow_command.refuses(
        "train", "fault", "--output", tmp_path / "f", "--texture", texture
    )
    assert "2d patches" in refused
    absent = flow_command.refuses(
        "train", "facies", "--output", tmp_path / "f", "--texture", "absent"
    )
    assert "absent is no texture file" in absent


def test_what_cannot_be_is_refused_before_a_server_starts(command, sections, tmp_path):
    assert "local file" in command.refuses("texture", sections[0], tmp_path / "t.json")
    absent = command.refuses("texture", tmp_path / "absent.npz", tmp_path / "t.safetensors")
    assert "absent.npz" in absent
    (tmp_path / "wrong.json").write_text('{"shape": [30, 32], "steps": 4}')
    wrong = command.refuses("texture", sections[0], tmp_path / "t.safetensors", "--config",
                            tmp_path / "wrong.json")
    assert "multiple" in wrong
