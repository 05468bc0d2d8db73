"""Ensembles and flipped looks: what is averaged, and what may not change."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from models.bundle import open_bundle, save_bundle
from models.card import Card, ClassInfo
from models.ensemble import ENSEMBLE, Ensemble, build_network, joined_state
from models.errors import BundleError, NetworkError
from models.joining import join_bundles
from models.recipe import BundleRecipe
from models.registry import build

UNET = {"network": "unet", "arguments": {"channels": [4, 8], "head_channels": 4, "inputs": 2}}
OTHER = {"network": "unet", "arguments": {"channels": [4, 8, 8], "head_channels": 4, "inputs": 2}}


def trained(entry, seed, classes=3):
    torch.manual_seed(seed)
    network = build(entry["network"], classes=classes, **entry["arguments"])
    with torch.no_grad():
        for _ in range(10):
            network.train()(torch.randn(4, 2, 16, 8))
    return network.eval()


def saved(folder, network, arguments, state, multiple=2, **more):
    card = Card(
        name="pair", network=network, arguments=arguments, target="facies",
        classes=tuple(ClassInfo(i, f"class {i}", "#101010") for i in range(3)), window=(16, 8),
        fixed_window=False, multiple=multiple, training={"fingerprint": "none"}, metrics={},
        licence="Apache-2.0", limitations=(), inputs=("seismic", "depth"), **more,
    )
    save_bundle(folder, card, state)
    return str(folder)


@pytest.fixture
def windows():
    return np.random.default_rng(0).standard_normal((3, 2, 1, 16, 8)).astype(np.float32)


@pytest.fixture
def pair(tmp_path):
    """Two single bundles, and their ensemble."""
    networks = [trained(UNET, 1), trained(OTHER, 2)]
    singles = [
        saved(tmp_path / str(n), entry["network"], entry["arguments"], network.state_dict(),
              network.multiple)
        for n, (entry, network) in enumerate(zip((UNET, OTHER), networks, strict=True))
    ]
    state = joined_state([network.state_dict() for network in networks])
    both = saved(tmp_path / "both", ENSEMBLE, {"members": [UNET, OTHER]}, state, 4)
    return singles, both


def test_mean_is_that_of_the_members_and_disagreement_becomes_variance(pair, windows):
    singles, both = pair
    index = np.arange(3)
    alone = [BundleRecipe(url, samples=1).make_predict()(windows, index) for url in singles]
    together = BundleRecipe(both, samples=1).make_predict()(windows, index)
    means = np.stack([answer.mean for answer in alone])
    np.testing.assert_allclose(together.mean, means.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(
        together.expected_entropy, np.mean([a.expected_entropy for a in alone], axis=0), atol=1e-5
    )
    np.testing.assert_allclose(together.variance, means.var(axis=0).mean(axis=1), atol=1e-6)
    assert together.variance.max() > 1e-6


def test_members_have_dropout_masks_of_their_own(pair, windows):
    """Two equal members do not make equal draws: together they see twice as many."""
    network = trained(UNET, 1)
    state = joined_state([network.state_dict()] * 2)
    twins = saved(pair[1] + "-twins", ENSEMBLE, {"members": [UNET, UNET]}, state)
    index = np.arange(3)
    one = BundleRecipe(pair[0][0], samples=4).make_predict()(windows, index)
    two = BundleRecipe(twins, samples=4).make_predict()(windows, index)
    assert (one.mean != two.mean).any()
    exact = BundleRecipe(pair[0][0], samples=400).make_predict()(windows, index)
    assert np.abs(two.mean - exact.mean).mean() < np.abs(one.mean - exact.mean).mean()


def test_a_flipped_window_gives_the_flipped_answer_with_flips(pair, windows):
    recipe = BundleRecipe(pair[0][0], samples=1, flips=True)
    predict, index = recipe.make_predict(), np.arange(3)
    straight = predict(windows, index)
    mirrored = predict(windows[..., ::-1, :].copy(), index)
    np.testing.assert_allclose(straight.mean, mirrored.mean[..., ::-1, :], atol=1e-6)
    plain = BundleRecipe(pair[0][0], samples=1)
    assert (plain.make_predict()(windows, index).mean != straight.mean).any()
    assert plain.key != recipe.key


def test_cubes_are_seen_four_times(tmp_path):
    torch.manual_seed(0)
    arguments = {"channels": [4, 8], "head_channels": 4}
    network = build("unet3d", classes=1, **arguments)
    card = Card(
        name="cube", network="unet3d", arguments=arguments, target="fault",
        classes=(ClassInfo(0, "background", "#000000"), ClassInfo(1, "fault", "#ffffff")),
        window=(8, 8, 8), fixed_window=False, multiple=2, training={"fingerprint": "none"},
        metrics={}, licence="Apache-2.0", limitations=(),
    )
    save_bundle(tmp_path / "cube", card, network.state_dict())
    cube = np.random.default_rng(0).standard_normal((1, 8, 8, 8)).astype(np.float32)
    recipe = BundleRecipe(str(tmp_path / "cube"), samples=1, flips=True)
    predict = recipe.make_predict()
    assert len(predict.looks) == 4
    straight = predict(cube, np.arange(1)).mean
    for axes in itertools.chain.from_iterable(
        itertools.combinations((1, 2), count) for count in (1, 2)
    ):
        mirrored = predict(np.flip(cube, axes).copy(), np.arange(1)).mean
        np.testing.assert_allclose(
            straight, np.flip(mirrored, [axis + 1 for axis in axes]), atol=1e-6
        )


def test_windows_must_have_the_channels_of_the_card(pair, windows):
    predict = BundleRecipe(pair[1], samples=1).make_predict()
    with pytest.raises(Exception, match=r"batch, 2, 1, 16, 8"):
        predict(windows[:, :1], np.arange(3))


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ([UNET], "members of an ensemble"),
        ([UNET, {"network": "unet", "arguments": {"channels": [4, 8]}}], "inputs of the members"),
        ([UNET, {"arguments": {}}], "member of an ensemble"),
        ([UNET, {"network": "nothing", "arguments": {}}], "unknown network"),
    ],
)
def test_members_that_do_not_go_together_are_refused(members, complaint):
    with pytest.raises(NetworkError, match=complaint):
        Ensemble(3, members=members)


def test_an_ensemble_of_other_arguments_is_refused():
    with pytest.raises(NetworkError, match="members, a list"):
        build_network(ENSEMBLE, 3, {"members": [UNET, OTHER], "width": 2})


def test_weights_of_another_ensemble_are_refused(pair):
    opened = open_bundle(pair[1])
    with pytest.raises(BundleError, match="do not fit"):
        save_bundle(pair[1] + "-other", opened.card,
                    {k: v for k, v in opened.state.items() if not k.startswith("members.1.")})


def test_joined_bundles_answer_with_the_mean_of_their_calibrated_answers(tmp_path, windows):
    entries, temperatures = (UNET, OTHER), (1.7, 0.6)
    urls = []
    for number, (entry, temperature) in enumerate(zip(entries, temperatures, strict=True)):
        network = trained(entry, number)
        urls.append(saved(tmp_path / str(number), entry["network"], entry["arguments"],
                          network.state_dict(), network.multiple, temperature=temperature))
    join_bundles(urls, tmp_path / "joined")
    join_bundles([str(tmp_path / "joined"), urls[0]], tmp_path / "three")
    index = np.arange(3)
    told = {
        url: BundleRecipe(str(url), samples=1).make_predict()(windows, index).mean
        for url in (*urls, tmp_path / "joined", tmp_path / "three")
    }
    one, other = (told[url] for url in urls)
    np.testing.assert_allclose(told[tmp_path / "joined"], (one + other) / 2, atol=1e-5)
    np.testing.assert_allclose(told[tmp_path / "three"], (2 * one + other) / 3, atol=1e-5)


def test_bundles_of_other_classes_are_not_joined(pair, tmp_path):
    network = trained(UNET, 3)
    classes = tuple(ClassInfo(i, f"other {i}", "#101010") for i in range(3))
    card = dataclasses.replace(open_bundle(pair[0][0]).card, name="stranger", classes=classes)
    save_bundle(tmp_path / "stranger", card, network.state_dict())
    with pytest.raises(BundleError, match="pair and stranger do not go together: classes"):
        join_bundles([pair[0][0], str(tmp_path / "stranger")], tmp_path / "joined")
    with pytest.raises(BundleError, match="two or more"):
        join_bundles(pair[0][:1], tmp_path / "joined")
