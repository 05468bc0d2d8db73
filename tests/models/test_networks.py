"""Shapes, the split into two parts, and what a network may depend on."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NetworkError
from models.montecarlo import (
    _one_pass,
    batch_statistics,
    sample_statistics,
    window_masks,
)
from models.registry import build
from models.split import fold_batch_norm, fold_temperature, upsample, upsampled_phases
from models.unet3d import fold, unfold


def section_net(arguments, **more):
    torch.manual_seed(0)
    return settle(build("deeplabv3plus", classes=3, **{**arguments, **more}), (4, 1, 32, 32))


def cube_net(**more):
    torch.manual_seed(0)
    arguments = {"channels": [4, 8], "head_channels": 4, **more}
    return settle(build("unet3d", **arguments), (4, 1, 8, 8, 8))


def settle(network, shape):
    """Give the batch norms statistics of their own, then freeze them."""
    network.train()
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(shape))
    return network.eval()


@pytest.mark.parametrize("extent", [(32, 32), (40, 24), (33, 47)])
@pytest.mark.parametrize("stem_stride", [1, 2])
def test_deeplab_gives_one_logit_a_class_and_pixel(section_arguments, extent, stem_stride):
    network = section_net(section_arguments, stem_stride=stem_stride)
    logits = network(torch.randn(2, 1, *extent))
    assert logits.shape == (2, 3, *extent)


def test_deeplab_of_the_paper_has_four_middle_blocks_and_strides_by_sixteen():
    network = build("deeplabv3plus", classes=6)
    assert len(network.backbone.middle) == 4
    network.eval()
    with torch.inference_mode():
        deep, low_level = network.backbone(torch.randn(1, 1, 64, 64))
    assert deep.shape == (1, 2048, 4, 4)
    assert low_level.shape == (1, 256, 16, 16)
    rates = [branch[0].dilation[0] for branch in network.pyramid.branches[1:]]
    assert rates == [6, 12, 18]


@pytest.mark.parametrize("stem_stride", [1, 2])
def test_unet3d_gives_one_logit_a_voxel(stem_stride):
    network = cube_net(stem_stride=stem_stride)
    logits = network(torch.randn(2, 1, 8, 12, 16))
    assert logits.shape == (2, 1, 8, 12, 16)


def test_unet3d_refuses_extents_that_do_not_halve():
    with pytest.raises(NetworkError, match="multiples of 2"):
        cube_net()(torch.randn(1, 1, 8, 8, 9))


def test_folding_puts_each_voxel_back():
    x = torch.randn(2, 3, 4, 6, 8)
    folded = fold(x, 2)
    assert folded.shape == (2, 24, 2, 3, 4)
    # The eight channels of a cell are the voxels of its cube, the sample running fastest.
    assert torch.equal(folded[0, :8, 1, 2, 3], x[0, 0, 2:4, 4:6, 6:8].reshape(8))
    assert torch.equal(unfold(folded, 2), x)


@pytest.mark.parametrize("kind", ["section", "cube", "folded cube"])
def test_masks_on_the_weights_are_channel_dropout(section_arguments, kind):
    network = {
        "section": lambda: section_net(section_arguments),
        "cube": cube_net,
        "folded cube": lambda: cube_net(stem_stride=2),
    }[kind]()
    window = torch.randn(3, 1, *([32] * 2 if kind == "section" else [8] * 3))
    head = network.head
    masks = head.scale(torch.rand(3, head.mask_width))
    features = network.deterministic(window)
    x = features.flatten(2)
    inputs = x.shape[1]
    hidden = F.conv1d(x * masks[:, :inputs, None], head.inner.weight[..., None], head.inner.bias)
    hidden = hidden.relu() * masks[:, inputs:, None]
    logits = F.conv1d(hidden, head.outer.weight[..., None], head.outer.bias)
    logits = network.to_extent(logits.reshape(3, -1, *features.shape[2:]), window.shape[2:])
    torch.testing.assert_close(network(window, masks), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "network", ["deeplabv3plus", "odd deeplabv3plus", "unet", "unet3d", "strided unet"]
)
@pytest.mark.parametrize("samples", [1, 2, 70])
def test_statistics_of_samples_are_those_of_one_pass_a_sample(section_arguments, network, samples):
    torch.manual_seed(samples)
    arguments = {
        "deeplabv3plus": {**section_arguments, "classes": 3, "stem_stride": 2},
        "odd deeplabv3plus": {**section_arguments, "classes": 3, "stem_stride": 2},
        "unet": {"classes": 4, "channels": [4, 8]},
        "unet3d": {"channels": [4, 8], "stem_stride": 2},
        "strided unet": {"classes": 1, "channels": [4, 8], "trace_stride": 3},
    }[network]
    extent = {"unet3d": (8, 8, 16), "odd deeplabv3plus": (33, 47)}.get(network, (48, 32))
    name = network.split()[-1]
    split = settle(build(name, **{**arguments, "dropout": 0.4}), (4, 1, *extent))
    window = torch.randn(1, 1, *extent)
    masks = window_masks(split.head, 3, 5, samples)
    with torch.inference_mode():
        features = split.deterministic(window)
        mean, entropy, variance = sample_statistics(split, features, masks, extent)
        z = split(window.expand(samples, *window.shape[1:]), masks).double()
    p = torch.cat([1 - z.sigmoid(), z.sigmoid()], 1) if z.shape[1] == 1 else z.softmax(1)
    near = {"rtol": 1e-4, "atol": 2e-6}
    torch.testing.assert_close(mean.double(), p.mean(0)[-mean.shape[0] :], **near)
    torch.testing.assert_close(entropy.double(), torch.special.entr(p).sum(1).mean(0), **near)
    spread = p.var(0, correction=0).mean(0)
    torch.testing.assert_close(variance.double(), spread, rtol=1e-3, atol=2e-6)


def test_one_pass_of_a_batch_is_that_of_each_window(section_arguments):
    torch.manual_seed(0)
    section = section_net(section_arguments, stem_stride=2)
    for network, extent in ((section, (32, 32)), (cube_net(stem_stride=2), (8, 8, 8))):
        with torch.inference_mode():
            features = network.deterministic(torch.randn(3, 1, *extent))
            together = _one_pass(network, features, extent)  # what a GPU runs
            alone = batch_statistics(network, features, None, extent, len(features))
        for ours, theirs in zip(together, alone, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.integers(1, 7),
)
def test_phases_put_together_are_the_upsampled_whole(shape, factors, rows):
    x = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(sum(shape)))
    extent = (shape[0] * factors[0], shape[1] * factors[1])
    whole = torch.full((2, 3, *extent), torch.nan)
    for block, (i, j), part in upsampled_phases(x, factors, rows):
        whole[:, :, i :: factors[0], j :: factors[1]][:, :, block] = part
    torch.testing.assert_close(whole, upsample(x, extent), rtol=1e-5, atol=1e-5)


def test_a_sample_that_drops_every_channel_is_the_bias():
    head = cube_net().head
    masks = torch.zeros(3, head.mask_width)
    masks[0] = 1.0
    logits = head.samples(masks, x := torch.randn(head.inner.in_features, 5))(x)
    torch.testing.assert_close(logits[0], head(x[None])[0])
    torch.testing.assert_close(logits[1:], head.outer.bias[None, :, None].expand(2, -1, 5))


def test_masks_that_drop_nothing_change_nothing(section_arguments):
    network = section_net(section_arguments, dropout=0.0)
    window = torch.randn(2, 1, 32, 32)
    masks = network.head.scale(torch.rand(2, network.head.mask_width))
    torch.testing.assert_close(network(window, masks), network(window), rtol=1e-5, atol=1e-6)


def test_masks_keep_the_expected_value():
    head = cube_net(dropout=0.3).head
    masks = head.scale(torch.rand(20_000, head.mask_width))
    assert abs(float(masks.mean()) - 1) < 0.01
    assert abs(float((masks == 0).float().mean()) - 0.3) < 0.01


def test_frozen_statistics_keep_windows_apart(section_arguments):
    network = section_net(section_arguments)
    window = torch.randn(1, 1, 32, 32)
    other = torch.cat([window, 50 * torch.randn(3, 1, 32, 32)])
    torch.testing.assert_close(network(other)[:1], network(window), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", [False, True])
def test_only_image_pooling_sees_the_whole_window(section_arguments, pooling):
    network = section_net(section_arguments, image_pooling=pooling, aspp_rates=[1])
    assert network.fixed_window is pooling
    window = torch.randn(1, 1, 32, 512)
    changed = window.clone()
    changed[..., -8:] += 5.0
    with torch.inference_mode():
        difference = (network(window) - network(changed))[..., :32].abs().max()
    assert bool(difference > 1e-6) is pooling


def test_folding_batch_norm_keeps_the_answer(section_arguments):
    for network, shape in ((section_net(section_arguments), (32, 32)), (cube_net(), (8, 8, 8))):
        window = torch.randn(2, 1, *shape)
        before = network(window)
        norms = sum(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in network.modules())
        fold_batch_norm(network)
        left = sum(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in network.modules())
        assert norms > 5
        assert left == 0
        torch.testing.assert_close(network(window), before, rtol=1e-3, atol=1e-4)


def test_folding_the_temperature_divides_the_logits(section_arguments):
    network = section_net(section_arguments)
    window = torch.randn(1, 1, 32, 32)
    before = network(window)
    fold_temperature(network, 2.5)
    torch.testing.assert_close(network(window), before / 2.5, rtol=1e-4, atol=1e-5)


def test_backward_in_channels_last_gives_the_same_gradients(section_arguments):
    """Strided shortcuts once overran a buffer in this layout."""
    gradients = []
    for layout in (torch.contiguous_format, torch.channels_last):
        network = section_net(section_arguments).to(memory_format=layout)
        torch.manual_seed(1)
        window = torch.randn(4, 1, 32, 32).contiguous(memory_format=layout)
        network(window).square().mean().backward()
        gradients.append([p.grad.contiguous() for p in network.parameters()])
    for plain, last in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, last, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "arguments", "words"),
    [
        ("resnet", {}, "deeplabv3plus"),
        ("unet3d", {"chanels": [4, 8]}, "chanels"),
        ("unet3d", {"channels": [4]}, "two levels"),
        ("unet3d", {"dropout": 1.0}, "dropout"),
        ("deeplabv3plus", {"classes": 2, "stem_stride": 3}, "1 or 2"),
        ("deeplabv3plus", {"classes": "six"}, "cannot be built"),
    ],
)
def test_registry_names_what_is_wrong(network, arguments, words):
    with pytest.raises(NetworkError, match=words):
        build(network, **arguments)
