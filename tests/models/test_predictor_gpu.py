"""Predictions on a GPU: run with ``pytest -m gpu``. The same code runs on CPU in test_predictor."""

from __future__ import annotations

import contextlib
import dataclasses
import time

import numpy as np
import pytest
import torch

from models import shipped
from models.batch_size import MOST, SHARE
from models.recipe import BundleRecipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

FAULT = shipped.url(shipped.FAULT_3D)


@pytest.fixture(params=shipped.names())
def recipe(request):
    url = shipped.url(request.param)
    return BundleRecipe(url, samples=8, batch_size=4, device="cuda")


def windows_of(recipe, count, seed=0):
    shape = recipe.window if len(recipe.window) == 3 else (1, *recipe.window)
    inputs = (len(recipe.inputs),) if len(recipe.inputs) > 1 else ()
    return np.random.default_rng(seed).normal(size=(count, *inputs, *shape)).astype(np.float32)


def test_float32_is_that_of_the_cpu(recipe):
    windows, index = windows_of(recipe, 3), np.arange(3)
    on_gpu = recipe.make_predict()(windows, index)
    on_cpu = dataclasses.replace(recipe, device="cpu").make_predict()(windows, index)
    for ours, theirs in zip(on_gpu, on_cpu, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16", "float16"])
def test_other_arithmetic_stays_within_the_tolerance(recipe, precision, assert_close_enough):
    windows, index = windows_of(recipe, 3), np.arange(3)
    short = dataclasses.replace(recipe, precision=precision).make_predict()(windows, index)
    assert_close_enough(short, recipe.make_predict()(windows, index))


@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_window_gives_the_same_bits_in_any_batch(recipe, precision, samples):
    predict = dataclasses.replace(recipe, precision=precision, samples=samples).make_predict()
    windows, index = windows_of(recipe, 9), np.arange(9)
    whole = predict(windows, index)
    for order in ([3], [8, 3], [5, 6, 7, 3, 2, 1, 0, 8, 4]):
        for ours, theirs in zip(predict(windows[order], index[order]), whole, strict=True):
            assert np.array_equal(ours, theirs[order])


def test_batches_in_flight_keep_apart(recipe):
    predict = recipe.make_predict()
    batches = [windows_of(recipe, 4, seed) for seed in range(6)]
    index = np.arange(4)
    alone = [predict(batch, index) for batch in batches]
    buffer, waiting, found = np.empty_like(batches[0]), [], []
    for batch in batches:
        buffer[:] = batch
        waiting.append(predict.submit(buffer, index))
        buffer[:] = np.nan
        if len(waiting) > 2:
            found.append(predict.collect(waiting.pop(0)))
    found += [predict.collect(each) for each in waiting]
    for ours, theirs in zip(found, alone, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_submitting_does_not_wait_for_the_device():
    recipe = BundleRecipe(FAULT, samples=1, batch_size=8, device="cuda")
    predict = recipe.make_predict()
    windows, index = windows_of(recipe, 64), np.arange(64)
    predict(windows, index)
    begin = time.perf_counter()
    submitted = predict.submit(windows, index)
    handed_over = time.perf_counter() - begin
    predict.collect(submitted)
    assert handed_over < 0.7 * (time.perf_counter() - begin)


def test_batches_are_as_large_as_the_memory_allows():
    sizes = {BundleRecipe(FAULT, device="cuda", precision="bfloat16").batch_size for _ in range(2)}
    assert len(sizes) == 1, "planned again, it is the same"
    size = sizes.pop()
    assert size & (size - 1) == 0 and 1 <= size <= MOST
    recipe = BundleRecipe(FAULT, device="cuda", precision="bfloat16", batch_size=size)
    predict = recipe.make_predict()
    torch.cuda.reset_peak_memory_stats()
    predict(windows_of(recipe, size), np.arange(size))
    assert torch.cuda.max_memory_allocated() <= SHARE * torch.cuda.mem_get_info()[1]
    assert predict.notes == []


def test_a_batch_that_does_not_fit_is_halved_and_noted():
    recipe = BundleRecipe(FAULT, samples=2, device="cuda", batch_size=64)
    predict = recipe.make_predict()
    with room_for_few(predict):
        answer = predict(windows_of(recipe, 2), np.arange(2))
    assert np.isfinite(answer.mean).all()
    assert predict.notes and predict.batch_size < 64


@contextlib.contextmanager
def room_for_few(predict):
    """Leave this process twice what four windows take, however large the card is."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    predict.try_batch(4)
    fraction = 2 * torch.cuda.max_memory_reserved() / torch.cuda.mem_get_info()[1]
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, fraction))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_networks_in_turn_compute_each_in_its_own_precision(recipe):
    windows, index = windows_of(recipe, 3), np.arange(3)
    plain = recipe.make_predict()
    alone = plain(windows, index)
    dataclasses.replace(recipe, precision="tf32").make_predict()(windows, index)
    for ours, theirs in zip(plain(windows, index), alone, strict=True):
        assert np.array_equal(ours, theirs)


def test_a_compiled_network_agrees():
    recipe = BundleRecipe(FAULT, samples=4, batch_size=4, device="cuda")
    windows, index = windows_of(recipe, 4), np.arange(4)
    predict = dataclasses.replace(recipe, compile=True).make_predict()
    for ours, theirs in zip(predict(windows, index), recipe.make_predict()(windows, index),
                            strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
