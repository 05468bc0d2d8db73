"""Registries: versions and the production pointer, on the disk and on a real S3 endpoint."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import fsspec
import pytest
import torch

from models import shipped
from models.bundle import open_bundle, parted, save_bundle, write_picture
from models.bundle_registry import Registry
from models.card import Card, ClassInfo
from models.errors import BundleError
from models.recipe import BundleRecipe
from models.reference import resolve
from models.registry import build

ARGUMENTS = {"channels": [4, 8], "head_channels": 4}


@pytest.fixture(params=["disk", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty folder for registries."""
    if request.param == "disk":
        return str(tmp_path)
    request.getfixturevalue("s3_endpoint")
    name = f"b-{uuid.uuid4().hex[:12]}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"


def write_to(folder: object, name: str = "tiny", seed: int = 0, **more: object) -> str:
    torch.manual_seed(seed)
    card = Card(
        name=name,
        network="unet3d",
        arguments=ARGUMENTS,
        target="fault",
        classes=(ClassInfo(0, "background", "#000000"), ClassInfo(1, "fault", "#ffffff")),
        window=(8, 8, 8),
        fixed_window=False,
        multiple=2,
        training={"fingerprint": "none"},
        metrics={},
        licence="Apache-2.0",
        limitations=("It has seen nothing.",),
    )
    return save_bundle(str(folder), card, build("unet3d", **ARGUMENTS).state_dict(), **more)


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    write_to(tmp_path / "made" / "tiny", references={"a": torch.arange(3.0)})
    write_picture(str(tmp_path / "made" / "tiny"), b"a picture")
    return str(tmp_path / "made" / "tiny")


@pytest.fixture
def second(tmp_path: Path) -> str:
    write_to(tmp_path / "made" / "second", "second", seed=1)
    return str(tmp_path / "made" / "second")


def put(url: str, content: bytes) -> None:
    with fsspec.open(url, "wb") as file:
        file.write(content)


def get(url: str) -> bytes:
    with fsspec.open(url, "rb") as file:
        return bytes(file.read())


def test_versions_are_published_promoted_and_resolved(place, bundle, second):
    registry = Registry(f"{place}/reg")
    assert registry.names() == []
    first = registry.publish(bundle, "fault")
    assert (first.number, first.sha256) == (1, open_bundle(bundle).sha256)
    assert registry.publish(second, "fault").number == 2
    assert [(v.number, v.complete) for v in registry.versions("fault")] == [(1, True), (2, True)]
    registry.promote("fault", 1)
    assert registry.names() == ["fault"]
    for reference in ("fault", "fault@production", "fault@1"):
        model = resolve(f"{registry.url}/{reference}")
        assert (model.version, model.sha256, model.url) == (1, first.sha256, first.url)
    assert resolve(f"{registry.url}/fault@2").card.name == "second"
    pointer = registry.promote("fault", 2)
    assert pointer == registry.production("fault") and pointer.version == 2
    assert resolve(f"{registry.url}/fault").card.name == "second"
    registry.promote("fault", 1)
    assert resolve(f"{registry.url}/fault").card.name == "tiny"


def test_everything_of_a_bundle_is_copied_and_nothing_else(place, bundle):
    (Path(bundle) / "history.json").write_text("{}")
    (Path(bundle) / "weights.pt").write_bytes(b"a pickle")
    version = Registry(f"{place}/reg").publish(bundle, "fault")
    again = Registry(f"{place}/reg").publish(version.url, "other")
    for each in (version, again):
        fs, path = fsspec.core.url_to_fs(each.url)
        assert {str(file).rsplit("/", 1)[-1] for file in fs.ls(path, detail=False)} == {
            "card.json", "history.json", "model.safetensors", "picture.png",
            "references.safetensors", "version.json",
        }
    assert torch.equal(open_bundle(version.url).references["a"], torch.arange(3.0))
    assert get(f"{version.url}/picture.png") == b"a picture"


def test_a_model_from_a_registry_predicts(place, bundle):
    registry = Registry(f"{place}/reg")
    registry.publish(bundle, "fault")
    registry.promote("fault", 1)
    model = resolve(f"{registry.url}/fault")
    recipe = BundleRecipe(model.address, samples=2)
    assert recipe.sha256 == model.sha256
    window = torch.randn(1, 8, 8, 8).numpy()
    answer = recipe.make_predict()(window, torch.zeros(1, dtype=torch.int64).numpy())
    assert answer.mean.shape == (1, 1, 8, 8, 8)
    write_to(model.url, seed=7, overwrite=True)
    with pytest.raises(BundleError, match="changed or replaced"):
        recipe.make_predict()
    with pytest.raises(BundleError, match="changed or replaced"):
        BundleRecipe(model.address)


def test_a_bundle_put_in_a_versions_place_is_refused(place, bundle):
    registry = Registry(f"{place}/reg")
    version = registry.publish(bundle, "fault")
    registry.promote("fault", 1)
    write_to(version.url, seed=7, overwrite=True)
    with pytest.raises(BundleError, match="fault/1: the bundle was changed or replaced"):
        resolve(f"{registry.url}/fault@1")
    with pytest.raises(BundleError, match="version 1, which is in production.*changed or replaced"):
        resolve(f"{registry.url}/fault")
    with pytest.raises(BundleError, match="changed or replaced"):
        registry.promote("fault", 1)


def test_weights_that_were_tampered_with_are_not_promoted(place, bundle):
    registry = Registry(f"{place}/reg")
    version = registry.publish(bundle, "fault")
    weights = bytearray(get(f"{version.url}/model.safetensors"))
    weights[-2] ^= 1
    put(f"{version.url}/model.safetensors", bytes(weights))
    with pytest.raises(BundleError, match="weights are not those of the card"):
        registry.promote("fault", 1)
    assert registry.production("fault") is None


def test_a_pointer_that_was_tampered_with_is_refused(place, bundle):
    registry = Registry(f"{place}/reg")
    registry.publish(bundle, "fault")
    registry.promote("fault", 1)
    url = f"{registry.url}/fault/production.json"
    put(url, json.dumps({**json.loads(get(url)), "sha256": 64 * "0"}).encode())
    with pytest.raises(BundleError, match=r"changed or replaced; .*expected: 0000"):
        resolve(f"{registry.url}/fault")
    put(url, b"{}")
    with pytest.raises(BundleError, match="not what promoting writes.*Promote a version again"):
        resolve(f"{registry.url}/fault")


@pytest.mark.parametrize("missing", ["card.json", "version.json"])
def test_a_half_written_version_is_told_and_its_number_not_used_again(place, bundle, missing):
    registry = Registry(f"{place}/reg")
    version = registry.publish(bundle, "fault")
    fs, path = fsspec.core.url_to_fs(f"{version.url}/{missing}")
    fs.rm_file(path)
    with pytest.raises(BundleError, match="version 1 is half-written.*publish the bundle again"):
        resolve(f"{registry.url}/fault@1")
    with pytest.raises(BundleError, match="half-written"):
        registry.promote("fault", 1)
    assert not registry.versions("fault")[0].complete
    assert registry.publish(bundle, "fault").number == 2


def test_a_pointer_that_dangles_is_told(place, bundle):
    registry = Registry(f"{place}/reg")
    version = registry.publish(bundle, "fault")
    registry.publish(bundle, "fault")
    registry.promote("fault", 1)
    fs, path = fsspec.core.url_to_fs(version.url)
    fs.rm(path, recursive=True)
    with pytest.raises(BundleError, match=r"version 1, which is in production.*versions 2.*Promo"):
        resolve(f"{registry.url}/fault")


def test_what_is_not_there_is_told(place, bundle):
    registry = Registry(f"{place}/reg")
    with pytest.raises(BundleError, match=r"no bundle here.*expected: .*REGISTRY/NAME@VERSION"):
        resolve(f"{registry.url}/fault")
    registry.publish(bundle, "fault")
    with pytest.raises(BundleError, match=r"no version is in production; found: versions 1"):
        resolve(f"{registry.url}/fault")
    with pytest.raises(BundleError, match=r"has no version 5; found: versions 1"):
        resolve(f"{registry.url}/fault@5")
    with pytest.raises(BundleError, match=r"found: latest; expected: production, or one of 1"):
        resolve(f"{registry.url}/fault@latest")


@pytest.mark.slow
def test_of_publishers_who_come_at_once_each_gets_a_number_of_its_own(place, bundle):
    code = f"""
        import time
        from models.bundle_registry import Registry
        registry = Registry({f"{place}/reg"!r})
        time.sleep(max(0, {time.time() + 12} - time.time()))
        print(registry.publish({bundle!r}, "fault").number)
    """
    runs = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert sorted(run.communicate()[0].decode().strip() for run in runs) == ["1", "2", "3"]
    assert all(version.complete for version in Registry(f"{place}/reg").versions("fault"))


@pytest.mark.parametrize("name", ["", "3", "../fault", "a/b", "fault@1", ".hidden"])
def test_names_that_are_none(tmp_path, bundle, name):
    with pytest.raises(BundleError, match="no name for a model"):
        Registry(str(tmp_path / "reg")).publish(bundle, name)
    assert not (tmp_path / "reg").exists()


def test_a_damaged_bundle_is_not_published(tmp_path, bundle):
    (Path(bundle) / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BundleError, match="not those of the card"):
        Registry(str(tmp_path / "reg")).publish(bundle, "fault")
    assert not (tmp_path / "reg").exists()


def test_paths_names_and_addresses_are_references(tmp_path, bundle, monkeypatch):
    sha256 = open_bundle(bundle).sha256
    monkeypatch.chdir(tmp_path)
    plain = resolve("made/tiny")
    assert (plain.url, plain.sha256, plain.version) == (bundle, sha256, None)
    assert parted(plain.address) == (bundle, sha256)
    assert resolve(plain.address).address == plain.address
    write_to(bundle, seed=7, overwrite=True)
    with pytest.raises(BundleError, match="changed or replaced"):
        resolve(plain.address)


def test_a_shipped_name_goes_before_a_folder_of_that_name(tmp_path, bundle, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "made")
    monkeypatch.chdir(tmp_path)
    write_to(tmp_path / "tiny", "own", seed=3)
    assert resolve("tiny").url == "shipped://tiny"
    assert resolve("tiny").card.name == "tiny"
    assert resolve("./tiny").card.name == "own"
    assert open_bundle(resolve("tiny").address).build() is not None
