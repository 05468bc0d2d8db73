"""Predictions: statistics over samples, and what they may not depend on."""

import dataclasses
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from models import shipped
from models.bundle import read_card
from models.errors import PredictionError
from models.montecarlo import sample_statistics, window_masks
from models.out_of_memory import is_out_of_memory
from models.recipe import BundleRecipe
from models.registry import build
from models.runtime import arithmetic, compiled
from models.split import fold_batch_norm
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.volume import synthesize

from .tiny_bundles import WINDOWS, make_bundle, windows_for

aten = torch.ops.aten


def test_statistics_are_those_of_the_samples(made):
    url, sha256, network, target = made
    windows, index = windows_for(target, 3), np.array([5, 900, 2**40])
    answer = BundleRecipe(url, sha256, samples=6, seed=3).make_predict()(windows, index)
    x = torch.from_numpy(windows.reshape(3, 1, *WINDOWS[target]))
    for i in range(3):
        masks = window_masks(network.head, 3, int(index[i]), 6)
        with torch.inference_mode():
            z = network(x[i : i + 1].expand(6, *x.shape[1:]), masks).double() / 1.3
        p = z.sigmoid() if target == "fault" else z.softmax(1)
        both = torch.cat([p, 1 - p], 1) if target == "fault" else p
        entropy = torch.special.entr(both).sum(1).mean(0)
        shape = answer.mean.shape[1:]
        near = {"rtol": 2e-3, "atol": 2e-4}
        np.testing.assert_allclose(answer.mean[i], p.mean(0).reshape(shape), **near)
        np.testing.assert_allclose(answer.expected_entropy[i], entropy.reshape(shape[1:]), **near)
        variance = p.var(0, correction=0).mean(0).reshape(shape[1:])
        np.testing.assert_allclose(answer.variance[i], variance, **near)


def test_one_sample_is_a_pass_without_dropout(made):
    url, sha256, network, target = made
    windows = windows_for(target, 2)
    answer = BundleRecipe(url, sha256, samples=1).make_predict()(windows, np.arange(2))
    with torch.inference_mode():
        z = network(torch.from_numpy(windows.reshape(2, 1, *WINDOWS[target]))) / 1.3
    p = z.sigmoid() if target == "fault" else z.softmax(1)
    np.testing.assert_allclose(answer.mean, p.reshape(answer.mean.shape), atol=1e-4)
    assert float(answer.variance.max()) < 1e-6


def test_without_dropout_all_samples_are_the_deterministic_pass(tmp_path, section_arguments):
    url, sha256, _ = make_bundle(
        tmp_path / "plain", "facies", {**section_arguments}, temperature=1.0
    )
    recipe = BundleRecipe(url, sha256, samples=5)
    predict = recipe.make_predict()
    predict.network.head.dropout = 0.0
    windows = windows_for("facies", 2)
    many = predict(windows, np.arange(2))
    one = dataclasses.replace(recipe, samples=1).make_predict()(windows, np.arange(2))
    np.testing.assert_allclose(many.mean, one.mean, atol=1e-6)
    np.testing.assert_allclose(many.expected_entropy, one.expected_entropy, atol=1e-5)
    assert float(many.variance.max()) < 1e-6


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_window_gives_the_same_bits_in_any_batch(made, precision):
    url, sha256, _, target = made
    recipe = BundleRecipe(url, sha256, samples=4, batch_size=4, precision=precision)
    predict = recipe.make_predict()
    windows, index = windows_for(target, 9), np.arange(9) * 7
    whole = predict(windows, index)
    for order in ([3], [8, 3], [0, 1, 2, 3, 4], [5, 6, 7, 3, 2, 1, 0, 8, 4]):
        part = predict(windows[order], index[order])
        for ours, theirs in zip(part, whole, strict=True):
            assert np.array_equal(ours, theirs[order])


@pytest.mark.parametrize("samples", [1, 4])
def test_a_batch_that_is_not_full_runs_in_the_shapes_of_a_full_one(made, samples):
    """By which a GPU's libraries choose their kernels; seen on a device that only counts."""
    url, sha256, _, target = made
    predict = BundleRecipe(url, sha256, samples=samples, batch_size=4).make_predict()
    predict.network.to("meta")
    (member,), window = predict.members, WINDOWS[target]

    def shapes(count):
        with Shapes() as seen, torch.no_grad():  # inference mode hides products
            x = torch.empty(count, 1, *window, device="meta")
            mean, entropy, _ = predict._answers(0, (member, ()), x, np.arange(count), 4)
        assert len(mean) == len(entropy) == count
        return seen.products

    assert shapes(3) == shapes(4) != []


class Shapes(TorchDispatchMode):
    """Keeps what goes into convolutions and matrix products, each once."""

    def __init__(self):
        super().__init__()
        self.products = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in (aten.convolution, aten.mm, aten.bmm, aten.addmm):
            product = (str(func), *(tuple(a.shape) for a in args if isinstance(a, torch.Tensor)))
            if product not in self.products:
                self.products.append(product)
        return func(*args, **(kwargs or {}))


def test_masks_belong_to_the_window_and_the_seed(made):
    url, sha256, _, target = made
    windows = np.repeat(windows_for(target, 1), 2, axis=0)
    recipe = BundleRecipe(url, sha256, samples=3)
    same = recipe.make_predict()(windows, np.array([4, 4]))
    assert np.array_equal(same.mean[0], same.mean[1])
    other = recipe.make_predict()(windows, np.array([4, 5]))
    assert not np.array_equal(other.mean[0], other.mean[1])
    reseeded = dataclasses.replace(recipe, seed=1).make_predict()(windows, np.array([4, 4]))
    assert not np.array_equal(reseeded.mean[0], same.mean[0])


def test_entropy_of_the_mean_is_never_below_the_expected_one(made):
    url, sha256, _, target = made
    answer = BundleRecipe(url, sha256, samples=10).make_predict()(
        windows_for(target, 2), np.arange(2)
    )
    p = answer.mean.astype(np.float64)
    both = np.concatenate([p, 1 - p], 1) if target == "fault" else p
    total = -(both * np.log(both)).sum(1)
    assert (total - answer.expected_entropy > -1e-4).all()
    assert (total - answer.expected_entropy).mean() > 1e-4
    if target == "facies":
        np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)


def test_sections_may_lie_along_either_axis(tmp_path, section_arguments):
    url, sha256, _ = make_bundle(tmp_path / "bundle", "facies", section_arguments)
    predict = BundleRecipe(url, sha256, samples=2).make_predict()
    along_crossline = windows_for("facies", 2)
    along_inline = along_crossline.transpose(0, 2, 1, 3)
    first = predict(along_crossline, np.arange(2))
    second = predict(along_inline, np.arange(2))
    assert first.mean.shape == (2, 3, 1, 32, 24)
    assert second.mean.shape == (2, 3, 32, 1, 24)
    assert second.expected_entropy.shape == second.variance.shape == (2, 32, 1, 24)
    assert np.array_equal(first.mean[:, :, 0], second.mean[:, :, :, 0])


def test_extreme_logits_stay_probabilities(tmp_path, section_arguments):
    for target in ("facies", "fault"):
        url, sha256, _ = make_bundle(tmp_path / target, target, section_arguments, temperature=1e-3)
        answer = BundleRecipe(url, sha256, samples=3).make_predict()(
            100 * windows_for(target, 1), np.arange(1)
        )
        assert all(np.isfinite(part).all() and (part >= 0).all() for part in answer)
        assert answer.mean.max() <= 1.0 + 1e-6


def test_wrong_windows_are_refused(made):
    url, sha256, _, target = made
    predict = BundleRecipe(url, sha256, samples=1).make_predict()
    with pytest.raises(PredictionError, match="expected"):
        predict(np.zeros((1, 5, 5, 5), np.float32), np.arange(1))
    with pytest.raises(PredictionError, match="2 and 3"):
        predict(windows_for(target, 2), np.arange(3))


@pytest.mark.parametrize(
    ("name", "arguments", "extent", "limit"),
    [
        ("deeplabv3plus", {"classes": 6, "width": 0.5}, (200, 200), 2.0),
        ("unet3d", {"channels": [16, 32, 64, 128]}, (32, 32, 32), 4.0),
        ("unet3d", {"channels": [16, 32, 64], "stem_stride": 2}, (64, 64, 64), 4.0),
    ],
)
def test_twenty_samples_cost_little_more_than_one_pass(name, arguments, extent, limit):
    # counted, not timed: benchmarks/dropout.py has the seconds
    network = build(name, **arguments).eval()
    fold_batch_norm(network)
    masks = window_masks(network.head, 0, 0, 20)
    window = torch.randn(1, 1, *extent)

    def operations(masks):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            features = network.deterministic(window)
            sample_statistics(network, features, masks, extent)
        return counter.get_total_flops()

    assert operations(None) < operations(masks) < limit * operations(None)


def test_predicting_needs_torch_numpy_and_safetensors_only():
    code = (
        "import sys, models.recipe\n"
        "names = {name.split('.')[0] for name in sys.modules}\n"
        "bad = {'zarr', 'dask', 'distributed', 'prefect', 'seisproc', 'monai', 'scipy',"
        " 'fsspec'}\n"
        "print(sorted(names & bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_halves_of_a_call_give_what_the_call_gives(made):
    url, sha256, _, target = made
    predict = BundleRecipe(url, sha256, samples=4, batch_size=2).make_predict()
    windows, index = windows_for(target, 6), np.arange(6)
    whole = predict(windows, index)
    buffer = windows[:3].copy()
    first = predict.submit(buffer, index[:3])
    buffer[:] = np.nan  # what was submitted is the predictor's own
    second = predict.submit(windows[3:], index[3:])
    for part, submitted in ((slice(3, 6), second), (slice(0, 3), first)):
        for ours, theirs in zip(predict.collect(submitted), whole, strict=True):
            assert np.array_equal(ours, theirs[part])
    assert predict.notes == []


@pytest.mark.parametrize(
    "said", [torch.cuda.OutOfMemoryError("CUDA out of memory."),
             RuntimeError("GET was unable to find an engine to execute this computation")],
)
def test_a_batch_that_does_not_fit_into_memory_is_halved_and_noted(made, said):
    url, sha256, _, target = made
    recipe = BundleRecipe(url, sha256, samples=4, batch_size=8)
    windows, index = windows_for(target, 9), np.arange(9)
    whole = recipe.make_predict()(windows, index)
    predict = recipe.make_predict()
    seen = fits_only(predict, 3, said)
    answer = predict(windows, index)
    assert seen == [8, 4, 2, 2, 2, 2, 2]
    assert predict.batch_size == 2
    assert [note.partition(": ")[2][:33] for note in predict.notes] == [
        "batches of 4 instead of 8 windows", "batches of 2 instead of 4 windows",
    ]
    for ours, theirs in zip(answer, whole, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    del seen[:]
    predict(windows[:2], index[:2])
    assert seen == [2], "it does not try the large batch again"


def test_a_single_window_that_does_not_fit_is_an_error(made):
    url, sha256, _, target = made
    predict = BundleRecipe(url, sha256, samples=4, batch_size=2).make_predict()
    fits_only(predict, 0, torch.cuda.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(PredictionError, match="single window does not fit"):
        predict(windows_for(target, 2), np.arange(2))


def test_two_threads_that_meet_a_full_memory_halve_batches_once(made):
    url, sha256, _, target = made
    predict = BundleRecipe(url, sha256, samples=4, batch_size=2).make_predict()
    windows, index = windows_for(target, 2), np.arange(2)
    both, (body,) = threading.Barrier(2, timeout=30), predict.bodies

    def run(x):
        if len(x) == 1:
            return body(x)
        both.wait()
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    predict.bodies = [run]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: predict(windows, index), range(2)))
    assert predict.batch_size == 1
    assert len(predict.notes) == 1
    for ours, theirs in zip(*answers, strict=True):
        assert np.array_equal(ours, theirs)


def test_networks_in_turn_compute_each_with_its_own_threads(made):
    """As on a worker that keeps several jobs' networks loaded."""
    url, sha256, _, target = made
    before, seen = torch.get_num_threads(), []
    recipes = [BundleRecipe(url, sha256, samples=1, batch_size=2, threads=n) for n in (1, 2)]
    try:
        loaded = [recipe.make_predict() for recipe in recipes]
        for predict in loaded:
            (body,) = predict.bodies
            predict.bodies = [lambda x, body=body: seen.append(torch.get_num_threads()) or body(x)]
        with ThreadPoolExecutor(1) as other:
            for predict in (*loaded, *loaded):
                predict(windows_for(target, 1), np.arange(1))
                other.submit(predict, windows_for(target, 1), np.arange(1)).result()
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1, 2, 2, 1, 1, 2, 2]


def test_cuda_is_told_the_precision_of_each_network_when_it_computes():
    """These are switches of the process, and can be looked at without a device."""
    switches = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [each.allow_tf32 for each in switches]
    try:
        for precision in ("float32", "tf32", "float32"):
            with arithmetic(torch.device("cuda"), precision, None):
                assert [each.allow_tf32 for each in switches] == [precision == "tf32"] * 2
                assert torch.backends.cudnn.deterministic
    finally:
        for each, was in zip(switches, before, strict=True):
            each.allow_tf32 = was
        torch.backends.cudnn.deterministic = False


def test_what_a_cpu_says_without_memory_and_what_is_no_want_of_it():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert is_out_of_memory(caught.value)
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2) @ torch.empty(3)
    assert not is_out_of_memory(caught.value)


def fits_only(predict, most, said):
    """Let the network run out of memory above some windows a pass; the batches it was given."""
    seen, (body,) = [], predict.bodies

    def run(x):
        seen.append(len(x))
        if len(x) > most:
            raise said
        return body(x)

    predict.bodies = [run]
    return seen


@pytest.mark.slow
def test_a_compiled_network_agrees(tmp_path, section_arguments):
    url, sha256, _ = make_bundle(tmp_path / "bundle", "fault", section_arguments)
    recipe = BundleRecipe(url, sha256, samples=4, batch_size=2)
    windows, index = windows_for("fault", 2), np.arange(2)
    predict = dataclasses.replace(recipe, compile=True).make_predict()
    for ours, theirs in zip(predict(windows, index), recipe.make_predict()(windows, index),
                            strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert all("torch.compile does not work here" in note for note in predict.notes)
    assert dataclasses.replace(recipe, compile=True).key != recipe.key


@pytest.mark.slow
def test_what_is_compiled_does_not_depend_on_the_shapes_before():
    from torch._dynamo.utils import counters

    call = compiled(lambda x: x.sin().cos())
    before = counters["stats"]["unique_graphs"]
    for size in (2, 3, 4):
        call(torch.ones(size, 5))
    assert counters["stats"]["unique_graphs"] == before + 3


@pytest.mark.parametrize("name", shipped.names())
def test_bfloat16_stays_within_the_tolerance_of_float32(name, assert_close_enough):
    card = read_card(shipped.url(name))[0]
    if len(card.inputs) > 1:
        pytest.skip("is told more than the seismic")
    extent = (128, 128) if len(card.window) == 2 else (64, 64, 64)
    window = None if card.fixed_window else extent
    volume = synthesize(SyntheticConfig(shape=(64, 128, 128), seed=5)).amplitude
    cut = volume[::32] if len(extent) == 2 else volume[None, :64, :64, :64]
    windows = np.ascontiguousarray(cut.reshape(-1, *((1, *extent) if len(extent) == 2 else extent)))
    answers = []
    for precision in ("float32", "bfloat16"):
        recipe = BundleRecipe(shipped.url(name), samples=8, precision=precision,
                              window_shape=window)
        answers.append(recipe.make_predict()(windows, np.arange(len(windows))))
    plain, short = answers
    assert_close_enough(short, plain)
