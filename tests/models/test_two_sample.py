"""The two-sample test tells what differs, and does not tell what does not."""

import numpy as np
import pytest

from models.errors import ModelError
from models.two_sample import Split, Teller, tell_apart


def patches(count, seed, smooth=False):
    values = np.random.default_rng(seed).normal(size=(count, 24, 32)).astype("float32")
    if smooth:
        values[:, 1:] = 0.7 * values[:, :-1] + 0.7 * values[:, 1:]
    return values


def splits(smooth, runs=2):
    return [
        Split(patches(200, 4 * n), patches(200, 4 * n + 1, smooth),
              patches(100, 4 * n + 2), patches(100, 4 * n + 3, smooth))
        for n in range(runs)
    ]


def test_what_differs_in_texture_is_told_apart():
    found = tell_apart(splits(smooth=True))
    assert found.mean > 0.95
    assert len(found.runs) == 2


def test_what_is_alike_is_at_chance_and_the_interval_says_so():
    found = tell_apart(splits(smooth=False, runs=3))
    assert abs(found.mean - 0.5) < 0.1
    assert found.low <= 0.5 <= found.high
    assert 0 <= found.low <= found.mean <= found.high <= 1


def test_the_seed_decides():
    first, second = (tell_apart(splits(smooth=False), seed=3) for _ in range(2))
    assert first == second


def test_the_network_is_small_and_takes_patches_of_any_size():
    import torch

    network = Teller()
    assert sum(p.numel() for p in network.parameters()) < 50_000
    for shape in ((16, 16), (48, 64), (31, 47)):
        assert network(torch.zeros(3, 1, *shape)).shape == (3,)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda: splits(smooth=False, runs=1), "2 or more"),
        (lambda: [Split(*[np.zeros((4, 8, 8), np.float32)] * 4)] * 2, "16 x 16"),
        (lambda: [Split(*[np.zeros((0, 16, 16), np.float32)] * 4)] * 2, "16 x 16"),
    ],
)
def test_too_little_is_refused(given, said):
    with pytest.raises(ModelError, match=said):
        tell_apart(given())
