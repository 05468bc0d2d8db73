"""What ships with the project: small, sound, and honest about itself."""

from __future__ import annotations

import pytest
from safetensors import safe_open

from models import shipped
from models.bundle import CARD, PICTURE, WEIGHTS, open_bundle
from models.errors import BundleError

LARGEST_BYTES = 8 << 20
SHIPPED = shipped.names()


def test_a_name_that_does_not_ship_is_told_with_those_that_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(BundleError, match="'fault-9d' comes with.*none does"):
        shipped.url("fault-9d")
    for name in ("fault-3d", "fault-2d"):
        (tmp_path / name).mkdir()
        (tmp_path / name / CARD).write_text("{}")
    (tmp_path / "half-made").mkdir()
    assert shipped.names() == ["fault-2d", "fault-3d"]
    with pytest.raises(BundleError, match=r"expected: one of fault-2d, fault-3d"):
        shipped.url("fault-9d")
    assert shipped.url("fault-3d") == "shipped://fault-3d"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_bundle_is_sound_and_small(name):
    folder = shipped.FOLDER / name
    bundle = open_bundle(shipped.url(name))
    bundle.build()
    assert bundle.card.name == name
    assert bundle.card.weights_dtype == "float16"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= LARGEST_BYTES
    with safe_open(folder / WEIGHTS, "np") as file:
        for key in file.keys():  # noqa: SIM118  (no mapping: it has no iterator)
            matrix = file.get_slice(key)
            assert matrix.get_dtype() == "F16" or len(matrix.get_shape()) < 2, key


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_bundle_says_how_it_was_made_and_where_it_fails(name):
    card = open_bundle(shipped.url(name)).card
    assert len(card.training) > 1, "more than the fingerprint: what it learned from, and how"
    assert card.limitations and all(card.limitations)
    assert card.licence
    assert card.metrics
    for score, entry in card.metrics.items():
        assert {"value", "floor"} <= set(entry), score
    picture = shipped.FOLDER / name / PICTURE
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_shipped_fault_network_for_volumes_is_three_dimensional():
    if shipped.FAULT_3D not in SHIPPED:
        pytest.skip(f"{shipped.FAULT_3D} is not there")
    card = open_bundle(shipped.url(shipped.FAULT_3D)).card
    assert card.target == "fault" and len(card.window) == 3
