"""What bundles say of their training data: it survives joining where all of them say."""

import pytest
import torch

from models.bundle import open_bundle, save_bundle
from models.card import Card, ClassInfo
from models.joining import join_bundles
from models.registry import build

ARGUMENTS = {"channels": [4, 8], "head_channels": 4}


def seen(level, contacts):
    spectra = [" ".join([str(level + n)] * 49) for n in range(6)]
    return {"format": 1, "patches": 12, "spectra": spectra, "contacts": contacts}


@pytest.fixture
def bundle(tmp_path):
    """Factory of bundles: bundle(name, training) -> URL."""

    def make(name, training):
        torch.manual_seed(len(name))
        network = build("unet", classes=2, **ARGUMENTS)
        card = Card(
            name=name, network="unet", arguments=ARGUMENTS, target="facies",
            classes=(ClassInfo(0, "upper", "#101010"), ClassInfo(1, "lower", "#202020")),
            window=(16, 16), fixed_window=False, multiple=network.multiple, metrics={},
            training={"fingerprint": "none", **training}, licence="Apache-2.0", limitations=(),
        )
        save_bundle(tmp_path / name, card, network.state_dict())
        return str(tmp_path / name)

    return make


def joined(tmp_path, urls):
    join_bundles(urls, tmp_path / "joined", overwrite=True)
    return open_bundle(str(tmp_path / "joined")).card.training


def test_every_one_gives_its_share_of_spectra(tmp_path, bundle):
    urls = [bundle("a", {"seen": seen(0, [[0, 5], [1, 0]])}),
            bundle("bb", {"seen": seen(10, [[0, 2], [3, 0]])})]
    told = joined(tmp_path, urls)["seen"]
    assert [int(row.split()[0]) for row in told["spectra"]] == [0, 2, 4, 11, 13, 15]
    assert told["contacts"] == [[0, 7], [4, 0]] and told["patches"] == 24


def test_where_one_does_not_say_the_ensemble_does_not(tmp_path, bundle):
    urls = [bundle("a", {"seen": seen(0, [])}), bundle("bb", {})]
    assert "seen" not in joined(tmp_path, urls)
    faults = [bundle(name, {"seen": seen(0, [])}) for name in ("ccc", "dddd")]
    assert joined(tmp_path, faults)["seen"]["contacts"] == []


def test_a_card_keeps_it(bundle):
    card = open_bundle(bundle("a", {"seen": seen(0, [])})).card
    assert Card.from_json(card.to_json(), "a") == card
    assert card.training["seen"] == seen(0, [])
