"""What the networks of an ensemble disagree on, as volumes."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

from models.bundle import save_bundle
from models.card import Card, ClassInfo
from models.joining import join_bundles
from models.recipe import BundleRecipe
from models.registry import build
from seisproc.interpretation.run import interpret, plan_interpretation

sys.path.append(str(Path(__file__).parent))
make_survey = importlib.import_module("recipes").make_survey

SHAPE = (12, 20, 24)
VOLUMES = ("facies", "facies_uncertainty", "facies_disagreement", "facies_variance")
ARGUMENTS = {"channels": (4, 8), "head_channels": 4, "dropout": 0.3}


def network_bundle(folder, seed):
    """A small network of sections that says each of three classes somewhere."""
    torch.manual_seed(seed)
    network = build("unet", classes=3, **ARGUMENTS).eval()
    with torch.no_grad():
        logits = network(torch.randn(8, 1, 16, 16))
        network.head.outer.weight *= 2 / logits.std(dim=(0, 2, 3))[:, None]
        network.head.outer.bias -= network(torch.randn(8, 1, 16, 16)).mean(dim=(0, 2, 3))
    card = Card(
        name=f"tiny-{seed}", network="unet", arguments=ARGUMENTS, target="facies",
        classes=tuple(ClassInfo(n, name, "#123456") for n, name in enumerate("abc")),
        window=(16, 16), fixed_window=False, multiple=2, training={"fingerprint": "none"},
        metrics={}, licence="Apache-2.0", limitations=(),
    )
    save_bundle(folder, card, network.state_dict())
    return str(folder)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What bundles say of one survey, without dropout or with it: volumes by name."""
    folder = tmp_path_factory.mktemp("ensembles")
    url = make_survey(folder / "survey.zarr", SHAPE)
    one, two = (network_bundle(folder / name, seed) for seed, name in enumerate(("one", "two")))
    bundles = {"one": one, "two": two}
    for name, members in (("same", [one, one]), ("thrice", [one] * 3), ("both", [one, two])):
        bundles[name] = str(folder / f"{name}-joined")
        join_bundles(members, bundles[name])

    def run(name, samples=1):
        recipe = BundleRecipe(bundles[name], samples=samples, threads=1)
        plan = plan_interpretation(url, [recipe], run=f"{name}-{samples}", variance=True,
                                   overlap=0.0)
        path = interpret(plan).url
        return {each: zarr.open_array(f"{path}/{each}", mode="r")[...] for each in VOLUMES}

    return run


@pytest.mark.parametrize("ensemble", ["same", "thrice"])
def test_networks_that_agree_add_no_uncertainty(told, ensemble):
    alone, together = told("one"), told(ensemble)
    assert (together["facies_variance"] == 0).all()
    for name in VOLUMES[:3]:
        # the mean of three equal floats may differ from them in its last bit
        difference = np.abs(alone[name].astype(int) - together[name])
        assert difference.max() <= (1 if ensemble == "thrice" else 0), name
    assert (together["facies_disagreement"] <= alone["facies_disagreement"]).all()


def test_what_networks_disagree_on_is_part_of_uncertainty_disagreement_and_variance(told):
    both, one, two = told("both"), told("one"), told("two")
    differ = one["facies"] != two["facies"]
    assert differ.any() and not differ.all()
    assert both["facies_variance"].max() > 25
    assert both["facies_variance"][differ].mean() > 2 * both["facies_variance"][~differ].mean()
    gained = both["facies_disagreement"].astype(int) - np.maximum(
        one["facies_disagreement"], two["facies_disagreement"])
    assert gained[differ].mean() > gained[~differ].mean() > -1
    # Entropy is concave: that of the mean is no less than the mean of theirs, up to rounding.
    least = (one["facies_uncertainty"].astype(int) + two["facies_uncertainty"]) / 2
    assert (both["facies_uncertainty"] >= least - 2).all()


def test_dropout_makes_variance_and_one_pass_makes_none(told):
    assert (told("one")["facies_variance"] == 0).all()
    assert told("one", samples=6)["facies_variance"].max() > 10
