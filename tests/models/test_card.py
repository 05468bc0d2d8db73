"""What a card refuses of a network's classes."""

import pytest

from models.card import Card, ClassInfo
from models.errors import BundleError


def card(names, target="facies"):
    return Card(
        name="tiny",
        network="unet3d",
        arguments={},
        target=target,
        classes=tuple(ClassInfo(code, name, "#101010") for code, name in enumerate(names)),
        window=(16, 16, 16),
        fixed_window=False,
        multiple=16,
        training={"fingerprint": "none"},
        metrics={},
        licence="none",
        limitations=(),
    )


def test_there_are_as_many_classes_as_a_byte_holds_besides_none():
    assert card([f"unit {n}" for n in range(255)]).outputs == 255
    with pytest.raises(BundleError, match="more classes.*; found: 256; expected: at most 255"):
        card([f"unit {n}" for n in range(256)])


@pytest.mark.parametrize("names", [("", "sand"), (" ", "sand"), ("sand", 5), ("sand", None)])
def test_a_class_without_a_name_is_refused(names):
    with pytest.raises(BundleError, match="name of a class") as caught:
        card(names)
    assert caught.value.found == repr(next(n for n in names if n != "sand"))


def test_names_are_kept_as_they_are():
    names = ("slope mudstone A", "none", "slope_mudstone_A")
    assert tuple(item.name for item in card(names).classes) == names
