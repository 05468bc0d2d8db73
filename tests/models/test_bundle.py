"""Bundles: round trips, and everything that must be refused."""

import dataclasses
import hashlib
import json
import pickle
import shutil

import pytest
import torch

from models.bundle import open_bundle, read_card, save_bundle
from models.card import Card, ClassInfo
from models.errors import BundleError
from models.registry import build

ARGUMENTS = {"channels": [4, 8], "head_channels": 4}


def fault_card(**more):
    return Card(
        **{
            "name": "tiny",
            "network": "unet3d",
            "arguments": ARGUMENTS,
            "target": "fault",
            "classes": (
                ClassInfo(0, "background", "#000000"),
                ClassInfo(1, "fault", "#ffffff"),
            ),
            "window": (8, 8, 8),
            "fixed_window": False,
            "multiple": 2,
            "training": {"fingerprint": "none"},
            "metrics": {"average_precision": {"value": 0.5, "floor": 0.02}},
            "licence": "Apache-2.0",
            "limitations": ("It has seen nothing.",),
            "temperature": 1.5,
            **more,
        }
    )


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build("unet3d", **ARGUMENTS).eval()


@pytest.fixture
def bundle(tmp_path, network):
    folder = tmp_path / "tiny"
    return folder, save_bundle(folder, fault_card(), network.state_dict())


def rewrite(folder, **changes):
    """Change the card, as a hand edit would."""
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_bundle_comes_back_as_it_was(bundle, network):
    folder, sha256 = bundle
    opened = open_bundle(str(folder), sha256)
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.safetensors"]
    filled = {"weights_sha256": opened.card.weights_sha256}
    assert opened.card == fault_card(**filled)
    window = torch.randn(1, 1, 8, 8, 8)
    assert torch.equal(opened.build()(window), network(window))


def test_a_bundle_travels_through_fsspec(network):
    url = "memory://bundles/tiny"
    sha256 = save_bundle(url, fault_card(), network.state_dict())
    assert open_bundle(url, sha256).card.name == "tiny"


def test_references_go_with_the_bundle_and_are_checked(tmp_path, network):
    kept = {"quantiles": torch.linspace(0, 1, 5), "codes": torch.arange(3, dtype=torch.uint8)}
    folder = tmp_path / "compared"
    sha256 = save_bundle(folder, fault_card(), network.state_dict(), references=kept)
    opened = open_bundle(str(folder), sha256)
    assert opened.references.keys() == kept.keys()
    assert all(torch.equal(opened.references[name], kept[name]) for name in kept)
    file = folder / "references.safetensors"
    assert opened.card.references == hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BundleError, match="references are not those of the card"):
        open_bundle(str(folder), sha256)
    file.unlink()
    with pytest.raises(BundleError, match=r"no references\.safetensors"):
        open_bundle(str(folder))


def test_a_replaced_bundle_leaves_nothing_of_the_old_one(tmp_path, network):
    folder, state = tmp_path / "b", network.state_dict()
    save_bundle(folder, fault_card(), state, references={"a": torch.zeros(2)})
    (folder / "picture.png").write_bytes(b"of the old one")
    save_bundle(folder, fault_card(name="new"), state, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.safetensors"]
    assert open_bundle(str(folder)).references == {}


def test_references_that_are_not_finite_are_not_saved(tmp_path, network):
    with pytest.raises(BundleError, match="references a are not finite"):
        save_bundle(
            tmp_path / "bad",
            fault_card(),
            network.state_dict(),
            references={"a": torch.tensor([float("inf")])},
        )
    assert not (tmp_path / "bad").exists()


def test_inputs_and_threshold_stand_on_the_card(tmp_path, network):
    card = fault_card(inputs=("seismic", "dip"), threshold=0.3)
    save_bundle(tmp_path / "b", card, network.state_dict())
    opened = read_card(str(tmp_path / "b"))[0]
    assert (opened.inputs, opened.threshold) == (("seismic", "dip"), 0.3)


def test_an_older_card_opens_with_the_defaults(bundle):
    folder, _ = bundle
    path = folder / "card.json"
    entries = json.loads(path.read_text())
    for later in ("inputs", "references", "threshold"):
        del entries[later]
    path.write_text(json.dumps(entries))
    card = open_bundle(str(folder)).card
    assert (card.inputs, card.references, card.threshold) == (("seismic",), "", 0.5)


def test_half_precision_halves_the_weights_and_keeps_the_answer(tmp_path, network):
    window = torch.randn(1, 1, 8, 8, 8)
    save_bundle(tmp_path / "full", fault_card(), network.state_dict())
    save_bundle(tmp_path / "half", fault_card(), network.state_dict(), dtype="float16")
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("full", "half")]
    assert sizes[1] < 0.75 * sizes[0]
    opened = open_bundle(str(tmp_path / "half"))
    assert all(t.dtype != torch.float16 for t in opened.state.values())
    torch.testing.assert_close(opened.build()(window), network(window), rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("file", ["model.safetensors", "card.json"])
def test_one_changed_byte_is_noticed(bundle, file):
    folder, sha256 = bundle
    content = bytearray((folder / file).read_bytes())
    content[-3] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(BundleError, match="changed or replaced|not those of the card"):
        open_bundle(str(folder), sha256)


def test_changed_weights_are_noticed_without_the_bundles_hash(bundle):
    folder, _ = bundle
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-3] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(BundleError, match="not those of the card"):
        open_bundle(str(folder))


class Payload:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (type(self.mark).touch, (self.mark,))


def test_pickled_weights_are_refused_and_never_run(bundle, tmp_path):
    folder, _ = bundle
    mark = tmp_path / "was-run"
    content = pickle.dumps(Payload(mark))
    (folder / "model.safetensors").write_bytes(content)
    rewrite(folder, weights_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(BundleError, match="not a safetensors file"):
        open_bundle(str(folder))
    assert not mark.exists()
    pickle.loads(content)
    assert mark.exists()


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "model.bin", "m.pkl"])
def test_a_pickled_file_is_refused_by_name(tmp_path, network, name):
    torch.save(network.state_dict(), tmp_path / name)
    with pytest.raises(BundleError, match="never opened"):
        open_bundle(str(tmp_path / name))


@pytest.mark.parametrize("missing", ["model.safetensors", "card.json"])
def test_half_a_bundle_cannot_be_opened(bundle, missing):
    folder, sha256 = bundle
    (folder / missing).unlink()
    with pytest.raises(BundleError, match=f"no {missing}"):
        open_bundle(str(folder), sha256)


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(BundleError, match="no bundle here"):
        read_card(str(tmp_path / "nothing"))


def test_a_bundle_is_not_replaced_unasked(bundle, network):
    folder, _ = bundle
    before = read_card(str(folder))
    with pytest.raises(BundleError, match="already there"):
        save_bundle(folder, fault_card(name="other"), network.state_dict())
    assert read_card(str(folder)) == before
    save_bundle(folder, fault_card(name="other"), network.state_dict(), overwrite=True)
    assert open_bundle(str(folder)).card.name == "other"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 99}, "unknown version"),
        ({"network": "resnet"}, "unknown network"),
        ({"arguments": {"chanels": [4, 8]}}, "unknown argument"),
        ({"arguments": {"channels": [4, 16], "head_channels": 4}}, "do not fit the network"),
        ({"target": "salt"}, "target is not valid"),
        ({"temperature": 0}, "temperature is not valid"),
        ({"window": [8, "8", 8]}, "window is not valid"),
        ({"classes": [{"code": 0, "name": "a"}]}, "does not follow its schema"),
        ({"colour": "red"}, r"unknown \['colour'\]"),
        ({"training": {}}, "training is not valid"),
        ({"inputs": []}, "inputs is not valid"),
        ({"inputs": ["seismic", "seismic"]}, "inputs is not valid"),
        ({"inputs": 3}, "does not follow its schema"),
        ({"threshold": 1.0}, "threshold is not valid"),
        ({"references": None}, "references is not valid"),
    ],
)
def test_a_card_that_is_wrong_says_where(bundle, changes, words):
    folder, _ = bundle
    rewrite(folder, **changes)
    with pytest.raises(BundleError, match=words):
        open_bundle(str(folder)).build()


def test_a_card_without_a_key_says_which(bundle):
    folder, _ = bundle
    path = folder / "card.json"
    entries = json.loads(path.read_text())
    del entries["licence"]
    path.write_text(json.dumps(entries))
    with pytest.raises(BundleError, match=r"missing \['licence'\]"):
        read_card(str(folder))


def test_a_card_that_is_not_json_is_told(bundle):
    folder, _ = bundle
    (folder / "card.json").write_text("{")
    with pytest.raises(BundleError, match="not JSON"):
        read_card(str(folder))


def test_weights_that_are_not_finite_are_not_saved(tmp_path, network):
    state = network.state_dict()
    state["head.outer.bias"] = torch.full_like(state["head.outer.bias"], float("nan"))
    with pytest.raises(BundleError, match="not finite"):
        save_bundle(tmp_path / "bad", fault_card(), state)
    assert not (tmp_path / "bad").exists()


def test_weights_of_another_network_are_not_saved(tmp_path):
    other = build("unet3d", channels=[4, 16]).state_dict()
    with pytest.raises(BundleError, match="do not fit"):
        save_bundle(tmp_path / "bad", fault_card(), other)
    assert not (tmp_path / "bad").exists()


def test_a_copied_bundle_keeps_its_hash(bundle, tmp_path):
    folder, sha256 = bundle
    shutil.copytree(folder, tmp_path / "copy")
    assert open_bundle(str(tmp_path / "copy"), sha256).sha256 == sha256


def test_windows_that_a_card_allows():
    free = fault_card()
    assert free.allows((16, 8, 24))
    assert not free.allows((16, 8, 25))
    assert not free.allows((16, 8))
    fixed = dataclasses.replace(free, fixed_window=True)
    assert fixed.allows((8, 8, 8))
    assert not fixed.allows((16, 8, 24))


def test_errors_travel_between_processes():
    error = BundleError("a: b", found="c", expected="d", do="e")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is BundleError
    assert str(again) == str(error) == "a: b; found: c; expected: d. e."
